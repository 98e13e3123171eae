"""What keys a sequence, learned from unlabelled lines."""

import gzip
import os
import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deepsentry.demo.shop import Shop
from models.keys import learn_key
from streams.windowing.keying import Keyer

STEPS = ("INFO {} accepted", "INFO {} loaded 3 items", "INFO {} stored in 12 ms", "INFO {} done")


def interleaved(spell: list[str], sessions: int = 60, seed: int = 1) -> list[str]:
    """Sessions of four steps of which about four run at once; `spell` holds the spelling of each step's id."""
    rng = random.Random(seed)  # noqa: S311 - a test that must repeat
    timed = []
    for session in range(sessions):
        value = rng.randbytes(6).hex()
        start = float(session)
        for step, text in enumerate(STEPS):
            start += rng.uniform(0.2, 1.5)
            timed.append((start, text.replace("{}", spell[step % len(spell)].replace("{}", value))))
    return [text for _, text in sorted(timed)]


def test_a_request_id_is_found() -> None:
    learned = learn_key(interleaved(["request_id={}"]))
    assert learned is not None
    assert (learned.pattern, learned.sequences) == (r"\brequest_id=([0-9a-f]{12})", 60)


def test_an_id_in_several_spellings_is_one_key() -> None:
    learned = learn_key(interleaved(["request_id={}", "req={}"]))
    assert learned is not None
    keyer = Keyer(learned.pattern)
    assert keyer.find("x request_id=0123456789ab") == keyer.find("x req=0123456789ab") == "0123456789ab"


def test_a_process_id_in_brackets_is_local_to_its_host() -> None:
    lines = [f"Dec 10 06:55:{pid % 60:02d} sshd[{24_000 + pid}]: {text}" for pid in range(40) for text in STEPS]
    learned = learn_key(lines)
    assert learned is not None
    assert Keyer(learned.pattern).find("sshd[24200]: Connection closed") == "sshd[24200]"
    assert "(?P<local>" in learned.pattern


def test_the_shape_that_explains_more_lines_wins() -> None:
    rng = random.Random(2)  # noqa: S311 - a test that must repeat
    lines = [f"{line} span={rng.randbytes(4).hex()}" for line in interleaved(["trace={}"])]
    learned = learn_key(lines)
    assert learned is not None
    assert learned.example_shape == "trace=#"


@pytest.mark.parametrize(
    "template",
    [
        "worker-{recurring} picked a job",
        "connection from 192.0.2.{recurring}:{unique} {step}",
        "wrote {unique} bytes, size {unique} {step}",
        "clock={clock} {step}",
        "user={recurring} {step}",
        "line {unique} {step}",
        "nothing varies here: {step}",
    ],
)
def test_what_is_no_session_is_not_taken_for_one(template: str) -> None:
    rng = random.Random(3)  # noqa: S311 - a test that must repeat
    lines = [
        template.format(
            recurring=rng.randrange(30),
            unique=rng.randrange(10**6),
            clock=1_700_000_000 + index // 4,
            step=rng.choice(("opened", "read", "written", "closed")),
        )
        for index in range(2000)
    ]
    assert learn_key(lines) is None


def test_the_reason_and_the_shape_quote_no_value() -> None:
    lines = interleaved(["request_id={}"])
    learned = learn_key(lines)
    assert learned is not None
    values = {line.split("request_id=")[1].split(maxsplit=1)[0] for line in lines}
    assert not any(value in f"{learned}" for value in values)


def test_the_learned_pattern_gives_the_shop_its_request_ids() -> None:
    lines = list(Shop(7).normal(1_700_000_000.0, 400))
    learned = learn_key([line.message for line in lines])
    assert learned is not None
    keyer = Keyer(learned.pattern)
    assert [keyer.find(line.message) for line in lines] == [line.request for line in lines]


@given(st.lists(st.text(max_size=80), max_size=30))
def test_any_lines_are_survived(lines: list[str]) -> None:
    learned = learn_key(lines)
    assert learned is None or Keyer(learned.pattern)


@given(
    before=st.text(st.sampled_from("ab_-.=:[]()#|*+?{}\\^$\"' é1"), max_size=12),
    after=st.text(st.sampled_from("ab_-.]) ,:"), max_size=4),
    seed=st.integers(0, 5),
)
def test_a_pattern_that_is_learned_can_be_used(before: str, after: str, seed: int) -> None:
    lines = interleaved([before + "{}" + after], sessions=12, seed=seed)
    learned = learn_key(lines)
    assert learned is None or all(Keyer(learned.pattern).find(line) for line in lines)


def data(name: str) -> list[str]:
    if "DEEPSENTRY_DATA" not in os.environ:
        pytest.skip("DEEPSENTRY_DATA does not name the folder of the data sets")
    path = Path(os.environ["DEEPSENTRY_DATA"]) / name
    with gzip.open(path, "rt", encoding="utf-8", errors="backslashreplace") as file:
        return [line.rstrip("\n") for _, line in zip(range(50_000), file, strict=False)]


def test_hdfs_is_keyed_by_block() -> None:
    learned = learn_key(data("hdfs/hdfs_2pct.log.gz"))
    assert learned is not None
    assert learned.pattern == r"\bblk_-?\d+"


def test_open_ssh_is_keyed_by_process() -> None:
    learned = learn_key(data("loghub_2k/OpenSSH_2k.log.gz"))
    assert learned is not None
    assert learned.pattern == r"(?P<local>\bsshd\[\d+\])"


def test_open_stack_is_keyed_by_request() -> None:
    learned = learn_key(data("loghub_2k/OpenStack_2k.log.gz"))
    assert learned is not None
    assert learned.example_shape == "req-#"


@pytest.mark.parametrize("system", ["Android", "Apache", "HPC", "HealthApp", "Mac", "Windows", "Zookeeper"])
def test_systems_without_sessions_have_no_key(system: str) -> None:
    assert learn_key(data(f"loghub_2k/{system}_2k.log.gz")) is None


def test_bgl_has_no_key() -> None:
    assert learn_key([line.split(" ", 1)[1] for line in data("bgl/bgl_first60k.log.gz")]) is None

"""Parts of a message become one entry before it is redacted, and what waits says from where."""

import json
import zlib
from collections.abc import Callable, Iterable

import pytest
from faust.types import TP
from hypothesis import given
from hypothesis import strategies as st

from deepsentry import wire
from deepsentry.errors import SettingsError
from deepsentry.events import CleanEntry
from deepsentry.sections import Ingest, Redaction
from streams.redaction import create_redactor
from streams.sanitizing import joining
from streams.sanitizing.joining import Joiner
from streams.sanitizing.sanitize import Located, Sanitizer
from streams.sanitizing.waiting import Waiting
from streams.shippers import Record, create_decoder
from streams.windowing.keying import Keyer
from streams.windowing.marks import KNOWN, reached

NOW = 1735783446.0
TIME = "2025-01-02T02:04:05.678123456Z"
RAW = ("t", 0)
INGEST = Ingest(max_line_bytes=4096)
SANITIZER = Sanitizer(
    create_decoder(INGEST), create_redactor(Redaction(), b"a key for tests, long enough"), Keyer("x^")
)


@pytest.fixture
def joiner() -> Joiner:
    return Joiner(SANITIZER, INGEST)


def located(values: Iterable[bytes], start: int = 0, timestamp: float = NOW) -> list[Located]:
    return [Located(Record(value, None, (), timestamp, "t"), 0, at) for at, value in enumerate(values, start)]


def cri(flag: str, text: str, stream: str = "stdout") -> bytes:
    return f"{TIME} {stream} {flag} {text}".encode()


def docker(log: str) -> bytes:
    return json.dumps({"log": log, "stream": "stdout", "time": TIME}).encode()


def fluent(flag: str, log: str, pod: str = "api-0") -> bytes:
    kubernetes = {"pod_name": pod, "namespace_name": "shop", "container_name": "api", "host": "node1"}
    return json.dumps({"time": TIME, "stream": "stdout", "_p": flag, "log": log, "kubernetes": kubernetes}).encode()


def chunks(value: bytes, size: int = 10, name: bytes = b"12345678") -> list[bytes]:
    parts = [value[at : at + size] for at in range(0, len(value), size)]
    return [b"\x1e\x0f" + name + bytes((at, len(parts))) + part for at, part in enumerate(parts)]


def messages(entries: Iterable[CleanEntry]) -> list[str]:
    return [entry.message for entry in entries]


GELF = json.dumps({"version": "1.1", "host": "web-1", "short_message": "disk full", "level": 3}).encode()


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([cri("P", "first half of a "), cri("P", "long"), cri("F", " line")], "first half of a long line"),
        ([cri("P", "ends at the limit"), cri("F", "")], "ends at the limit"),
        ([docker("first half "), docker("and rest\n")], "first half and rest"),
        ([fluent("P", '{"msg":"slow '), fluent("F", 'query","level":"warn"}')], "slow query"),
        ([b'{"log":"%s","tag":"a"}' % cri(*part) for part in (("P", "first "), ("F", "rest"))], "first rest"),
        (chunks(GELF), "disk full"),
        (chunks(GELF)[::-1], "disk full"),
        (chunks(zlib.compress(GELF)), "disk full"),
        ([cri("P", "caf").rstrip() + b"\xc3", TIME.encode() + b" stdout F \xa9 au lait"], "café au lait"),
    ],
    ids=["CRI", "an empty end", "docker", "JSON in parts", "CRI in a log field", "GELF", "GELF backwards",
         "compressed GELF", "a character in two parts"],
)  # fmt: skip
def test_parts_become_one_entry_at_the_place_of_the_first(joiner: Joiner, values: list[bytes], message: str) -> None:
    done = joiner.sanitize(located(values, start=7))

    assert messages(done.clean) == [message]
    assert (done.clean[0].raw.offset, done.clean[0].flags, done.rejected) == (7, (), [])
    assert joiner.held(RAW) is None


def test_parts_marked_by_the_drivers_of_docker_are_joined(joiner: Joiner) -> None:
    marked = {"container_id": "c0ffee", "source": "stdout", "partial_message": "true", "partial_id": "7"}
    journal = {"__REALTIME_TIMESTAMP": "1735783445678000", "CONTAINER_ID_FULL": "a"}
    values = [
        {"log": "first ", "partial_last": "false", "partial_ordinal": "1", **marked},
        {"log": "rest", "partial_last": "true", "partial_ordinal": "2", **marked},
        {**journal, "MESSAGE": "one ", "CONTAINER_PARTIAL_MESSAGE": "true"},
        {**journal, "MESSAGE": "two"},
        {"source_type": "docker_logs", "container_id": "b", "message": "left ", "_partial": True},
        {"source_type": "docker_logs", "container_id": "b", "message": "right"},
    ]

    done = joiner.sanitize(located(json.dumps(value).encode() for value in values))

    assert messages(done.clean) == ["first rest", "one two", "left right"]


def test_a_secret_that_two_parts_share_is_masked(joiner: Joiner) -> None:
    done = joiner.sanitize(located([cri("P", "from alice.smith@exam"), cri("F", "ple.com came mail")]))

    assert "alice" not in done.clean[0].message
    assert "ple.com" not in done.clean[0].message


def test_what_waits_at_the_end_of_a_chunk_is_completed_by_the_next(joiner: Joiner) -> None:
    first = joiner.sanitize(located([b"whole", cri("P", "first ")]))
    held = joiner.held(RAW)
    second = joiner.sanitize(located([b"another", cri("F", "rest")], start=2))

    assert (messages(first.clean), held) == (["whole"], 1)
    assert (messages(second.clean), joiner.held(RAW)) == (["another", "first rest"], None)


def test_sources_are_not_mixed(joiner: Joiner) -> None:
    values = [fluent("P", "a1 "), fluent("P", "b1 ", "api-1"), fluent("F", "b2", "api-1"), fluent("F", "a2")]

    assert messages(joiner.sanitize(located(values)).clean) == ["b1 b2", "a1 a2"]


@pytest.mark.parametrize(
    "later",
    [located([b"x"], start=1, timestamp=NOW + joining.MAX_AGE + 1), located([b"x"], start=2 + joining.MAX_BEHIND)],
    ids=["by time", "by distance"],
)
def test_a_part_is_not_waited_for_without_end(joiner: Joiner, later: list[Located]) -> None:
    joiner.sanitize(located([cri("P", "first half to")]))

    done = joiner.sanitize(later)

    assert messages(done.clean) == ["first half ", "x"]  # without the word that may be cut
    assert done.clean[0].flags == ("unjoined",)
    assert joiner.held(RAW) is None


def test_chunks_that_miss_others_are_rejected_as_they_came(joiner: Joiner) -> None:
    sent = chunks(GELF)[:-1]
    joiner.sanitize(located(sent))

    done = joiner.flush(RAW)

    assert [(where.record.value, rejected.reason) for where, rejected in done.rejected] == [
        (value, "incomplete") for value in sent
    ]


def test_a_chunk_that_came_before_is_rejected_not_lost(joiner: Joiner) -> None:
    one, *rest = chunks(GELF)

    done = joiner.sanitize(located([one, one, *rest]))

    assert messages(done.clean) == ["disk full"]
    assert [where.offset for where, _ in done.rejected] == [1]


def test_only_so_many_messages_wait(joiner: Joiner) -> None:
    flood = (chunks(GELF, name=number.to_bytes(8))[0] for number in range(joining.MAX_OPEN + 50))

    done = joiner.sanitize(located(flood))

    assert len(done.rejected) >= 49


def test_a_message_over_the_limit_is_cut_and_its_parts_are_not_kept(joiner: Joiner) -> None:
    done = joiner.sanitize(located([*[cri("P", "word " * 100)] * 50, cri("F", "end")]))

    assert len(done.clean[0].message) <= INGEST.max_line_bytes
    assert done.clean[0].flags == ("truncated",)


def test_reading_that_begins_anew_forgets_what_waited(joiner: Joiner) -> None:
    values = [cri("P", "first "), cri("F", "rest")]
    joiner.sanitize(located(values[:1]))

    assert messages(joiner.sanitize(located(values)).clean) == ["first rest"]


TRACE = ["ERROR boom", "java.io.IOException: disk full", "\tat a.B.run(B.java:7)", "Caused by: x", "... 3 more"]
CONTINUED = Ingest(max_line_bytes=4096, continuation=r"\s|Caused by:|java\.|\.\.\. \d+ more")


@pytest.mark.parametrize(
    "sent",
    [str.encode, lambda line: cri("F", line), lambda line: fluent("F", line), lambda line: docker(line + "\n")],
    ids=["bare", "CRI", "Fluent Bit", "docker"],
)
def test_lines_that_continue_are_joined_where_the_operator_says_how_they_begin(sent: Callable[[str], bytes]) -> None:
    joiner = Joiner(SANITIZER, CONTINUED)

    done = joiner.sanitize(located(sent(line) for line in [*TRACE, "INFO next"]))
    held = joiner.held(RAW)
    last = joiner.flush(RAW)

    assert messages(done.clean) == ["\n".join(TRACE)]
    assert (messages(last.clean), last.clean[0].flags, held) == (["INFO next"], (), len(TRACE))


def test_a_private_key_in_lines_is_masked_as_one(joiner: Joiner) -> None:
    joiner = Joiner(SANITIZER, Ingest(continuation=r"[A-Za-z0-9+/=]{40,}$|-----END "))
    key = [
        "-----BEGIN RSA PRIVATE " + "KEY-----",
        *["MIIEpAIBAAKCAQEA" + "a1B2" * 12] * 3,
        "-----END RSA PRIVATE " + "KEY-----",
    ]

    joiner.sanitize(located(line.encode() for line in key))

    assert "MIIE" not in joiner.flush(RAW).clean[0].message


def test_a_continued_line_may_itself_come_in_parts() -> None:
    joiner = Joiner(SANITIZER, CONTINUED)
    values = [cri("P", "ERR"), cri("F", "OR boom"), cri("P", "  at "), cri("F", "x"), cri("F", "INFO next")]

    assert messages(joiner.sanitize(located(values)).clean) == ["ERROR boom\n  at x"]


def test_a_pattern_that_re2_refuses_is_a_setting_to_mend() -> None:
    with pytest.raises(SettingsError, match=r"ingest\.continuation"):
        Joiner(SANITIZER, Ingest(continuation="(?=x)"))


SAID = st.one_of(
    st.text('ab \n{}"\0', max_size=6),
    st.sampled_from(["P", "F", "true", True, None, 10**30, 7.5, [1], {"msg": "m"}]),
)
NAMES = [
    "log",
    "message",
    "_p",
    "stream",
    "time",
    "tag",
    "partial_message",
    "partial_last",
    "_partial",
    "short_message",
]
OBJECTS = st.dictionaries(st.sampled_from(NAMES), SAID, max_size=5)
LINES = st.lists(
    st.one_of(
        OBJECTS.map(wire.encode),
        OBJECTS.filter(lambda value: 10**30 not in value.values()).map(wire.to_msgpack),
        st.builds(cri, st.sampled_from("PF"), st.text("ab ", max_size=3), st.sampled_from(["stdout", "stderr"])),
        st.builds(fluent, st.sampled_from("PF"), st.text("ab ", max_size=3), st.sampled_from(["x", "y"])),
        st.sampled_from([*chunks(GELF), *chunks(GELF, 30, b"87654321"), b"\x1e\x0fshort", b"plain line", b"  at x"]),
        st.binary(max_size=20),
    ),
    max_size=12,
)


@given(LINES, st.integers(1, 12), st.sampled_from([INGEST, CONTINUED]))
def test_the_outcome_does_not_depend_on_where_chunks_end(values: list[bytes], size: int, ingest: Ingest) -> None:
    records = located(values)

    def run(size: int) -> tuple[list[CleanEntry], list[tuple[int, str]]]:
        joiner = Joiner(SANITIZER, ingest)
        found = [joiner.sanitize(records[at : at + size]) for at in range(0, len(records), size)]
        found.append(joiner.flush(RAW))
        clean = [entry for done in found for entry in done.clean]
        return clean, [(where.offset, rejected.reason) for done in found for where, rejected in done.rejected]

    clean, rejected = run(size)
    assert (clean, sorted(rejected)) == (run(len(records) or 1)[0], sorted(run(len(records) or 1)[1]))


@given(LINES, st.sampled_from([INGEST, CONTINUED]))
def test_nothing_is_held_that_does_not_wait_and_nothing_waits_unheld(values: list[bytes], ingest: Ingest) -> None:
    joiner = Joiner(SANITIZER, ingest)
    out: set[int] = set()
    for each in located(values):
        done = joiner.sanitize([each])
        out |= {entry.raw.offset for entry in done.clean} | {where.offset for where, _ in done.rejected}
        held = joiner.held(RAW)
        assert held is None or held not in out
        assert held is None or held <= each.offset


def test_a_partition_in_which_a_part_waits_is_not_said_to_have_reached_anything(joiner: Joiner) -> None:
    waiting = Waiting(joiner, lambda: pytest.fail("needs no consumer"), lambda: NOW)
    place = TP(*RAW)
    lines = [cri("F", f"line {number}") for number in range(KNOWN)]
    waiting.mark(place, joiner.sanitize(located([*lines, cri("P", "first half of ")])).clean)
    assert not waiting.marks.headers()
    waiting.mark(place, joiner.sanitize(located([cri("F", "a line"), *lines], start=4)).clean)
    assert list(reached(waiting.marks.headers()) or ()) == ["t/0"]

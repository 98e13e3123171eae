"""Which sequence an entry belongs to."""

from dataclasses import dataclass

import pytest
import re2
from hypothesis import given
from hypothesis import strategies as st

from deepsentry.errors import SettingsError
from models.keys import DEFAULT_PATTERNS
from streams.windowing.keying import LONGEST, Keyer, bounded, literals

PATTERNS = [
    r"\bblk_-?\d+",
    r"(?P<local>\bsshd\[\d+\])",
    r"\brequest_id=([0-9a-f]{4,})|\breq=([0-9a-f]+)",
    r"ab+c(?:de|fg)?h{0,2}i",
    r"(a|bc)*d",
    r"x([0-9]foo)y",
    r"a{2}b??c",
    r"[]a]b[^]c]",
    r"(?i)Abc",
    r"\$\.\[a\]",
    "é+b",
    *DEFAULT_PATTERNS,
]


@dataclass(frozen=True)
class Text:
    message: str
    trace: str = ""
    host: str = "web-1"
    service: str = "cart"


def test_the_session_id_in_the_text_is_the_key() -> None:
    assert Keyer(r"blk_-?\d+").key(Text("Receiving block blk_-42 src", trace="t1")) == ("blk_-42", "session")


def test_the_first_group_that_took_part_is_the_key() -> None:
    keyer = Keyer(r"request_id=(\w+)|req=(\w+)")
    assert [keyer.find("a request_id=7f"), keyer.find("a req=7f")] == ["7f", "7f"]


def test_without_a_session_id_the_trace_is_the_key() -> None:
    assert Keyer(r"blk_\d+").key(Text("nothing here", trace="t1")) == ("t1", "session")


def test_without_either_a_window_of_host_and_service_is_the_key() -> None:
    assert Keyer(r"blk_\d+").key(Text("nothing here")) == ("web-1|cart", "window")


def test_an_empty_match_is_no_session_id() -> None:
    assert Keyer(r"\d*").key(Text("nothing here")) == ("web-1|cart", "window")


def test_a_local_id_is_told_apart_by_its_host() -> None:
    keyer = Keyer(r"(?P<local>sshd\[\d+\])")
    keys = {keyer.key(Text("sshd[7]: Connection closed", host=host))[0] for host in ("a", "b")}
    assert keys == {"a|sshd[7]", "b|sshd[7]"}


def test_a_redaction_token_can_be_part_of_a_key() -> None:
    assert Keyer(r"session=(\S+)").find("session=<token:3f9a> opened") == "<token:3f9a>"


def test_long_keys_are_cut_and_stay_different() -> None:
    one, other = bounded("x" * 500 + "1"), bounded("x" * 500 + "2")
    assert len(one) == len(other) == LONGEST
    assert one != other


@pytest.mark.parametrize("pattern", ["(", "(?=a)", r"(a)\1", "a{1000}{1000}"])
def test_a_pattern_that_re2_refuses_is_named(pattern: str) -> None:
    with pytest.raises(SettingsError) as caught:
        Keyer(pattern)
    assert repr(pattern) in str(caught.value)


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("INFO X-Request-Id: 7b2f-99 GET /cart", "7b2f-99"),
        ('{"trace_id":"4bf92f3577b34da6"}', "4bf92f3577b34da6"),
        ("correlationId=abc-1 done", "abc-1"),
        ("[req-38101a0b-2096-447d-96ea-a692162415ae - -] GET", "38101a0b-2096-447d-96ea-a692162415ae"),
        ("PacketResponder 1 for block blk_388 terminating", "blk_388"),
        ("request identified in 12 ms", ""),
        ("traceability report 2024", ""),
    ],
)
def test_the_built_in_patterns_know_common_ids(text: str, key: str) -> None:
    assert Keyer("|".join(DEFAULT_PATTERNS)).find(text) == key


@pytest.mark.parametrize(
    ("pattern", "held"),
    [
        (r"\bblk_-?\d+", ("blk_",)),
        (r"(?P<local>\bsshd\[\d+\])", ("sshd[",)),
        (r"\brequest_id=([0-9a-f]+)|\breq=([0-9a-f]+)", ("request_id=", "req=")),
        (r"x([0-9]foo)y", ("foo",)),
        (r"(?i)blk_", ()),
        (r"blk_|\d+", ()),
    ],
)
def test_lines_without_the_literal_of_a_pattern_are_passed_over(pattern: str, held: tuple[str, ...]) -> None:
    assert literals(pattern) == held


@given(
    pattern=st.sampled_from(PATTERNS),
    text=st.text(st.sampled_from("abcdefghijkxy0123_-=[]$.ébloqrstun \n"), max_size=40),
)
def test_passing_over_lines_never_loses_a_match(pattern: str, text: str) -> None:
    matched = re2.search(pattern, text) is not None
    held = literals(pattern)
    assert not matched or not held or any(literal in text for literal in held)


@given(
    pattern=st.text(st.sampled_from(r"ab\.[](){}|?*+-^$0,1:db"), max_size=12),
    text=st.text(st.sampled_from("ab01-.,:"), max_size=12),
)
def test_no_pattern_makes_the_prefilter_disagree_with_the_engine(pattern: str, text: str) -> None:
    try:
        Keyer(pattern)
    except SettingsError:
        return
    held = literals(pattern)
    assert re2.search(pattern, text) is None or not held or any(literal in text for literal in held)


@given(text=st.text(), pattern=st.sampled_from(PATTERNS))
def test_any_text_gets_a_bounded_key(text: str, pattern: str) -> None:
    key, _ = Keyer(pattern).key(Text(text, trace=text, host=text))
    assert len(key) <= LONGEST

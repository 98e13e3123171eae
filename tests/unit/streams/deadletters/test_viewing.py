import unicodedata
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deepsentry.events import Position
from deepsentry.sections import Redaction
from streams.alerts.visible import ESCAPED
from streams.deadletters.quarantine import Quarantined
from streams.deadletters.viewing import READ, SHOWN, brief, view
from streams.redaction import Redactor, create_redactor

SECRET = "hunter2-and-more-of-it"
PLAIN = Quarantined(
    id="deepsentry.logs.rejected.v1-3-1045",
    at=2000.0,
    source=Position("deepsentry.logs.raw.v1", 2, 41),
    elements="0",
    count=1,
    timestamp=1000.0,
    stage="sanitize",
    reason="malformed",
    detail="not JSON",
    length=1,
    cut=False,
    key=b"web-1",
    value=b"{",
    headers=(("host", b"web-1"),),
)


@pytest.fixture(scope="module")
def redactor() -> Redactor:
    return create_redactor(Redaction(), b"a key for tests, long enough")


@given(
    key=st.binary(max_size=60),
    value=st.binary(max_size=200) | st.text(max_size=100).map(str.encode),
    headers=st.lists(st.tuples(st.text(max_size=20), st.binary(max_size=40)), max_size=4).map(tuple),
    detail=st.text(max_size=50),
)
def test_whatever_is_in_it_what_is_shown_does_nothing_to_a_terminal(
    redactor: Redactor, key: bytes, value: bytes, headers: tuple[tuple[str, bytes], ...], detail: str
) -> None:
    shown = view(replace(PLAIN, key=key, value=value, headers=headers, detail=detail), redactor)
    for text in (shown.key, shown.detail, *shown.text.split("\n"), *(part for each in shown.headers for part in each)):
        assert not {unicodedata.category(character) for character in text} & ESCAPED
        text.encode()


@pytest.mark.parametrize(
    "found",
    [
        replace(PLAIN, key=f"password={SECRET}".encode()),
        replace(PLAIN, headers=(("authorization", f"Bearer {SECRET}".encode()),)),
        replace(PLAIN, headers=(("password", SECRET.encode()),)),
        replace(PLAIN, headers=((f"x password={SECRET}", b""),)),
        replace(PLAIN, value=f'{{"password": "{SECRET}", "message":'.encode()),
        replace(PLAIN, detail=f"password={SECRET}"),
        replace(PLAIN, value=f"password={SECRET}".encode("utf-16")),
        replace(PLAIN, value=b"\xff password=" + SECRET.encode()),
        replace(PLAIN, value=f"{'x ' * 1990}password={SECRET}".encode()),
        replace(PLAIN, value=b"a " * (READ // 2 - 10) + f"password={SECRET}".encode()),
    ],
    ids=["key", "header", "named header", "header's name", "value", "detail", "utf-16", "latin-1", "cut", "far"],
)
def test_a_secret_is_shown_nowhere(redactor: Redactor, found: Quarantined) -> None:
    shown = repr(view(found, redactor))
    assert not any(SECRET[n : n + 8] in shown for n in range(len(SECRET) - 8))


def test_what_is_no_secret_is_shown_as_it_is(redactor: Redactor) -> None:
    shown = view(replace(PLAIN, value=b'{"message": "half a rec\nord'), redactor)
    assert (shown.key, shown.headers, shown.detail) == ("web-1", (("host", "web-1"),), "not JSON")
    assert shown.text == '{"message": "half a rec\nord'


def test_a_header_of_a_megabyte_and_a_thousand_headers_are_told_in_short(redactor: Redactor) -> None:
    shown = view(replace(PLAIN, headers=(("h", b"v" * 1_000_000), *(("n", b"") for _ in range(1000)))), redactor)
    assert len(repr(shown.headers)) < 3000
    assert shown.headers[-1] == ("…", "951 more")


def test_a_long_value_is_told_by_its_beginning_and_its_size(redactor: Redactor) -> None:
    shown = view(replace(PLAIN, value=b"a b " * 500_000, length=2_000_000), redactor)
    assert len(shown.text) < SHOWN + 100
    assert shown.text.endswith("… (of 2,000,000 bytes)")


def test_a_character_cut_in_two_by_the_limit_does_not_make_it_no_text(redactor: Redactor) -> None:
    assert view(replace(PLAIN, value=b"a" + "é".encode() * READ), redactor).text.startswith("aé")


class Broken:
    version = "none"

    def redact(self, *_: object) -> list[object]:
        raise RuntimeError(SECRET)


def test_what_the_engine_fails_on_is_not_shown() -> None:
    shown = view(replace(PLAIN, value=SECRET.encode()), Broken())  # type: ignore[arg-type]
    assert SECRET not in repr(shown)
    assert "not shown" in shown.text


def test_what_a_list_needs_of_a_large_record_is_small() -> None:
    large = replace(
        PLAIN, key=b"k" * 10**7, value=b"v" * 10**7, headers=(("h", b"w" * 10**7), ("deepsentry-replay", b"x"))
    )
    short = brief(large)
    assert len(short.key) + len(short.value) + sum(len(value) for _, value in short.headers) < 2 * READ
    assert short.headers == (("deepsentry-replay", b"x"),)

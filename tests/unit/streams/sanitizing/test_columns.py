"""The column path gives what the plain path gives, of anything."""

from collections.abc import Sequence
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deepsentry import wire
from deepsentry.sections import Ingest, Redaction
from streams.batch.offline import BUILT_IN
from streams.redaction import Redacted, Redactor, create_redactor
from streams.sanitizing.columns import Chunk, Columns
from streams.sanitizing.sanitize import Sanitizer
from streams.shippers import create_decoder
from streams.transport.fetched import Fetched
from streams.windowing.keying import Keyer, is_blind

TOPIC: Final = "deepsentry.logs.raw.v1"
STORED: Final = 1_735_800_000_000
PATTERNS: Final = (BUILT_IN, r"blk_-?[0-9]+", r"req=(?P<local>\w+)", r"id=[1-8]+|#(\d)", "x^")


@pytest.fixture(scope="module")
def redactor() -> Redactor:
    return create_redactor(Redaction(engine="portable"), b"a key for tests, long enough")


def paths(redactor: Redactor, key: str, ingest: Ingest) -> tuple[Sanitizer, Columns]:
    return (
        Sanitizer(create_decoder(ingest), redactor, Keyer(key)),
        Columns(Sanitizer(create_decoder(ingest), redactor, Keyer(key)), redactor, ingest),
    )


LINES: Final = (
    "081109 203518 143 INFO dfs.DataNode: Receiving block blk_-1608999687919862906 src: /10.250.19.102:54106",
    "081109 203519 29 INFO dfs.FSNamesystem: blk_38865049064139660 is added",
    "WARN req=ab12 took 31 ms",
    "ERROR req=0 took 7 ms",
    "level=error id=12 #4",
    "level=error id=92 #4",
    "mail to ann@example.org blk_1",
    "card 4111 1111 1111 1111 refused",
    "two\nlines INFO 1",
    "ends with a break\n",
    " a leading space",
    "  two of them",
    "\t\r\n ",
    "nul \0 within",
    "größer als 4 Fehler: blk_77",
    "x" * 300 + " INFO",
    "",
)
messages = st.one_of(st.sampled_from(LINES), st.text(max_size=60))
hosts = st.sampled_from(["web-1", "web-1", "web-1", "web-2", " padded ", "", "ann@example.org", "w" * 400])
stamps = st.sampled_from(
    ["2025-01-02T03:04:05.000Z", "2025-01-02T03:04:05.123Z", "2025-01-02 03:04:05", "2031-01-02T03:04:05Z", "soon"]
)
places = st.one_of(st.integers(-3, 10_000), st.integers(0, 10_000), st.none(), st.just(1.5), st.just(10**30))


@st.composite
def defaults(draw: st.DrawFn) -> bytes:
    host = draw(hosts)
    offset = draw(places)
    event: dict[str, object] = {
        "@timestamp": draw(stamps),
        "@metadata": {"beat": "filebeat"},
        "message": draw(messages),
        "log": {
            "file": {
                "path": draw(st.sampled_from(["/var/log/app.log", "/var/log/app.log", "", "/home/ann@example.org/log"]))
            }
        }
        | ({} if offset is None else {"offset": offset}),
        "host": {"name": host},
        "agent": {"name": host},
    }
    if draw(st.integers(0, 9)) == 0:
        event["fields"] = {"team": "shop"}
    order = draw(st.permutations(list(event))) if draw(st.integers(0, 5)) == 0 else list(event)
    return draw(st.sampled_from([b"", b"", b"", b" \n"])) + wire.encode({name: event[name] for name in order})


values = st.one_of(
    defaults(),
    defaults(),
    defaults(),
    st.binary(max_size=30),
    st.none(),
    messages.map(lambda text: text.encode("utf-8", "replace")),
    messages.map(lambda text: wire.encode([{"message": text, "host": "a"}, {"message": "", "host": "b"}])),
    st.just(b'{"@timestamp":"2025-01-02T03:04:05.000Z","message":"\xff"}'),
)


@st.composite
def records(draw: st.DrawFn) -> list[Fetched]:
    found = []
    headed = draw(st.integers(0, 7)) == 0
    timed = draw(st.integers(0, 7)) > 0
    for offset, value in enumerate(draw(st.lists(values, max_size=12))):
        headers = ((("host", b"h"), ("content-type", b"application/json")),) if headed and offset % 3 == 0 else ((),)
        stored = STORED + draw(st.sampled_from([0, 0, -10_000])) if timed else draw(st.sampled_from([STORED, -1]))
        found.append(Fetched(TOPIC, 3, offset * 2, stored, draw(st.sampled_from([None, b"key"])), value, *headers))
    return found


@given(
    chunks=st.lists(records(), max_size=3),
    pattern=st.sampled_from(PATTERNS),
    ingest=st.sampled_from([Ingest(), Ingest(max_line_bytes=1024), Ingest(formats={TOPIC: "line"})]),
)
def test_any_chunk_becomes_what_the_plain_path_makes_of_it(
    redactor: Redactor, chunks: list[list[Fetched]], pattern: str, ingest: Ingest
) -> None:
    plain, columns = paths(redactor, pattern, ingest)
    for fetched in [*chunks, *chunks]:  # the second time, much is remembered
        chunk = Chunk(TOPIC, 3, fetched)
        assert columns.sanitize(chunk) == plain.sanitize(list(chunk))


@pytest.mark.parametrize("pattern", PATTERNS)
def test_lines_that_differ_in_digits_only_are_told_apart_where_that_matters(redactor: Redactor, pattern: str) -> None:
    plain, columns = paths(redactor, pattern, Ingest())
    lines = [line for line in LINES if "\0" not in line]  # one sends the whole chunk the plain way
    for shift in range(10):
        turned = str.maketrans("0123456789", "".join(str((n + shift) % 10) for n in range(10)))
        chunk = Chunk(TOPIC, 3, [record(n, line.translate(turned)) for n, line in enumerate(lines)])
        assert columns.sanitize(chunk) == plain.sanitize(list(chunk))


def test_what_is_usual_does_not_go_the_plain_way_and_says_the_same(redactor: Redactor) -> None:
    plain, columns = paths(redactor, r"blk_-?\d+", Ingest())
    lines = ["INFO blk_12 added", "WARN none", "ERROR blk_-7 größer", "INFO blk_99 added", "FATAL blk_55"]
    chunk = Chunk(TOPIC, 3, [record(n, line) for n, line in enumerate(lines)])
    columns.sanitize(chunk)
    asked: list[int] = []
    aside = columns._plain.sanitize
    columns._plain.sanitize = lambda records: (asked.append(len(records)), aside(records))[1]  # type: ignore[method-assign]
    assert columns.sanitize(chunk) == plain.sanitize(list(chunk))
    assert not asked
    secret = Chunk(TOPIC, 3, [record(0, lines[0]), record(1, "mail to ann@example.org"), record(2, lines[1])])
    assert columns.sanitize(secret) == plain.sanitize(list(secret))
    assert asked == [1]


class Broken:
    """A redactor that fails on a whole chunk, and works on single texts."""

    def __init__(self, inner: Redactor) -> None:
        self._inner = inner
        self.version = inner.version

    def masked(self, texts: Sequence[str], names: Sequence[str] = ()) -> dict[int, Redacted]:
        if len(texts) > 1:
            raise ZeroDivisionError
        return self._inner.masked(texts, names)


def record(offset: int, message: str, host: str = "web-1") -> Fetched:
    value = {
        "@timestamp": "2025-01-02T03:04:05.000Z",
        "@metadata": {},
        "message": message,
        "log": {"offset": offset, "file": {"path": "/var/log/app.log"}},
        "host": {"name": host},
    }
    return Fetched(TOPIC, 3, offset, STORED, None, wire.encode(value), ())


def test_what_breaks_the_engine_is_left_to_the_plain_path(redactor: Redactor) -> None:
    plain, columns = paths(Broken(redactor), BUILT_IN, Ingest())  # type: ignore[arg-type]
    chunk = Chunk(TOPIC, 3, [record(n, f"line {n}") for n in range(4)])
    assert columns.sanitize(chunk) == plain.sanitize(list(chunk))


def test_a_new_keyer_counts_from_the_next_chunk_on(redactor: Redactor) -> None:
    _, columns = paths(redactor, "blk_[0-9]+", Ingest())
    chunk = Chunk(TOPIC, 3, [record(0, "blk_12 of req=34")])
    columns.sanitize(chunk)
    assert [entry.sequence for entry in columns.sanitize(chunk).clean] == ["blk_12"]
    columns.keyer = Keyer("req=([0-9]+)")
    assert [entry.sequence for entry in columns.sanitize(chunk).clean] == ["34"]


@pytest.mark.parametrize(
    ("pattern", "blind"),
    [
        (r"\bblk_-?\d+", True),
        (BUILT_IN, True),
        (r"[0-9a-f]{8}", True),
        (r"[^0-9]+ (\S+)", True),
        ("[+-:]", True),
        ("blk_[1-9]", False),
        ("[^5]", False),
        ("id1", False),
        (r"\x31", False),
        ("[[:digit:]]", False),
    ],
)
def test_a_pattern_is_blind_where_it_takes_any_digit_for_any_other(pattern: str, *, blind: bool) -> None:
    assert is_blind(pattern) == blind


@given(text=st.text("ab_1290 =#id", max_size=20), pattern=st.sampled_from([r"a?\d+", "[0-9b]{2,}", r"\bid=(\w+)|#"]))
def test_where_a_blind_pattern_finds_an_id_no_digit_counts(text: str, pattern: str) -> None:
    keyer = Keyer(pattern)
    assert keyer.blind
    zeros = "".join("0" if character.isdigit() else character for character in text)
    assert keyer.span(text) == keyer.span(zeros)
    start, end = keyer.span(text)
    assert keyer.find(text) == (text[start:end] if start >= 0 else "")

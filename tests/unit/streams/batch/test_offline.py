import gzip
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deepsentry.errors import DataError
from deepsentry.events import CleanEntry
from deepsentry.sections import Ingest, Redaction, Sequences
from streams.batch import offline
from streams.redaction import create_redactor
from streams.sanitizing.sanitize import Sanitizer
from streams.shippers import create_decoder
from streams.windowing.keying import Keyer
from tests.builders import clean

SETTINGS = Sequences(idle=10.0, window=6, max_length=50)


def written(path: Path, data: bytes) -> str:
    path.write_bytes(data)
    return str(path)


@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
def test_lines_come_without_their_ends(tmp_path: Path, end: bytes) -> None:
    path = written(tmp_path / "a.log", end.join([b"one", b"", b"three"]))
    assert list(offline.read_lines(path)) == [b"one", b"", b"three"]


def test_gzip_is_seen_by_its_bytes_and_not_by_its_name(tmp_path: Path) -> None:
    assert list(offline.read_lines(written(tmp_path / "a.log", gzip.compress(b"one\ntwo\n")))) == [b"one", b"two"]


def test_a_line_without_end_is_read_in_pieces(tmp_path: Path) -> None:
    path = written(tmp_path / "a.log", b"x" * (offline.LONGEST + 5))
    assert [len(line) for line in offline.read_lines(path)] == [offline.LONGEST, 5]


@pytest.mark.parametrize("name", ["missing.log", ""])
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, name: str) -> None:
    with pytest.raises(DataError, match=f"{name}: "):
        list(offline.read_lines(str(tmp_path / name)))


@given(data=st.binary(max_size=300))
def test_any_bytes_are_lines_or_a_data_error(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    path = written(tmp_path_factory.getbasetemp() / "any.log", data)
    try:
        lines = list(offline.read_lines(path))
    except DataError:
        assert data.startswith((offline.GZIP, offline.ZSTD))
    else:
        assert b"\n" not in b"".join(lines)


def test_a_line_is_the_record_that_a_plain_shipper_would_send(tmp_path: Path) -> None:
    [first, second] = offline.records(written(tmp_path / "app.log", b"one\ntwo\n"), now=5.0)
    assert (first.record.value, first.record.topic, first.record.timestamp) == (b"one", "app.log", 5.0)
    assert (first.offset, second.offset) == (0, 1)


def test_lines_are_sanitized_chunk_by_chunk_and_none_is_lost(tmp_path: Path) -> None:
    path = written(tmp_path / "a.log", b"".join(b"line %d\n" % n for n in range(25)))
    redactor = create_redactor(Redaction(), b"a key for tests, long enough")
    sanitizer = Sanitizer(create_decoder(Ingest()), redactor, Keyer("x^"))
    done = list(offline.sanitized(offline.records(path, 5.0), sanitizer, chunk=10))
    assert [len(each.clean) for each in done] == [10, 10, 5]
    assert [entry.message for each in done for entry in each.clean] == [f"line {n}" for n in range(25)]


def keys(entries: list[CleanEntry], pattern: str = "") -> list[tuple[str, str]]:
    return [(entry.sequence, entry.kind) for entry in offline.key(entries, pattern).entries]


def test_a_pattern_that_was_given_makes_the_keys() -> None:
    assert keys([clean(0, message="job 7 done"), clean(1, message="idle")], r"job (\d+)") == [
        ("7", "session"),
        ("web-1|shop", "window"),
    ]


def test_without_a_pattern_it_is_learned_from_the_lines() -> None:
    messages = [f"{verb} txn={n:08x} by worker" for n in range(300) for verb in ("opened", "stored", "closed")]
    keyed = offline.key([clean(n, message=message) for n, message in enumerate(messages)], "")
    assert keyed.learned is not None
    assert {entry.sequence for entry in keyed.entries} == {f"{n:08x}" for n in range(300)}


def logged(entries: list[CleanEntry]) -> list[tuple[str, int, bool]]:
    return [(each.key, len(each.messages), each.complete) for each in offline.sequences(entries, SETTINGS)]


def test_a_session_is_one_sequence_and_ends_with_the_file() -> None:
    entries = [clean(n, sequence="ab"[n % 2], timestamp=float(n)) for n in range(6)]
    assert sorted(logged(entries)) == [("a", 3, True), ("b", 3, True)]


def test_a_window_slides_as_it_does_in_the_stream() -> None:
    entries = [clean(n, kind="window", sequence="h|s", timestamp=float(n)) for n in range(12)]
    assert [length for _, length, _ in logged(entries)][:2] == [6, 6]


def test_every_line_is_counted_and_keeps_its_time() -> None:
    seen: list[None] = []
    entries = [clean(n, timestamp=100.0 + n) for n in range(4)]
    [sequence] = offline.sequences(entries, SETTINGS, lambda: seen.append(None))
    assert len(seen) == 4
    assert (sequence.times, sequence.start, sequence.end) == ((100.0, 101.0, 102.0, 103.0), 100.0, 103.0)

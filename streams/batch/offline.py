"""Files and topics read as the stream reads them: the same decoders, rules, keys and windows, without a broker."""

import gzip
import itertools
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import IO, Final, NamedTuple, cast

import cramjam
import msgspec

from deepsentry.errors import DataError
from deepsentry.events import CleanEntry, Position
from deepsentry.sections import Ingest, Sequences
from models.keys import DEFAULT_PATTERNS, LearnedKey, learn_key
from models.prepare import LoggedSequence
from streams.sanitizing.joining import Joiner
from streams.sanitizing.sanitize import Located, Sanitized, Sanitizer, tagged
from streams.shippers import Record
from streams.windowing.keying import Keyer
from streams.windowing.resume import Resume
from streams.windowing.sequence import CleanLine
from streams.windowing.window import Closed, Windows

CHUNK: Final = 1000
SAMPLE: Final = 50_000
"""Lines from which a session key is learned."""
LONGEST: Final = 16 * 1_048_576
"""Bytes of a line; what follows is taken for the next one."""
GZIP: Final = b"\x1f\x8b"
ZSTD: Final = b"\x28\xb5\x2f\xfd"
INGEST: Final = Ingest()
ARRIVED: Final = 0.0
"""When each line of a file came: all stand there from the beginning."""
AT_REST: Final = Resume(0, awake=float("-inf"))
"""Beginning of a stream of such lines; it woke up long ago, as no source of it is still to begin."""
BUILT_IN: Final = "|".join(DEFAULT_PATTERNS)
"""Pattern of session ids where nothing was learned or configured."""


def open_log(path: str) -> IO[bytes]:
    """Open a log file for reading, `-` for stdin; gzip and zstd are seen by their first bytes. Raises DataError."""
    if path == "-":
        return sys.stdin.buffer
    try:
        with Path(path).open("rb") as probe:
            begin = probe.read(len(ZSTD))
        if begin == ZSTD:
            return _unpacked(path)
        return cast("IO[bytes]", gzip.open(path)) if begin.startswith(GZIP) else Path(path).open("rb")
    except OSError as error:
        message = f"{path}: {error.strerror}"
        raise DataError(message) from None


def _unpacked(path: str) -> IO[bytes]:
    """Return what a zstd file holds, as a file that is gone when it is closed: the library unpacks whole frames."""
    whole = tempfile.NamedTemporaryFile(prefix="deepsentry-")  # noqa: SIM115 - the caller closes it
    try:
        cramjam.zstd.decompress_into(cramjam.File(path), cramjam.File(whole.name))
    except cramjam.DecompressionError as error:
        whole.close()
        message = f"{path}: {error}"
        raise DataError(message) from None
    return cast("IO[bytes]", whole)


def read_lines(path: str) -> Iterator[bytes]:
    """Yield the lines of a log file without their ends. Raises DataError."""
    with open_log(path) as file:
        try:
            while line := file.readline(LONGEST):
                yield line.removesuffix(b"\n").removesuffix(b"\r")
        except (OSError, EOFError, gzip.BadGzipFile) as error:
            message = f"{path}: {error}"
            raise DataError(message) from None


def records(path: str, now: float) -> Iterator[Located]:
    """Yield each line as the record that a shipper without an envelope would send; the offset is its number from 0."""
    for number, line in enumerate(read_lines(path)):
        yield Located(Record(line, None, (), now, Path(path).name), 0, number)


def sanitized(
    located: Iterable[Located], sanitizer: Sanitizer, chunk: int = CHUNK, ingest: Ingest = INGEST
) -> Iterator[Sanitized]:
    """Sanitize chunk by chunk; what waits for other parts at the end is given up."""
    joiner = Joiner(sanitizer, ingest)
    iterator = iter(located)
    while piece := list(itertools.islice(iterator, chunk)):
        yield joiner.sanitize(piece)
    for partition in joiner.waiting():
        yield joiner.flush(partition)


class Keyed(NamedTuple):
    """Entries with their sequence keys, and how those are found."""

    entries: Iterator[CleanEntry]
    pattern: str
    learned: LearnedKey | None


def key(entries: Iterable[CleanEntry], pattern: str) -> Keyed:
    """Give `entries` the keys that `pattern` finds; without one it is learned from the first of them."""
    iterator = iter(entries)
    if pattern:
        return Keyed(_rekeyed(iterator, Keyer(pattern)), pattern, None)
    sample = list(itertools.islice(iterator, SAMPLE))
    learned = learn_key([_text(entry) for entry in sample])
    found = learned.pattern if learned else ""
    keyer = Keyer(found or BUILT_IN)
    return Keyed(_rekeyed(itertools.chain(sample, iterator), keyer), found, learned)


def sequences(
    entries: Iterable[CleanEntry], settings: Sequences, seen: Callable[[], None] = lambda: None
) -> Iterator[LoggedSequence]:
    """Put `entries` (in time order) into the sequences that the score step would see; `seen` counts them."""
    # how long a session may be silent is what training finds out, so here it may be silent for long
    windows = Windows(settings, AT_REST, patience=lambda _: settings.patience)
    lines: dict[int, CleanEntry] = {}
    for offset, entry in enumerate(entries):
        seen()
        # the place in this reading, not in the raw log: here nothing is read twice, and partitions are merged by time
        lines[offset] = entry
        placed = CleanLine.of(msgspec.structs.replace(entry, raw=Position("", 0, offset)))
        _, ended = windows.add(offset, ARRIVED, placed, 0)
        for closed in ended.over if ended else ():
            yield _logged(closed, lines)
    for closed in windows.flush():
        yield _logged(closed, lines)


def _logged(closed: Closed, lines: dict[int, CleanEntry]) -> LoggedSequence:
    """Return a sequence with its lines, and forget those that no other holds."""
    sequence = closed.sequence
    mine = [lines[offset] for offset in sequence.offsets]
    for offset in closed.released():
        del lines[offset]
    return LoggedSequence(
        key=sequence.key,
        kind=sequence.kind,
        start=mine[0].timestamp,
        end=sequence.last,
        messages=tuple(entry.message for entry in mine),
        complete=sequence.kind == "window" or closed.why != "cut",
        times=tuple(entry.timestamp for entry in mine),
    )


def _rekeyed(entries: Iterable[CleanEntry], keyer: Keyer) -> Iterator[CleanEntry]:
    for entry in entries:
        sequence, kind = keyer.key(msgspec.structs.replace(entry, message=_text(entry)))
        yield msgspec.structs.replace(entry, sequence=sequence, kind=kind)


def _text(entry: CleanEntry) -> str:
    return tagged(entry.message, entry.service, entry.attributes)

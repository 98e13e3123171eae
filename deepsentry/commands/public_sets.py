"""The public benchmark sets as files: read, sanitized as the stream does it, and handed over with their labels."""

import csv
import gzip
import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from deepsentry import wire
from deepsentry.errors import DataError
from deepsentry.events import CleanEntry
from deepsentry.settings import Settings
from models.evaluation.protocol import Benchmark
from models.evaluation.sets import LabelledLine, LabelledSequence, gather, logdeep
from streams.batch import offline
from streams.batch.learning import sanitizer_of
from streams.sanitizing.sanitize import Located
from streams.shippers import Record

BLOCK: Final = r"blk_-?\d+"
YES: Final = frozenset({"1", "true", "yes"})
NO: Final = frozenset({"0", "false", "no", ""})
_WHERE: Final = (
    "set DEEPSENTRY_DATA to a folder that holds it; the originals are public: HDFS_v1 and BGL of the Loghub project "
    "(He et al., Loghub, ISSRE 2023), the session split of the logdeep project"
)


def hdfs_sessions(effective: Settings) -> list[LabelledSequence]:
    """Return the sessions of the raw HDFS sample."""
    folder = _folder(effective, "hdfs")
    keys = read_keys(folder / "labels.csv", "block_id")
    entries = (entry for entry, _ in numbered(effective, [folder / "hdfs_2pct.log.gz"]))
    keyed = offline.key(entries, BLOCK).entries
    return gather(
        (LabelledLine(e.sequence, e.kind, e.timestamp, e.message) for e in keyed if e.kind == "session"), 1, keys
    )


def hdfs_logdeep(effective: Settings, rate: float) -> Benchmark:
    """Return the published session split."""
    folder = _folder(effective, "hdfs")
    templates: Any = wire.from_json((folder / "logdeep_templates.json").read_bytes())
    texts = {int(event): text for event, text in templates.items()}
    with gzip.open(folder / "logdeep_sessions.jsonl.gz", "rt", encoding="utf-8") as file:
        rows: Iterator[Any] = (wire.from_json(line) for line in file)
        return logdeep(((tuple(r["events"]), str(r["split"]), bool(r["label"])) for r in rows), texts, rate)


def bgl(effective: Settings, window: int) -> list[LabelledSequence]:
    """Return windows of the BGL sample; its first column is the label and is cut off before anything sees the line."""
    path = _folder(effective, "bgl") / "bgl_first60k.log.gz"
    marks: list[bool] = []

    def unlabelled() -> Iterator[bytes]:
        for line in offline.read_lines(str(path)):
            label, _, text = line.partition(b" ")
            marks.append(label != b"-")
            yield text

    found = _numbered(effective, unlabelled(), path.name)
    lines = (LabelledLine(path.name, "window", e.timestamp, e.message, marks[number]) for e, number in found)
    return gather(lines, window)


def samples(effective: Settings) -> dict[str, list[str]]:
    """Return the lines of the small samples of many systems, by file name; none where they are not here."""
    folder = effective.data / "loghub_2k" if effective.data else None
    if folder is None or not folder.is_dir():
        return {}
    return {
        path.name: [line.decode("utf-8", "replace") for line in offline.read_lines(str(path))]
        for path in files_of(folder)
        if path.name.endswith(".log.gz")
    }


def own(effective: Settings, paths: Iterable[Path], labels: Path, key: str, window: int) -> list[LabelledSequence]:
    """Return the sequences of a reader's own log files. Raises DataError."""
    by_key, by_line = read_labels(labels)
    if window and by_key:
        message = f"{labels}: --window needs the columns line,anomalous; keys name sessions"
        raise DataError(message)
    numbers: list[int] = []

    def entries() -> Iterator[CleanEntry]:
        for entry, number in numbered(effective, [file for path in paths for file in files_of(path)]):
            numbers.append(number)
            yield entry

    if window:
        lines = (
            LabelledLine("", "window", e.timestamp, e.message, numbers[place] in by_line)
            for place, e in enumerate(entries())
        )
        found = gather(lines, window, {})
        _check_lines(labels, by_line, numbers)
        return found

    keyed = offline.key(entries(), key).entries
    lines = (
        LabelledLine(e.sequence, e.kind, e.timestamp, e.message, numbers[place] in by_line)
        for place, e in enumerate(keyed)
    )
    found = gather(lines, effective.sequences.window, by_key)
    _check_lines(labels, by_line, numbers)
    if by_key and not any(each.sequence.key in by_key for each in found):
        named = found[0].sequence.key if found else ""
        message = f"{labels}: none of its keys is one of the log, such as {named!r}; say with --key how they look"
        raise DataError(message)
    return found


def _check_lines(labels: Path, marked: frozenset[int], numbers: list[int]) -> None:
    last = numbers[-1] if numbers else 0
    if marked and max(marked) > last:
        message = f"{labels}: line {max(marked)} is marked, but the log has {last}"
        raise DataError(message)


def files_of(path: Path) -> list[Path]:
    """Return the files of a folder and of those in it by name, or the file itself. Raises DataError."""
    if path.is_dir():
        return sorted(file for file in path.rglob("*") if file.is_file() and not _is_hidden(file.relative_to(path)))
    if not path.exists():
        message = f"{path}: no such file"
        raise DataError(message)
    return [path]


def _is_hidden(path: Path) -> bool:
    return any(part.startswith(".") for part in path.parts)


def read_labels(path: Path) -> tuple[dict[str, bool], frozenset[int]]:
    """Return the labels of keys, and the numbers (from 1) of marked lines. Raises DataError."""
    rows = _rows(path)
    if not rows or "anomalous" not in rows[0] or not rows[0].keys() & {"key", "line"}:
        message = f"{path}: needs the columns key,anomalous or line,anomalous"
        raise DataError(message)
    if "key" in rows[0]:
        return {row["key"]: _flag(path, row["anomalous"]) for row in rows}, frozenset()
    try:
        return {}, frozenset(int(row["line"]) for row in rows if _flag(path, row["anomalous"]))
    except ValueError:
        message = f"{path}: the column line must hold numbers from 1 on"
        raise DataError(message) from None


def read_keys(path: Path, column: str) -> dict[str, bool]:
    """Return the labels of keys in a CSV with the columns `column` and anomalous. Raises DataError."""
    return {row[column]: _flag(path, row["anomalous"]) for row in _rows(path)}


def numbered(effective: Settings, paths: Iterable[Path]) -> Iterator[tuple[CleanEntry, int]]:
    """Yield the sanitized entries of files with the number of their line, counted from 1 through all files."""

    def lines() -> Iterator[bytes]:
        for path in paths:
            yield from offline.read_lines(str(path))

    for entry, place in _numbered(effective, lines(), "log"):
        yield entry, place + 1


def _numbered(effective: Settings, lines: Iterable[bytes], source: str) -> Iterator[tuple[CleanEntry, int]]:
    now = time.time()
    located = (Located(Record(line, None, (), now, source), 0, number) for number, line in enumerate(lines))
    for done in offline.sanitized(located, sanitizer_of(effective)):
        for entry in done.clean:
            yield entry, entry.raw.offset


def _folder(effective: Settings, name: str) -> Path:
    folder = effective.data / name if effective.data else None
    if folder is None or not folder.is_dir():
        message = f"the benchmark set {name} is not here: {_WHERE}"
        raise DataError(message)
    return folder


def _rows(path: Path) -> list[Mapping[str, str]]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            return list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        message = f"{path}: {error}"
        raise DataError(message) from None


def _flag(path: Path, text: str | None) -> bool:
    plain = (text or "").strip().lower()
    if plain not in YES | NO:
        message = f"{path}: the column anomalous must hold 0 or 1"
        raise DataError(message)
    return plain in YES

"""Real log lines as Filebeat would publish them, in time order: HDFS, and a mix with other systems."""

import csv
import gzip
import heapq
import itertools
import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, NamedTuple

from deepsentry import topics, wire
from deepsentry.errors import DataError
from streams.sanitizing.sanitize import Located
from streams.shippers import Record

BLOCK: Final = re.compile(r"blk_-?\d+")
"""The session of an HDFS line, by which labels.csv knows it."""
ORIGINALS: Final = "HDFS_v1 and the 2k samples of Loghub (Zhu, He et al., ISSRE 2023)"


class Line(NamedTuple):
    """A line and where Filebeat read it; `time` in Unix seconds."""

    time: float
    host: str
    path: str
    text: str


def hdfs(folder: Path) -> list[Line]:
    """Return the raw HDFS sample in time order. Raises DataError where it is absent."""
    return [
        Line(_hdfs_time(text), "hdfs-1", "/var/log/hadoop/hdfs.log", text)
        for text in _texts(folder / "hdfs" / "hdfs_2pct.log.gz")
    ]


def labels(folder: Path) -> dict[str, bool]:
    """Return block id -> whether it is anomalous. Raises DataError where the labels are absent."""
    path = folder / "hdfs" / "labels.csv"
    try:
        with path.open(encoding="utf-8") as file:
            return {row["block_id"]: row["anomalous"] == "1" for row in csv.DictReader(file)}
    except OSError as error:
        message = f"{path}: {error.strerror}; the originals are {ORIGINALS}"
        raise DataError(message) from None


def mixed(folder: Path, rounds: int = 2) -> list[Line]:
    """Return HDFS with the 2k samples of other systems among its lines, in time order.

    The samples are told `rounds` times, one after the other, and take the times of the HDFS lines where they stand.
    """
    first = hdfs(folder)
    systems = sorted((folder / "loghub_2k").glob("*_2k.log.gz"))
    samples = [[(path.name.partition("_")[0].lower(), text) for text in _texts(path)] for path in systems]
    # one line of each system after the other, as if all of them ran
    told = [item for turn in itertools.zip_longest(*samples) for item in turn if item is not None] * rounds
    every = len(first) / max(len(told), 1)
    others = [
        Line(first[int(place * every)].time, f"{system}-1", f"/var/log/{system}.log", text)
        for place, (system, text) in enumerate(told)
    ]
    return list(heapq.merge(first, others, key=lambda line: line.time))


def filebeat(lines: Iterable[Line]) -> Iterator[bytes]:
    """Yield the record that Filebeat 8 publishes of each line, without processors."""
    offsets: dict[str, int] = {}
    for line in lines:
        offset = offsets.get(line.path, 0)
        offsets[line.path] = offset + len(line.text.encode()) + 1
        stamp = datetime.fromtimestamp(line.time, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        yield wire.encode(
            {
                "@timestamp": stamp,
                "@metadata": {"beat": "filebeat", "type": "_doc", "version": "8.11.0"},
                "message": line.text,
                "log": {"offset": offset, "file": {"path": line.path}},
                "input": {"type": "filestream"},
                "ecs": {"version": "8.0.0"},
                "host": {"name": line.host},
                "agent": {"name": line.host, "type": "filebeat", "version": "8.11.0"},
            }
        )


def located(records: Iterable[bytes], now: float) -> Iterator[Located]:
    """Yield `records` as they would stand in one partition of the raw topic, all stored at `now` (Unix seconds)."""
    for offset, value in enumerate(records):
        yield Located(Record(value, None, (), now, topics.RAW.name), 0, offset)


def _texts(path: Path) -> Iterator[str]:
    try:
        with gzip.open(path, "rt", encoding="utf-8", errors="replace") as file:
            for raw in file:
                if text := raw.rstrip("\r\n"):
                    yield text
    except OSError as error:
        message = f"{path}: {error.strerror}; the originals are {ORIGINALS}"
        raise DataError(message) from None


def _hdfs_time(text: str) -> float:
    return datetime.strptime(text[:13], "%y%m%d %H%M%S").replace(tzinfo=UTC).timestamp()

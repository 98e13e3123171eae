"""The log that a benchmark tells: as often as it takes, at its own times or live, with planted anomalies."""

import dataclasses
import functools
import itertools
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final, NamedTuple, Protocol

from deepsentry.bench.lines import BLOCK, Line, filebeat, mixed
from deepsentry.demo.envelopes import as_record
from deepsentry.demo.shop import Shop, ShopLine

PLANTED: Final = "planted-"
"""Hosts with this name wrote the statements that no training has seen."""
STRANGE: Final = (
    "crystal of {} swings backwards",
    "frost was found between the gears of {}",
    "two shadows stand under {} at noon",
    "{} hums a semitone lower than yesterday",
    "the lid of {} has been lifted from inside",
    "nobody on the night watch remembers {}",
    "{} weighs eleven grams less since the storm",
    "rust draws a map of the coast upon {}",
)
"""Statements, all different, of which one session is planted."""
_SHOP_REQUESTS: Final = 12_000
_SHOP_OPENS: Final = 1_790_000_000.0
_DIGIT: Final = re.compile(r"\d")


class Due(NamedTuple):
    """A record, the time at which it is to be sent (Unix seconds), and the number of the anomaly that it completes."""

    at: float
    record: bytes
    planted: int | None


class Planted(NamedTuple):
    """After every so many lines a session of so many strange lines, one after the other; numbered from `first` on."""

    every: int
    length: int
    first: int


class Corpus(Protocol):
    """A log in time order."""

    source: str
    """What it is, for people."""

    def __len__(self) -> int:
        """Return how many lines it has before it repeats itself."""

    def records(self, count: int) -> Iterator[bytes]:
        """Yield so many records; each time it is told anew later, with sessions of other ids."""

    def strange(self, length: int) -> list[str]:
        """Return the text of the first so many lines of a planted session."""

    def live(self, start: float, rate: float, seconds: float, planted: Planted) -> Iterator[Due]:
        """Yield records as if written from `start` on at `rate` a second, with planted sessions among them.

        The last second has none: a line may have to wait for later ones.
        """


class Loghub:
    """HDFS and 16 other systems as Filebeat records."""

    source = "HDFS and 16 systems of Loghub, Filebeat records"

    def __init__(self, folder: Path) -> None:
        """Raise DataError where the data sets are not in `folder`."""
        self._lines = mixed(folder)

    def __len__(self) -> int:
        return len(self._lines)

    def records(self, count: int) -> Iterator[bytes]:
        """As the protocol says."""
        return filebeat(itertools.islice(self._told(), count))

    def strange(self, length: int) -> list[str]:
        """As the protocol says."""
        return [_strange((0, step), 0.0).text for step in range(length)]

    def live(self, start: float, rate: float, seconds: float, planted: Planted) -> Iterator[Due]:
        """As the protocol says."""
        times = _times(start, rate, seconds)
        places = list(_places(len(times), rate, planted))
        lines = (
            line._replace(time=at) if place is None else _strange(place, at)
            for line, at, place in zip(self._told(), times, places, strict=False)
        )
        return map(Due, times, filebeat(lines), _completed(places, planted))

    def _told(self) -> Iterator[Line]:
        span = self._lines[-1].time - self._lines[0].time + 1.0
        yield from self._lines
        for turn in itertools.count(1):
            for line in self._lines:
                text = BLOCK.sub(functools.partial(_other, turn), line.text)
                yield line._replace(time=line.time + turn * span, text=text)


class Demo:
    """The demo's shop with its six shippers, which needs no data."""

    source = "the demo's shop, six shippers (DEEPSENTRY_DATA names no folder)"

    def __init__(self, requests: int = _SHOP_REQUESTS) -> None:
        """So many requests are told before the log repeats itself."""
        self._requests = requests

    def __len__(self) -> int:
        return sum(1 for _ in Shop(0).normal(_SHOP_OPENS, self._requests))

    def records(self, count: int) -> Iterator[bytes]:
        """As the protocol says."""
        return map(as_record, itertools.islice(self._told(), count))

    def strange(self, length: int) -> list[str]:
        """As the protocol says."""
        return [_strange_request((0, step), 0.0).message for step in range(length)]

    def live(self, start: float, rate: float, seconds: float, planted: Planted) -> Iterator[Due]:
        """As the protocol says."""
        times = _times(start, rate, seconds)
        places = list(_places(len(times), rate, planted))
        lines: Iterable[ShopLine] = (
            dataclasses.replace(line, timestamp=round(at, 3)) if place is None else _strange_request(place, at)
            for line, at, place in zip(self._told(), times, places, strict=False)
        )
        return map(Due, times, map(as_record, lines), _completed(places, planted))

    def _told(self) -> Iterator[ShopLine]:
        start = _SHOP_OPENS
        while True:
            for line in Shop(0).normal(start, self._requests):
                yield line
                last = line.timestamp
            start = last + 1.0


def corpus(data: Path | None) -> Corpus:
    """Return real lines where `data` names the folder that holds them, else generated ones. Raises DataError."""
    return Loghub(data) if data else Demo()


def _times(start: float, rate: float, seconds: float) -> list[float]:
    return [start + place / rate for place in range(int(rate * seconds))]


def _places(count: int, rate: float, planted: Planted) -> Iterator[tuple[int, int] | None]:
    """Yield for each line which session is planted there and which of its lines it is."""
    for line in range(count):
        number, place = divmod(line, planted.every)
        step = place - (planted.every - planted.length)
        whole = (number + 1) * planted.every <= count - rate
        yield (planted.first + number, step) if step >= 0 and whole else None


def _completed(places: Iterable[tuple[int, int] | None], planted: Planted) -> Iterator[int | None]:
    last = planted.length - 1
    return (place[0] if place is not None and place[1] == last else None for place in places)


def _other(turn: int, block: re.Match[str]) -> str:
    """Return the id of another block, as long as this one."""
    return _DIGIT.sub(lambda found: str((int(found[0]) - 1 + turn) % 9 + 1), block[0], count=1)


def _strange(place: tuple[int, int], time: float) -> Line:
    number, step = place
    host = f"{PLANTED}{number}"
    block = f"blk_-7{number:018d}"
    return Line(time, host, f"/var/log/{host}.log", f"WARN observatory.Clockwork: {STRANGE[step].format(block)}")


def _strange_request(place: tuple[int, int], time: float) -> ShopLine:
    number, step = place
    request = f"{0xFEED_0000_0000_0000 + number:016x}"
    message = f"WARN request_id={request} {STRANGE[step].format('the chronometer')}"
    return ShopLine(round(time, 3), f"{PLANTED}{number}", "gateway", "warn", message, request)

"""One shop's traffic in five places: each serves the same kinds of request in other proportions, and keeps its log."""

import random
import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from deepsentry.demo.envelopes import as_record
from deepsentry.demo.shop import Shop, ShopLine
from deepsentry.demo.traffic import OPENS

NAMES: Final = ("berlin", "lisbon", "oslo", "paris", "rome")
KEY: Final = r"(?:request_id|req)=([0-9a-f]{16})"
SKEW: Final = 0.4
"""Dirichlet parameter: how unevenly a kind of request is spread over the places."""
EACH: Final = 8
"""Requests of every kind of fault."""
_OPENED: Final = re.compile(r"\b(GET|POST|PUT|DELETE) (/[a-z]*(?:/[a-z]+)?)")


@dataclass(frozen=True, slots=True)
class Slice:
    """What one place has: its log, what comes later, and which requests of that go wrong."""

    log: tuple[bytes, ...]
    later: tuple[bytes, ...]
    wrong: frozenset[str]
    """Request ids; no detector is shown them."""


def slices(seed: int, requests: int, judged: int) -> dict[str, Slice]:
    """Return place -> slice of a shop that serves `requests` sound ones, then `judged` others, some of them wrong."""
    shop = Shop(seed)
    normal = list(shop.normal(OPENS, requests))
    later, faults = shop.faults(normal[-1].timestamp + 1.0, judged, EACH)
    shares: dict[str, list[float]] = {}

    def spread(lines: Iterable[ShopLine]) -> dict[str, list[bytes]]:
        by_request: dict[str, list[ShopLine]] = defaultdict(list)
        for line in lines:
            by_request[line.request].append(line)
        place = {request: _place(seed, request, _kind(held), shares) for request, held in by_request.items()}
        found: dict[str, list[ShopLine]] = {name: [] for name in NAMES}
        for held in by_request.values():
            found[place[held[0].request]] += held
        return {n: [as_record(x).rstrip(b"\n") for x in sorted(f, key=_time)] for n, f in found.items()}

    logs, rest = spread(normal), spread(later)
    wrong = {fault.request for fault in faults}
    return {name: Slice(tuple(logs[name]), tuple(rest[name]), frozenset(wrong)) for name in NAMES}


def _time(line: ShopLine) -> float:
    return line.timestamp


def _kind(lines: Iterable[ShopLine]) -> str:
    """Return what was asked for, as far as the first line that says it."""
    for line in lines:
        if found := _OPENED.search(line.message):
            return found[0]
    return ""


def _place(seed: int, request: str, kind: str, shares: dict[str, list[float]]) -> str:
    if kind not in shares:
        rng = random.Random(f"{seed}/share/{kind}")  # noqa: S311 - a simulation, which must repeat
        shares[kind] = [rng.gammavariate(SKEW, 1.0) + 0.02 for _ in NAMES]
    return random.Random(f"{seed}/place/{request}").choices(NAMES, shares[kind])[0]  # noqa: S311

"""A small web shop: the lines its services write while many requests are served at once, with faults where wanted."""

import heapq
import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from deepsentry.demo.customers import cloud_key, customers
from deepsentry.demo.faults import FAULTS, Fault, FaultKind, journey_for, retries_for, spoil
from deepsentry.demo.journeys import JOURNEYS, Journey
from deepsentry.demo.trail import Service, Severity, Step, Trail

CUSTOMERS: Final = 400
HOSTS: Final[dict[Service, tuple[str, ...]]] = {
    "gateway": ("edge-1", "edge-2"),
    "cart": ("app-1", "app-2"),
    "catalog": ("app-1", "app-2", "app-3"),
    "payment": ("pay-1", "pay-2"),
    "shipping": ("app-3",),
    "mail": ("app-4",),
}
# Teams do not agree on how a request id is written.
_SPELLINGS: Final[dict[Service, str]] = {
    "gateway": "request_id=",
    "cart": "req=",
    "catalog": "request_id=",
    "payment": "request_id=",
    "shipping": "req=",
    "mail": "req=",
}


@dataclass(frozen=True, slots=True)
class ShopLine:
    """One line as its service wrote it; `timestamp` in Unix seconds, to the millisecond."""

    timestamp: float
    host: str
    service: Service
    level: Severity
    message: str
    request: str
    """Ground truth; it stands in the message too."""


class Shop:
    """A shop whose people, secrets and traffic follow from `seed`; `rate` is its requests a second of event time.

    `journeys` are the kinds of request that it serves.
    """

    def __init__(self, seed: int, rate: float = 5.0, journeys: Sequence[Journey] = JOURNEYS) -> None:
        rng = random.Random(f"{seed}/people")  # noqa: S311 - a simulation, which must repeat
        self._seed = seed
        self._rate = rate
        self._journeys = journeys
        self._customers = customers(rng, CUSTOMERS)
        self._cloud_keys = tuple(cloud_key(rng) for _ in range(6))
        self.secrets = frozenset(
            (*self._cloud_keys, *(secret for customer in self._customers for secret in customer.secrets()))
        )
        """Everything that no line may show once it is sanitized."""

    def normal(self, start: float, requests: int) -> Iterator[ShopLine]:
        """Yield in time order the lines of `requests` sound requests that come in from `start` (Unix seconds) on."""
        rng = random.Random(f"{self._seed}/normal/{start}")  # noqa: S311
        return _in_time_order(
            (arrival, self._serve(rng, arrival, journey))
            for arrival, journey in zip(self._arrivals(rng, start, requests), _drawn(rng, self._journeys), strict=False)
        )

    def faults(self, start: float, requests: int, each: int = 1) -> tuple[list[ShopLine], list[Fault]]:
        """Return traffic like `normal` in which `each` requests of every kind of fault go wrong, and which they are.

        A faulty request is drawn like all others before the fault is done to it: nothing else tells it from a sound
        one. Raises ValueError where `requests` are too few to hold the faults.
        """
        rng = random.Random(f"{self._seed}/faults/{start}")  # noqa: S311
        kinds = dict(zip(rng.sample(range(requests), each * len(FAULTS)), FAULTS * each, strict=True))
        truth: list[Fault] = []

        def serve() -> Iterator[tuple[float, list[ShopLine]]]:
            arrivals = zip(self._arrivals(rng, start, requests), _drawn(rng, self._journeys), strict=False)
            for index, (arrival, journey) in enumerate(arrivals):
                kind = kinds.get(index)
                if kind is None:
                    yield arrival, self._serve(rng, arrival, journey)
                else:
                    lines, fault = self._serve_badly(rng, arrival, kind)
                    truth.append(fault)
                    yield arrival, lines

        return list(_in_time_order(serve())), truth

    def _arrivals(self, rng: random.Random, start: float, requests: int) -> Iterator[float]:
        for _ in range(requests):
            start += rng.expovariate(self._rate)
            yield start

    def _serve(self, rng: random.Random, arrival: float, journey: Journey) -> list[ShopLine]:
        return _written(rng, arrival, self._steps(rng, journey, None))

    def _serve_badly(self, rng: random.Random, arrival: float, kind: FaultKind) -> tuple[list[ShopLine], Fault]:
        journey = journey_for(rng, kind, self._journeys)
        steps, line = spoil(rng, kind, journey, self._steps(rng, journey, retries_for(rng, kind)))
        lines = _written(rng, arrival, steps)
        return lines, Fault(kind, lines[0].request, journey.name, line)

    def _steps(self, rng: random.Random, journey: Journey, retries: int | None) -> list[Step]:
        trail = Trail(rng, rng.choice(self._cloud_keys), retries)
        journey.play(trail, rng.choice(self._customers))
        return sorted(trail.steps, key=lambda step: step.offset)


def _drawn(rng: random.Random, journeys: Sequence[Journey]) -> Iterator[Journey]:
    weights = [journey.weight for journey in journeys]
    while True:
        yield from rng.choices(journeys, weights)


def _written(rng: random.Random, arrival: float, steps: Iterable[Step]) -> list[ShopLine]:
    """Return the steps as lines; each service serves a request on one of its hosts."""
    request = rng.randbytes(8).hex()
    hosts = {service: rng.choice(names) for service, names in HOSTS.items()}
    return [
        ShopLine(
            timestamp=round(arrival + step.offset, 3),
            host=hosts[step.service],
            service=step.service,
            level=step.level,
            message=f"{step.level.upper()} {_SPELLINGS[step.service]}{request} {step.text}",
            request=request,
        )
        for step in steps
    ]


def _in_time_order(requests: Iterable[tuple[float, list[ShopLine]]]) -> Iterator[ShopLine]:
    """Merge the lines of requests that arrive one after the other but are served at once."""
    waiting: list[tuple[float, int, ShopLine]] = []
    number = 0
    for arrival, lines in requests:
        while waiting and waiting[0][0] <= arrival:
            yield heapq.heappop(waiting)[2]
        for line in lines:
            number += 1
            heapq.heappush(waiting, (line.timestamp, number, line))
    while waiting:
        yield heapq.heappop(waiting)[2]

"""The steps of one request as they are taken: what is said, by which service, how long after its start."""

import random
from dataclasses import dataclass
from typing import Final, Literal

Service = Literal["gateway", "cart", "catalog", "payment", "shipping", "mail"]
Severity = Literal["info", "warn", "error"]

RETRIES: Final = 0.04
"""How often a call to an upstream needs a second attempt."""


@dataclass(frozen=True, slots=True)
class Step:
    """One statement, `offset` seconds after the request came in; `stage` is empty for what runs beside the request."""

    offset: float
    service: Service
    level: Severity
    text: str
    stage: str


class Trail:
    """Records the steps of one request; `retries` overrides how often its first upstream call is repeated."""

    def __init__(self, rng: random.Random, cloud_key: str, retries: int | None = None) -> None:
        self.cloud_key = cloud_key
        self._rng = rng
        self.steps: list[Step] = []
        self._retries = retries
        self._stage = "start"
        self._clock = 0.0

    def stage(self, name: str) -> None:
        """Say that what follows belongs to the stage `name`."""
        self._stage = name

    def say(self, service: Service, text: str, level: Severity = "info") -> None:
        """Add a statement, some milliseconds after the one before."""
        self._clock += 0.002 + self._rng.expovariate(1 / 0.03)
        self.steps.append(Step(self._clock, service, level, text, self._stage))

    def aside(self) -> "Trail":
        """Return a trail that starts now and runs beside this one, into the same steps."""
        other = Trail(self._rng, self.cloud_key)
        other.steps = self.steps
        other._clock = self._clock + self._rng.uniform(0.0, 0.1)
        other._stage = ""
        return other

    def call(self, service: Service, upstream: str) -> None:
        """Call an upstream that times out now and then, and is then called again."""
        again = int(self.chance(RETRIES)) if self._retries is None else self._retries
        self._retries = None
        self.say(service, f"calling {upstream} deadline={self.number(8, 30) * 100} ms")
        for attempt in range(1, again + 1):
            self._clock += self._rng.uniform(0.1, 0.4)
            self.say(
                service,
                f"{upstream} timed out, attempt {attempt} will be repeated in {self.number(50, 400)} ms",
                "warn",
            )
        self.say(service, f"{upstream} answered in {self.number(5, 400)} ms")

    def number(self, low: int, high: int) -> int:
        """Return a whole number from `low` to `high`."""
        return self._rng.randint(low, high)

    def choice(self, *texts: str) -> str:
        """Return one of `texts`."""
        return self._rng.choice(texts)

    def chance(self, share: float) -> bool:
        """Return True for `share` of the calls."""
        return self._rng.random() < share

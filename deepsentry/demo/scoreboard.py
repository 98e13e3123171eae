"""Pure: what was injected, what was found of it, how late, and what was alarm about nothing."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Self

import msgspec

from deepsentry.demo.faults import Fault
from deepsentry.events import Anomaly, View


@dataclass(frozen=True, slots=True)
class Sighting:
    """An anomaly and the fault that it found; None where nothing was injected that it could have seen."""

    anomaly: Anomaly
    fault: Fault | None

    @property
    def truth(self) -> str:
        """What it is, in a sentence."""
        if self.fault is None:
            return "nothing was injected here: a false alarm"
        when = "when the request had ended" if self.anomaly.complete else "while the request went on"
        return (
            f"this is the injected fault '{self.fault.kind}' in {self.fault.journey}, {self.delay} lines late, {when}"
        )

    @property
    def delay(self) -> int:
        """Lines of the request between the deviating one and the last that was read when it was judged."""
        return 0 if self.fault is None else max(0, self.anomaly.length - 1 - self.fault.line)


class FaultRow(msgspec.Struct, frozen=True):
    """One injected fault, and how it was found."""

    fault: str
    journey: str
    request: str
    found: bool
    view: View | None = None
    """What fired most."""
    score: float | None = None
    """In units of the threshold."""
    delay_lines: int | None = None
    judged: str = ""
    """Whether it was seen as it went, or when the request had fallen silent."""


class Report(msgspec.Struct, frozen=True):
    """What a run of the demo measured; what was not injected is None."""

    injected: int | None
    found: int | None
    false_alarms: int | None
    secrets_raw: int | None
    secrets_after: int | None
    lines_per_s: float
    """From the first judged line published to the last one scored."""
    cpu_us_per_line: float
    """Of the sanitize and score processes, user and system, while these lines went through."""
    cpu_us_sanitize: float
    cpu_us_score: float
    lines_normal: int
    lines_judged: int
    anomalies: int
    alerts: int
    masked: dict[str, int]
    """Kind -> how many were masked."""
    rejected: dict[str, int]
    """Reason -> records."""
    model: str
    seconds: dict[str, float]
    """Phase -> how long it took."""
    faults: tuple[FaultRow, ...] = ()


@dataclass(slots=True)
class Scoreboard:
    """Takes anomalies as they come; `faults` is the ground truth, by request id."""

    faults: Mapping[str, Fault]
    sightings: dict[str, Sighting] = field(default_factory=dict)
    """By anomaly id."""

    @classmethod
    def of(cls, faults: Iterable[Fault]) -> Self:
        """Return the board of a run with these faults in it."""
        return cls({fault.request: fault for fault in faults})

    def take(self, anomaly: Anomaly) -> Sighting:
        """Return what `anomaly` is: a fault counts as seen only when its deviating line had been read."""
        fault = self.faults.get(anomaly.sequence)
        seen = fault if fault is not None and (anomaly.complete or anomaly.length > fault.line) else None
        return self.sightings.setdefault(anomaly.id, Sighting(anomaly, seen))

    @property
    def false_alarms(self) -> int:
        """Distinct anomalies that found no fault."""
        return sum(sighting.fault is None for sighting in self.sightings.values())

    def rows(self) -> tuple[FaultRow, ...]:
        """Return a row for each fault, in the order of the ground truth."""
        first: dict[str, Sighting] = {}
        for sighting in self.sightings.values():
            if sighting.fault is not None:
                first.setdefault(sighting.fault.request, sighting)
        return tuple(_row(fault, first.get(fault.request)) for fault in self.faults.values())


def table(report: Report) -> Sequence[tuple[str, str]]:
    """Return what a person reads at the end: label and value."""
    rows: list[tuple[str, str]] = []
    if report.injected is not None:
        rows += [
            ("faults injected", str(report.injected)),
            ("faults found", str(report.found)),
            ("false alarms", f"{report.false_alarms} in {report.lines_judged:,} lines"),
            ("secrets in the raw topic", f"{report.secrets_raw:,}"),
            ("secrets in any other topic or log", f"{report.secrets_after:,}"),
        ]
    return [
        *rows,
        ("anomalies, alerts", f"{report.anomalies:,}, {report.alerts:,}"),
        ("values masked", f"{sum(report.masked.values()):,} {_largest(report.masked)}".rstrip()),
        ("records rejected", f"{sum(report.rejected.values()):,} {_largest(report.rejected)}".rstrip()),
        ("lines learned from, judged", f"{report.lines_normal:,}, {report.lines_judged:,}"),
        ("lines a second, published to scored", f"{report.lines_per_s:,.0f}"),
        (
            "CPU a line",
            f"{report.cpu_us_per_line:.0f} us (sanitize {report.cpu_us_sanitize:.0f}, score {report.cpu_us_score:.0f})",
        ),
        ("time", ", ".join(f"{phase} {seconds:.0f} s" for phase, seconds in report.seconds.items())),
    ]


def _row(fault: Fault, sighting: Sighting | None) -> FaultRow:
    if sighting is None:
        return FaultRow(fault.kind, fault.journey, fault.request, found=False)
    anomaly = sighting.anomaly
    return FaultRow(
        fault=fault.kind,
        journey=fault.journey,
        request=fault.request,
        found=True,
        view=anomaly.view,
        score=round(anomaly.score, 2),
        delay_lines=sighting.delay,
        judged="when it had ended" if anomaly.complete else "as it went",
    )


def _largest(counts: Mapping[str, int], most: int = 4) -> str:
    shown = ", ".join(f"{name} {n:,}" for name, n in list(counts.items())[:most])
    return f"({shown}{', ...' if len(counts) > most else ''})" if shown else ""

"""Anomalies and alerts with defaults, so that a test shows only what matters to it."""

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from deepsentry.events import (
    Anomaly,
    Expectation,
    Explanation,
    Line,
    ModelReference,
    Neighbour,
    Position,
    ViewScore,
)
from streams.alerts.lifecycle import observe, tick
from streams.alerts.notice import Notice, Occasion, Update
from streams.alerts.policy import Policy
from streams.alerts.state import Alerts

START = datetime(2025, 1, 2, 2, 4, 5, tzinfo=UTC)
"""When the first anomaly was observed."""

EXPLANATION = Explanation(
    summary="'payment declined' where 'payment accepted' was expected",
    views=(
        ViewScore("sequence", 3.42, "the 3rd line was not among the expected ones"),
        ViewScore("profile", 1.27, "one template too many"),
        ViewScore("novelty", 0.41),
    ),
    deviation=2,
    template="payment declined for order <*>",
    expected=(Expectation("payment accepted for order <*>", 0.91), Expectation("cart changed", 0.06)),
    neighbour=Neighbour(0.25, {"payment accepted for order <*>": 1}, {"payment declined for order <*>": 1}),
)


def line(message: str, number: int, **changes: Any) -> Line:
    raw = Position("deepsentry.logs.raw.v1", 0, 100 + number)
    clean = Position("deepsentry.logs.clean.v1", 3, 40 + number)
    moment = START.timestamp() + number / 8
    return msgspec.structs.replace(Line(clean, raw, moment, message), **changes)


LINES = (
    line("cart changed by <email:3f9a>", 0),
    line("order 81 stored", 1),
    line("payment declined for order 81", 2, deviates=True),
)


def anomaly(name: str = "a1", **changes: Any) -> Anomaly:
    """Return an anomaly of a web shop's checkout; `name` is its id."""
    usual = Anomaly(
        id=name,
        fingerprint="9f2c61d0a4b3e857",
        view="sequence",
        score=3.42,
        severity="warning",
        sequence="req-81",
        kind="session",
        host="web-1",
        service="checkout",
        observed_at=START,
        detected_at=START + timedelta(seconds=2),
        complete=True,
        length=3,
        explanation=EXPLANATION,
        lines=LINES,
        positions=(40, 41, 42),
        partition=3,
        model=ModelReference("detector", 4, "ab12cd34ef56" + "0" * 52),
        budget=10.0,
    )
    return msgspec.structs.replace(usual, **changes)


HOSTILE = "\x1b]0;owned\x07\x1b[2J[bold red]x[/] :skull: \u202egnp.exe\u2066 \u200b\ue000 a\r\nERROR forged\x00 \"]'"
"""Terminal control, markup, forged lines, marks that turn or hide text, and what is no text."""


def alert(occasion: Occasion = "opened", *anomalies: Anomaly) -> Notice:
    """Return the notice of an alert that these anomalies, or the usual one, made."""
    state, now = Alerts(Policy()), START + timedelta(seconds=3)
    updates: list[Update] = []
    for strange in anomalies or (anomaly(),):
        state, updates = observe(state, strange, now)
    if occasion == "resolved":
        _, updates = tick(state, now + timedelta(minutes=5))
    return Notice(updates[0].alert, occasion)


def hostile() -> Notice:
    """Return a notice in which every text that comes from logs is HOSTILE, and long."""
    text = HOSTILE + "x" * 100_000
    explanation = Explanation(
        summary=text,
        views=(ViewScore("novelty", float("inf"), text),),
        deviation=0,
        template=text,
        expected=(Expectation(text, 0.5),),
        neighbour=Neighbour(0.5, {text: 1}, {text: 2}),
    )
    return alert(
        "opened",
        anomaly(
            sequence=text,
            host=text,
            service=text,
            explanation=explanation,
            lines=tuple(line(text, n, timestamp=1e300, deviates=n == 7) for n in range(20)),
        ),
    )

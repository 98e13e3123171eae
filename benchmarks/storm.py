"""A storm of anomalies in the state machine of alerts: what people are told, what stays in memory, what it costs."""

import gc
import time
import tracemalloc
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from deepsentry.commands.alerts import sample
from deepsentry.events import Alert, Anomaly
from streams.alerts.lifecycle import observe, tick
from streams.alerts.notice import Update, coalesce
from streams.alerts.policy import Policy
from streams.alerts.state import Alerts, restore

CHUNK = 1000
MINUTE = 60.0


def anomalies(count: int, prefix: str = "storm", service: str = "") -> list[Anomaly]:
    """Return anomalies of as many fingerprints, of fifty services."""
    usual = sample(datetime.now(UTC)).anomaly
    return [
        msgspec.structs.replace(
            usual,
            id=f"{prefix}{number:028x}",
            fingerprint=f"{prefix[:2]}{number:014x}",
            service=service or f"service-{number % 50}",
        )
        for number in range(count)
    ]


def storm(count: int) -> dict[str, Any]:
    """Run the state machine through a storm twice: for its CPU, and with its memory traced, which is slow."""
    began = time.process_time()
    _storm(count)
    spent = time.process_time() - began
    gc.collect()
    tracemalloc.start()
    figures = _storm(count)
    tracemalloc.stop()
    return {**figures, "us of CPU for an anomaly": round(1e6 * spent / count, 1)}


def _storm(count: int) -> dict[str, Any]:
    """Observe `count` anomalies within a minute, then tick until all is over."""
    policy, start = Policy(group_wait=2.0), datetime(2026, 1, 1, tzinfo=UTC)
    found = anomalies(count)
    held_before, _ = tracemalloc.get_traced_memory()
    state, told, records = Alerts(policy), Counter[str](), 0
    newest: dict[str, Alert] = {}

    def publish(updates: list[Update]) -> None:
        nonlocal records
        for update in coalesce(updates):
            records += 1
            newest[update.alert.id] = update.alert
            if notice := update.notice():
                told[notice.occasion] += 1

    for begin in range(0, count, CHUNK):
        now = start + timedelta(seconds=MINUTE * begin / count)
        updates: list[Update] = []
        for offset in range(begin, min(begin + CHUNK, count)):
            state, new = observe(state, found[offset], now, (), offset)
            updates += new
        publish(updates)
        state, updates = tick(state, now)
        publish(updates)
    held, peak = tracemalloc.get_traced_memory()
    in_the_minute = dict(told)
    for minutes in range(1, 240):
        state, updates = tick(state, start + timedelta(minutes=minutes))
        publish(updates)
    counted = sum(alert.count for alert in newest.values() if not alert.members)
    [summary] = [alert for alert in newest.values() if alert.fingerprint == "storm"]
    return {
        "anomalies": count,
        "told in the minute": in_the_minute,
        "told until all was over": dict(told),
        "counted in alerts and the summary": counted,
        "in the summary": summary.count,
        "records of the alert topic": records,
        "MiB held": round((held - held_before) / 2**20, 2),
        "MiB at most": round((peak - held_before) / 2**20, 2),
        "left open": len(restore(policy, newest.values()).open()),
    }

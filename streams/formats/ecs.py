"""An alert as a document of the Elastic Common Schema 9 (elastic.co/docs/reference/ecs)."""

from typing import Any, Final

from deepsentry.events import Alert
from streams.alerts.fingerprint import rank
from streams.alerts.visible import visible
from streams.formats.ocsf import risk

VERSION: Final = "9.0.0"
KEYWORD: Final = 1024
"""Characters of a text that Elasticsearch still finds by: ECS maps texts as keywords that ignore longer ones."""
ORIGINAL: Final = 8000


def document(alert: Alert) -> dict[str, Any]:
    """Return the document of `alert`; `event.kind` is `alert`, as `signal` is reserved for Elastic's own."""
    strange = alert.anomaly
    document: dict[str, Any] = {
        "@timestamp": alert.updated_at,
        "ecs": {"version": VERSION},
        "message": _keyword(alert.title),
        "tags": ["deepsentry", strange.view],
        "event": {
            "kind": "alert",
            "category": ["host"],
            "type": ["end" if alert.status == "resolved" else "info"],
            "dataset": "deepsentry.alerts",
            "module": "deepsentry",
            "provider": "deepsentry",
            "id": alert.id,
            "action": f"alert-{alert.status}",
            "reason": _keyword(strange.explanation.summary),
            "created": alert.opened_at or alert.updated_at,
            "start": alert.first_seen,
            "end": alert.last_seen,
            "severity": rank(alert.severity),
            "risk_score_norm": risk(strange),
        },
        "rule": {
            "id": _keyword(alert.fingerprint),
            "name": strange.view,
            "ruleset": _keyword(strange.model.name),
            "version": str(strange.model.version),
            "uuid": strange.model.digest,
            "description": _keyword(strange.explanation.template) or "a line is missing",
        },
        "log": {"level": alert.severity},
        "related": {
            "hash": [strange.model.digest],
            "hosts": [_keyword(host) for host in alert.hosts],
        },
        "labels": {name: value for name, value in _labels(alert).items() if value},
    }
    if strange.score < float("inf"):
        document["event"]["risk_score"] = strange.score
    if alert.runbook:
        document["rule"]["reference"] = _keyword(alert.runbook)
    if alert.service:
        document["service"] = {"name": _keyword(alert.service)}
    if alert.hosts:
        document["host"] = {"name": _keyword(alert.hosts[0])}
    deviating = next((line for line in strange.lines if line.deviates), None)
    if deviating is not None:
        document["event"]["original"] = visible(deviating.message, ORIGINAL)
    return document


def _labels(alert: Alert) -> dict[str, str]:
    return {
        "status": alert.status,
        "count": str(alert.count),
        "incident": alert.incident,
        "silence": _keyword(alert.silence),
        "sequence": _keyword(alert.anomaly.sequence),
    }


def _keyword(text: str) -> str:
    return visible(text, KEYWORD)[:KEYWORD]

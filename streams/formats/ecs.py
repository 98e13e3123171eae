"""An alert as a document of the Elastic Common Schema 9 (elastic.co/docs/reference/ecs)."""

from typing import Any, Final

from deepsentry.events import Alert
from streams.alerts.fingerprint import rank
from streams.alerts.visible import visible
from streams.formats.ocsf import TEXT, risk

VERSION: Final = "9.0.0"


def document(alert: Alert) -> dict[str, Any]:
    """Return the document of `alert`; `event.kind` is `alert`, as `signal` is reserved for Elastic's own."""
    strange = alert.anomaly
    document: dict[str, Any] = {
        "@timestamp": alert.updated_at,
        "ecs": {"version": VERSION},
        "message": visible(alert.title, TEXT),
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
            "reason": visible(strange.explanation.summary, TEXT),
            "created": alert.opened_at or alert.updated_at,
            "start": alert.first_seen,
            "end": alert.last_seen,
            "severity": rank(alert.severity),
            "risk_score": strange.score if strange.score < float("inf") else None,
            "risk_score_norm": risk(strange),
            **({"url": alert.runbook} if alert.runbook else {}),
        },
        "rule": {
            "id": visible(alert.fingerprint, TEXT),
            "name": strange.view,
            "ruleset": visible(strange.model.name, TEXT),
            "version": str(strange.model.version),
            "uuid": strange.model.digest,
            "description": visible(strange.explanation.template, TEXT) or "a line is missing",
        },
        "log": {"level": alert.severity},
        "related": {
            "hash": [strange.model.digest],
            "hosts": [visible(host, TEXT) for host in alert.hosts],
        },
        "labels": {
            "status": alert.status,
            "count": str(alert.count),
            "incident": alert.incident,
            "silence": alert.silence,
            "sequence": visible(strange.sequence, TEXT),
        },
    }
    if alert.service:
        document["service"] = {"name": visible(alert.service, TEXT)}
    if alert.hosts:
        document["host"] = {"name": visible(alert.hosts[0], TEXT)}
    deviating = next((line for line in strange.lines if line.deviates), None)
    if deviating is not None:
        document["event"]["original"] = visible(deviating.message, TEXT)
    return document

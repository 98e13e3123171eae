"""An alert as an OCSF 1.7 Detection Finding (class 2004), with what was observed beside what was expected.

Attributes and enumerations: schema.ocsf.io, 1.7.0, classes/detection_finding and the objects that it names.
"""

import math
from datetime import datetime
from typing import Any, Final

from deepsentry import __version__
from deepsentry.events import Alert, AlertStatus, Anomaly, Severity, View
from streams.alerts.visible import visible

VERSION: Final = "1.7.0"
FINDINGS: Final = 2
DETECTION: Final = 2004
LEARNING: Final = 4
"""Analytic of type "Learning (ML/DL)"."""
SEVERITIES: Final[dict[Severity, tuple[int, str]]] = {
    "info": (1, "Informational"),
    "warning": (3, "Medium"),
    "error": (4, "High"),
    "critical": (5, "Critical"),
}
STATUSES: Final[dict[AlertStatus, tuple[int, str]]] = {
    "pending": (1, "New"),
    "firing": (1, "New"),
    "resolved": (4, "Resolved"),
    "suppressed": (3, "Suppressed"),
}
OBSERVED: Final[dict[View, tuple[str, str, str]]] = {
    "novelty": ("Frequency Analysis", "UNSEEN", "template of a line"),
    "profile": ("Distribution Analysis", "RARE", "lines of each template in a sequence"),
    "sequence": ("Sequence Analysis", "RARE", "order of the lines in a sequence"),
}
"""View -> observation type, observed pattern, observation parameter."""
TEXT: Final = 1000
"""Characters of a text."""


def finding(alert: Alert) -> dict[str, Any]:
    """Return the finding of `alert`; its times are Unix milliseconds, as the schema wants them."""
    activity, activity_name = _activity(alert)
    severity_id, severity = SEVERITIES[alert.severity]
    status_id, status = STATUSES[alert.status]
    return {
        "activity_id": activity,
        "activity_name": activity_name,
        "category_uid": FINDINGS,
        "category_name": "Findings",
        "class_uid": DETECTION,
        "class_name": "Detection Finding",
        "type_uid": DETECTION * 100 + activity,
        "type_name": f"Detection Finding: {activity_name}",
        "time": _ms(alert.updated_at),
        "start_time": _ms(alert.first_seen),
        "end_time": _ms(alert.last_seen),
        "message": visible(alert.title, TEXT),
        "severity_id": severity_id,
        "severity": severity,
        "status_id": status_id,
        "status": status,
        **({"status_detail": visible(alert.reason, TEXT)} if alert.reason else {}),
        "is_alert": alert.status == "firing",
        "count": alert.count,
        "confidence_score": risk(alert.anomaly),
        "risk_score": risk(alert.anomaly),
        "finding_info": _info(alert),
        "metadata": {
            "version": VERSION,
            "uid": alert.id,
            "correlation_uid": alert.incident or alert.id,
            "product": {"name": "DeepSentry", "vendor_name": "DeepSentry", "version": __version__},
            "labels": [f"fingerprint:{visible(alert.fingerprint, TEXT)}", f"view:{alert.anomaly.view}"],
        },
        "evidences": [
            {"data": {"message": visible(line.message, TEXT), "deviates": line.deviates, "position": str(line.clean)}}
            for line in alert.anomaly.lines
        ],
        "resources": _resources(alert),
        "anomaly_analyses": [_analysis(alert.anomaly)],
    }


def risk(strange: Anomaly) -> int:
    """Return the score in 0..100; 50 is the threshold, and twice the threshold is 75."""
    return round(100 * (1 - math.exp2(-max(strange.score, 0.0))))


def _activity(alert: Alert) -> tuple[int, str]:
    if alert.status == "resolved":
        return 3, "Close"
    return (1, "Create") if alert.count == 1 else (2, "Update")


def _info(alert: Alert) -> dict[str, Any]:
    judge = alert.anomaly.model
    return {
        "uid": alert.id,
        "title": visible(alert.title, TEXT),
        "desc": visible(alert.anomaly.explanation.summary, TEXT),
        "created_time": _ms(alert.opened_at or alert.updated_at),
        "modified_time": _ms(alert.updated_at),
        "first_seen_time": _ms(alert.first_seen),
        "last_seen_time": _ms(alert.last_seen),
        "types": [alert.anomaly.view],
        "related_events": [{"uid": name, "type": "anomaly"} for name in alert.anomaly_ids],
        "related_events_count": alert.count,
        "analytic": {
            "uid": judge.digest,
            "name": visible(judge.name, TEXT),
            "version": str(judge.version),
            "type_id": LEARNING,
            "type": "Learning (ML/DL)",
        },
        **({"src_url": alert.runbook} if alert.runbook else {}),
    }


def _resources(alert: Alert) -> list[dict[str, str]]:
    services = [("service", alert.service)] if alert.service else []
    named = [*services, *(("host", host) for host in alert.hosts)]
    return [{"type": kind, "name": visible(name, TEXT), "uid": visible(name, TEXT)} for kind, name in named]


def _analysis(strange: Anomaly) -> dict[str, Any]:
    kind, pattern, parameter = OBSERVED[strange.view]
    explained = strange.explanation
    seen = visible(explained.template, TEXT) or "nothing"
    expected = [{"value": visible(each.template, TEXT)} for each in explained.expected]
    common = {"observation_type": kind, "observation_parameter": parameter}
    return {
        "analysis_targets": [
            {"name": visible(strange.service or strange.host, TEXT) or "unknown", "type": "Application Component"}
        ],
        "anomalies": [{**common, "observed_pattern": pattern, "observations": [{"value": seen, "count": 1}]}],
        **({"baselines": [{**common, "observed_pattern": "FREQUENT", "observations": expected}]} if expected else {}),
    }


def _ms(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)

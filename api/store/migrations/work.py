"""Step 2: what projects work with, and what the stream found."""

from typing import Final

from api.store.migrations.step import Index, Layout, Step

EXPIRES: Final = Index((("expires_at", 1),), expires=True)
WORK: Final = Step(
    2,
    "grants, datasets, jobs, anomalies, alerts, verdicts, silences, rejected, workers, comparisons, scores",
    (
        Layout(
            "grants",
            {"kind": "string", "name": "string", "project": "string", "created_at": "date"},
            (Index((("project", 1), ("kind", 1), ("name", 1))),),
        ),
        Layout(
            "datasets",
            {"project": "string", "name": "string", "topic": "string", "created_at": "date"},
            (
                Index((("project", 1), ("name", 1)), unique=True),
                Index((("project", 1), ("created_at", -1), ("_id", -1))),
            ),
        ),
        Layout(
            "jobs",
            {"project": "string", "kind": "string", "state": "string", "number": "int", "created_at": "date"},
            (
                Index((("project", 1), ("created_at", -1), ("_id", -1))),
                Index((("project", 1), ("model", 1), ("_id", 1))),
                Index((("words", 1), ("project", 1))),
                EXPIRES,
            ),
        ),
        Layout(
            "reports",
            {"job": "string", "number": "int", "state": "string", "at": "date"},
            (Index((("job", 1), ("number", 1)), unique=True), EXPIRES),
        ),
        Layout(
            "silences",
            {"project": "string", "owner": "string", "reason": "string", "until": "date", "created_at": "date"},
            (Index((("project", 1), ("created_at", -1), ("_id", -1))), EXPIRES),
        ),
        Layout(
            "anomalies",
            {"model": "string", "fingerprint": "string", "score": "double", "created_at": "date", "event": "bytes"},
            (
                Index((("model", 1), ("created_at", -1), ("_id", -1))),
                Index((("model", 1), ("score", -1), ("_id", -1))),
                Index((("fingerprint", 1), ("created_at", -1))),
                Index((("words", 1), ("model", 1))),
                EXPIRES,
            ),
        ),
        Layout(
            "alerts",
            {"model": "string", "fingerprint": "string", "status": "string", "created_at": "date", "event": "bytes"},
            (
                Index((("model", 1), ("created_at", -1), ("_id", -1))),
                Index((("words", 1), ("model", 1))),
                EXPIRES,
            ),
        ),
        Layout(
            "verdicts",
            {"model": "string", "judgement": "string", "by": "string", "created_at": "date"},
            (Index((("model", 1), ("created_at", -1), ("_id", -1))),),
        ),
        Layout(
            "rejected",
            {"topic": "string", "reason": "string", "created_at": "date"},
            (Index((("topic", 1), ("created_at", -1), ("_id", -1))), Index((("origin", 1),)), EXPIRES),
        ),
        Layout(
            "workers",
            {"stage": "string", "at": "date", "ready": "bool"},
            (Index((("at", -1), ("_id", -1))), EXPIRES),
        ),
        Layout(
            "comparisons",
            {"model": "string", "champion": "int", "challenger": "int", "created_at": "date"},
            (Index((("model", 1), ("created_at", -1), ("_id", -1))), EXPIRES),
        ),
        Layout(
            "counts",
            {"model": "string", "version": "int", "hour": "date"},
            (Index((("model", 1), ("hour", 1))), EXPIRES),
        ),
    ),
)

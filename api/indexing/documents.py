"""Pure: events as documents."""

import re
from datetime import datetime, timedelta
from typing import Final

from api.store.found import KeptAlert, KeptAnomaly, KeptComparison, KeptCounts, KeptVerdict, KeptWorker
from api.store.where import words
from api.store.work import KeptJob, KeptReport, Named
from deepsentry import wire
from deepsentry.events import (
    Alert,
    Anomaly,
    Comparison,
    Job,
    JobReport,
    ScoreCounts,
    Verdict,
    WorkerStatus,
)

JOBS_KEPT: Final = timedelta(days=90)
REPORTS_KEPT: Final = timedelta(days=30)
COUNTS_KEPT: Final = timedelta(days=35)
WORKERS_KEPT: Final = timedelta(hours=1)
MOST_TOPICS: Final = 1000
LONGEST: Final = 2000
"""Characters of a text in a list; the event has all of it."""
HIGHEST: Final = 1e9
"""A score that is infinite would be no number in JSON."""
BUCKET: Final = re.compile(r"-?[0-9]{1,3}")


def anomaly(event: Anomaly, kept_for: timedelta) -> KeptAnomaly:
    """Return what is kept of an anomaly."""
    explanation = event.explanation
    template = explanation.template or next((each.template for each in explanation.expected), "")
    return KeptAnomaly(
        id=event.id,
        model=event.model.name,
        version=event.model.version,
        fingerprint=event.fingerprint,
        view=event.view,
        score=min(event.score, HIGHEST),
        severity=event.severity,
        service=event.service[:LONGEST],
        host=event.host[:LONGEST],
        sequence=event.sequence[:LONGEST],
        summary=explanation.summary[:LONGEST],
        template=template[:LONGEST],
        observed_at=event.observed_at,
        created_at=event.detected_at,
        words=_words(event.service, event.host, event.sequence, explanation.summary, template),
        event=wire.encode(event),
        expires_at=event.detected_at + kept_for,
    )


def alert(event: Alert, kept_for: timedelta) -> KeptAlert:
    """Return what is kept of an alert."""
    return KeptAlert(
        id=event.id,
        model=event.anomaly.model.name,
        fingerprint=event.fingerprint,
        status=event.status,
        severity=event.severity,
        title=event.title[:LONGEST],
        service=event.service[:LONGEST],
        count=event.count,
        first_seen=event.first_seen,
        last_seen=event.last_seen,
        created_at=event.first_seen,
        updated_at=event.updated_at,
        words=_words(event.title, event.service, *event.hosts),
        event=wire.encode(event),
        expires_at=event.updated_at + kept_for,
    )


def verdict(event: Verdict) -> KeptVerdict:
    """Return what is kept of a verdict."""
    return KeptVerdict(
        id=event.anomaly,
        model=event.model.name if event.model else "",
        judgement=event.judgement,
        by=event.by,
        created_at=event.at,
        fingerprint=event.fingerprint,
        note=event.note,
        alert=event.alert,
        withdrawn=event.withdrawn,
    )


def job(event: Job) -> KeptJob:
    """Return what is kept of a job of which nothing was said yet."""
    return KeptJob(
        id=event.id,
        kind=event.kind,
        project=event.project,
        dataset=event.dataset,
        owner=event.owner,
        model=event.model,
        created_at=event.at,
        parameters=event.parameters,
        stopped=event.stopped,
        words=words(event.kind, event.model, event.id),
        expires_at=event.at + JOBS_KEPT,
    )


def report(event: JobReport) -> KeptReport:
    """Return what is kept of a report."""
    return KeptReport(
        id=f"{event.job}/{event.number}",
        job=event.job,
        number=event.number,
        state=event.state,
        at=event.at,
        message=event.message,
        done=event.done,
        total=event.total,
        expires_at=event.at + REPORTS_KEPT,
    )


def worker(event: WorkerStatus) -> KeptWorker:
    """Return what is kept of a worker."""
    topics = tuple(sorted({place.rpartition("/")[0] for place in event.lag}))[:MOST_TOPICS]
    loaded = [each.name for each in (event.version, event.challenger) if each]
    return KeptWorker(
        id=event.worker,
        stage=event.stage,
        host=event.host,
        at=event.at,
        started_at=event.started_at,
        ready=event.ready,
        reasons=event.reasons,
        version=event.version,
        challenger=event.challenger,
        models=tuple(dict.fromkeys(loaded)),
        topics=topics,
        lag=tuple(Named(place, lag) for place, lag in event.lag.items()),
        lines_per_s=event.lines_per_s,
        committed_at=event.committed_at,
        expires_at=event.at + WORKERS_KEPT,
    )


def comparison(event: Comparison, kept_for: timedelta) -> KeptComparison:
    """Return what is kept of a comparison."""
    return KeptComparison(
        id=f"{event.worker}/{event.number}",
        model=event.champion.name,
        champion=event.champion.version,
        challenger=event.challenger.version,
        created_at=event.until,
        since=event.since,
        moments=event.moments,
        both=event.both,
        champion_only=event.champion_only,
        challenger_only=event.challenger_only,
        skipped=event.skipped,
        disagreements=event.disagreements,
        failure=event.failure,
        expires_at=event.until + kept_for,
    )


def counts(event: ScoreCounts) -> KeptCounts:
    """Return what is kept of an hour's scores; buckets that are no numbers are left out."""
    found = tuple((int(number), count) for number, count in event.counts.items() if BUCKET.fullmatch(number))
    return KeptCounts(
        id=f"{event.worker}/{event.model.name}/{event.model.version}/{event.hour:%Y-%m-%dT%H}",
        model=event.model.name,
        version=event.model.version,
        hour=event.hour,
        counts=found,
        expires_at=event.hour + COUNTS_KEPT,
    )


def parts_of_report(event: JobReport, at: datetime) -> dict[str, object]:
    """Return the fields of a job that a report changes."""
    fields: dict[str, object] = {
        "state": event.state,
        "number": event.number,
        "message": event.message,
        "done": event.done,
        "total": event.total,
        "reported_at": at,
    }
    if event.facts:
        fields["facts"] = tuple(Named(name, value) for name, value in event.facts.items())
    if event.version:
        fields["version"] = event.version
    return fields


def _words(*texts: str) -> tuple[str, ...]:
    return tuple(word[:64] for word in words(*(text[:LONGEST] for text in texts)))

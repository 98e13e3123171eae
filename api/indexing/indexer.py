"""Takes a record of any topic that the API shows something of, and keeps what it says."""

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Final, TypeVar

from api.errors import Away, Duplicate, InvalidInput
from api.indexing import documents
from api.indexing.keep import keep
from api.store.collection import Change
from api.store.found import Found, KeptRejected
from api.store.where import at_most, below, differs, equal
from api.store.work import KeptReport, Work
from deepsentry import logs, topics, wire
from deepsentry.errors import WireError
from deepsentry.events import (
    Alert,
    Anomaly,
    Comparison,
    Job,
    JobReport,
    Replay,
    ScoreCounts,
    Silence,
    Verdict,
    WorkerStatus,
)
from deepsentry.kafka import Stored

KEPT: Final = timedelta(days=30)
"""How long what was found is kept where no dataset says otherwise."""
LOOK_EVERY: Final = timedelta(seconds=30)
MOST: Final = 1000
FOLLOWED: Final = (
    topics.JOBS,
    topics.REPORTS,
    topics.WORKERS,
    topics.ANOMALIES,
    topics.ALERTS,
    topics.FEEDBACK,
    topics.SHADOW,
    topics.SCORES,
    topics.REJECTED,
    topics.REPLAYS,
)
E = TypeVar("E")
Views = Callable[[Stored], KeptRejected | None]
"""Makes of a rejected record what may be shown of it; the one part that knows how to take secrets out."""

log = logs.get("indexer")


class Indexer:
    """Every method bears that its event comes again."""

    def __init__(self, work: Work, found: Found, now: Callable[[], datetime], view: Views) -> None:
        self._work = work
        self._found = found
        self._now = now
        self._view = view
        self._days: dict[str, timedelta] = {}
        self._looked: datetime | None = None
        self._handlers: dict[str, Callable[[Stored], Awaitable[None]]] = {
            topics.JOBS.name: self._of(Job, self.job),
            topics.REPORTS.name: self._of(JobReport, self.report),
            topics.WORKERS.name: self._of(WorkerStatus, self._worker),
            topics.ANOMALIES.name: self._of(Anomaly, self._anomaly),
            topics.ALERTS.name: self._of(Alert, self._alert),
            topics.FEEDBACK.name: self._feedback,
            topics.SHADOW.name: self._of(Comparison, self._comparison),
            topics.SCORES.name: self._of(ScoreCounts, self._counts),
            topics.REJECTED.name: self._rejected,
            topics.REPLAYS.name: self._of(Replay, self._replay),
        }

    async def take(self, record: Stored) -> None:
        """Keep what a record says; one that nobody of ours wrote is passed over. Raises StoreAway."""
        if not record.value:
            return  # what compaction forgets, the store forgets by its own time
        try:
            await self._handlers[record.topic](record)
        except Away:
            raise
        except (WireError, InvalidInput) as error:
            log.warning("event_unreadable", topic=record.topic, offset=record.offset, reason=str(error)[:200])
        except Exception as error:  # noqa: BLE001 - one record that is not kept must not hold up all others
            log.error("event_unkept", topic=record.topic, offset=record.offset, error=type(error).__name__)  # noqa: TRY400

    async def job(self, event: Job) -> None:
        """Keep a job, or that its end was asked for."""
        if event.stopped:
            await self._work.jobs.update(Change(put={"stopped": True}), equal("id", event.id), equal("stopped", False))
        if await self._work.jobs.get(equal("id", event.id)) is not None:
            return
        try:
            await self._work.jobs.insert(documents.job(event))
        except Duplicate:
            return
        reports = await self._work.reports.find(equal("job", event.id), order=(("number", -1),), limit=1)
        for last in reports:
            await self._work.jobs.update(Change(put=_known(last)), equal("id", event.id), below("number", last.number))

    async def report(self, event: JobReport) -> None:
        """Keep a report, unless another has its number."""
        kept = documents.report(event)
        try:
            await self._work.reports.insert(kept)
        except Duplicate:
            first = await self._work.reports.get(equal("id", kept.id))
            if first is None or (first.state, first.message) != (kept.state, kept.message):
                return
        change = Change(put=documents.parts_of_report(event, event.at))
        await self._work.jobs.update(change, equal("id", event.job), below("number", event.number))

    async def _anomaly(self, event: Anomaly) -> None:
        value = documents.anomaly(event, await self._kept_for(event.model.name))
        await keep(self._found.anomalies, value, but=("judgement",))
        verdict = await self._found.verdicts.get(equal("id", event.id))
        if verdict is not None and not verdict.withdrawn:
            await self._found.anomalies.update(Change(put={"judgement": verdict.judgement}), equal("id", event.id))

    async def _alert(self, event: Alert) -> None:
        value = documents.alert(event, await self._kept_for(event.anomaly.model.name))
        await keep(self._found.alerts, value, at_most("updated_at", event.updated_at))

    async def _feedback(self, record: Stored) -> None:
        if record.key.startswith(b"verdict/"):
            await self.verdict(wire.decode(Verdict, record.value))
        elif record.key.startswith(b"silence/"):
            silence = wire.decode(Silence, record.value)
            change = Change(put={"until": silence.until, "ended_by": silence.ended_by})
            # what the API itself published comes back here, and is no new revision
            await self._work.silences.update(change, equal("id", silence.id), differs("until", silence.until))

    async def verdict(self, event: Verdict) -> None:
        """Keep a verdict, and note it at the anomaly."""
        await keep(self._found.verdicts, documents.verdict(event), at_most("created_at", event.at))
        newest = await self._found.verdicts.get(equal("id", event.anomaly))
        judgement = newest.judgement if newest is not None and not newest.withdrawn else None
        await self._found.anomalies.update(Change(put={"judgement": judgement}), equal("id", event.anomaly))

    async def _worker(self, event: WorkerStatus) -> None:
        await keep(self._found.workers, documents.worker(event), at_most("at", event.at))

    async def _comparison(self, event: Comparison) -> None:
        value = documents.comparison(event, await self._kept_for(event.champion.name))
        await keep(self._found.comparisons, value)

    async def _counts(self, event: ScoreCounts) -> None:
        await keep(self._found.counts, documents.counts(event))

    async def _rejected(self, record: Stored) -> None:
        value = self._view(record)
        if value is not None:
            await keep(self._found.rejected, value, but=("replayed_at",))

    async def _replay(self, event: Replay) -> None:
        if event.done:
            await self._found.rejected.update_all(Change(put={"replayed_at": event.at}), equal("origin", event.source))

    async def _kept_for(self, model: str) -> timedelta:
        """Return how long what a model finds is kept: as long as the datasets of its project say."""
        now = self._now()
        if self._looked is None or now - self._looked > LOOK_EVERY:
            owners = {
                grant.name: grant.project for grant in await self._work.grants.find(equal("kind", "model"), limit=MOST)
            }
            days: dict[str, int] = {}
            for dataset in await self._work.datasets.find(limit=MOST):
                days[dataset.project] = max(dataset.retention_days, days.get(dataset.project, 0))
            self._days = {name: timedelta(days=days[owner]) for name, owner in owners.items() if owner in days}
            self._looked = now
        return self._days.get(model, KEPT)

    @staticmethod
    def _of(kind: type[E], handle: Callable[[E], Awaitable[None]]) -> Callable[[Stored], Awaitable[None]]:
        async def decoded(record: Stored) -> None:
            await handle(wire.decode(kind, record.value))

        return decoded


def _known(last: KeptReport) -> dict[str, object]:
    return {
        "state": last.state,
        "number": last.number,
        "message": last.message,
        "done": last.done,
        "total": last.total,
        "reported_at": last.at,
    }

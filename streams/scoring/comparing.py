"""Shell: what is seen beside the champion's verdicts: how scores are spread, and what a challenger would have said.

The champion's work only puts what it judged into a queue. The challenger judges from there, a few hundredths of a
second at a time; what does not fit into its share is counted and passed over, and where it fails it judges no more.
"""

import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple

from deepsentry import logs, topics, wire
from deepsentry.events import Comparison, Disagreement, ModelReference, Position, ScoreCounts
from deepsentry.metrics import Metrics
from deepsentry.settings import Settings
from models.detector import Detector
from models.prepare import Observed, Verdict
from models.registry import CHALLENGER
from models.shadow import bucket, moments
from streams.scoring.champions import Champion
from streams.scoring.score import Detects
from streams.scoring.strange import Due
from streams.transport.outbox import Outbox, Outgoing
from streams.windowing.sequence import Rank, stored

TURN: Final = 0.25
SHARE: Final = 0.025
"""Seconds of each turn that the challenger may judge: a tenth of the worker's time."""
AT_ONCE: Final = 16
WAITING: Final = 512
"""Judgements that wait for the challenger, at most."""
MOST_SHOWN: Final = 20
PUBLISH_EVERY: Final = 10.0
HOURS: Final = 3
"""So many hours are counted at once, at most: those of versions that judged lately."""

log = logs.get("shadow")


class Seen(NamedTuple):
    """What the champion said of a sequence, in words that another version understands."""

    texts: tuple[str, ...]
    """Text of each line's template."""
    observed: Observed
    key: str
    start: Position
    verdict: Verdict


class Beside:
    """Counts scores, and compares with the challenger where there is one."""

    def __init__(
        self, settings: Settings, metrics: Metrics, outbox: Outbox, worker: str, now: Callable[[], datetime]
    ) -> None:
        self.challenger = Champion(settings, metrics, CHALLENGER)
        self._outbox = outbox
        self._worker = worker
        self._now = now
        self._counts: dict[tuple[ModelReference, datetime], Counter[int]] = {}
        self._changed: set[tuple[ModelReference, datetime]] = set()
        self._waiting: deque[Seen] = deque()
        self._champion: ModelReference | None = None
        self._against: ModelReference | None = None
        self._began: datetime = now()
        self._pairs: list[tuple[float, float]] = []
        self._agreed: Counter[tuple[bool, bool]] = Counter()
        self._shown: list[Disagreement] = []
        self._skipped = 0
        self._number = 0
        self._failure = ""
        self._told = time.monotonic()
        self.challenger.refresh()

    def observe(self, detector: Detects, due: Sequence[Due], verdicts: Sequence[Verdict], rank: Rank) -> None:
        """Note what the champion said; as cheap as it can be, for this is on its way."""
        reference = detector.reference
        hour = self._now().replace(minute=0, second=0, microsecond=0)
        counts = self._counts.get((reference, hour))
        if counts is None:
            counts = self._counts[reference, hour] = Counter()
        for each, verdict in zip(due, verdicts, strict=True):
            if not each.sequence.open and len(each.observed.templates) == len(each.sequence):
                counts[bucket(verdict.score)] += 1
                self._changed.add((reference, hour))
        if self.challenger.detector is None or self._failure:
            return
        if reference != self._champion:
            self._restart(reference)
        for each, verdict in zip(due, verdicts, strict=True):
            if len(self._waiting) >= WAITING:
                self._skipped += 1
                continue
            texts = tuple(detector.template_text(template) for template in each.observed.templates)
            first = stored(each.packed, 0)
            start = Position(*rank(first.source), first.raw, first.entry)
            self._waiting.append(Seen(texts, each.observed, each.sequence.key, start, verdict))

    async def changed(self) -> None:
        """Begin anew with another challenger, or none; what was compared with the one before is told first."""
        await self._publish()
        self._failure = ""
        self._restart(self._champion)

    async def turn(self) -> None:
        """Let the challenger judge for a moment, and tell now and then what came of it."""
        detector = self.challenger.detector
        if detector is not None and not self._failure:
            try:
                self._judge(detector)
            except Exception as error:  # noqa: BLE001 - whatever a challenger does, the champion judges on
                self._failure = f"it failed: {type(error).__name__}"
                self._waiting.clear()
                log.warning("challenger_failed", version=detector.reference.version, error=type(error).__name__)
        if time.monotonic() - self._told > PUBLISH_EVERY:
            self._told = time.monotonic()
            await self._publish()

    def _restart(self, champion: ModelReference | None) -> None:
        self._champion = champion
        self._waiting.clear()
        self._against = self.challenger.version
        self._forget()

    def _forget(self) -> None:
        self._began = self._now()
        self._pairs, self._shown, self._skipped = [], [], 0
        self._agreed = Counter()

    def _judge(self, detector: Detector) -> None:
        until = time.perf_counter() + SHARE
        while self._waiting and time.perf_counter() < until:
            seen = [self._waiting.popleft() for _ in range(min(AT_ONCE, len(self._waiting)))]
            batch = [self._renamed(each, detector) for each in seen]
            for each, observed, verdict in zip(seen, batch, detector.judge(batch), strict=True):
                self._compare(detector, each, observed, verdict)

    @staticmethod
    def _renamed(seen: Seen, detector: Detector) -> Observed:
        return Observed(tuple(map(detector.template, seen.texts)), seen.observed.complete, seen.observed.kind)

    def _compare(self, detector: Detector, seen: Seen, observed: Observed, verdict: Verdict) -> None:
        ours, theirs = seen.verdict, verdict
        self._pairs.append((ours.score, theirs.score))
        strange = (ours.score > 1, theirs.score > 1)
        self._agreed[strange] += 1
        if strange[0] == strange[1] or len(self._shown) >= MOST_SHOWN:
            return
        finder = theirs if strange[1] else ours
        summary = detector.explain(observed, theirs).summary if strange[1] else f"{ours.views[0].view} of the champion"
        self._shown.append(
            Disagreement(
                sequence=seen.key,
                kind=observed.kind,
                start=seen.start,
                length=len(observed.templates),
                at=self._now(),
                champion=ours.score,
                challenger=theirs.score,
                view=finder.views[0].view,
                summary=summary,
            )
        )

    async def _publish(self) -> None:
        """Tell what came since the last time. While the broker is away, nothing is told and nothing is lost."""
        if self._outbox.waiting:
            return
        outgoing = [*self._compared(), *self._counted()]
        if outgoing:
            await self._outbox.publish(outgoing)

    def _compared(self) -> Iterator[Outgoing]:
        champion, challenger = self._champion, self._against
        if champion is None or challenger is None or not (self._pairs or self._skipped or self._failure):
            return
        self._number += 1
        comparison = Comparison(
            worker=self._worker,
            number=self._number,
            champion=champion,
            challenger=challenger,
            since=self._began,
            until=self._now(),
            moments=moments(self._pairs),
            both=self._agreed[True, True],
            champion_only=self._agreed[True, False],
            challenger_only=self._agreed[False, True],
            skipped=self._skipped,
            disagreements=tuple(self._shown),
            failure=self._failure,
        )
        self._forget()
        key = f"{champion.name}/{self._worker}/{self._number}"
        yield Outgoing(topics.SHADOW.name, key.encode(), wire.encode(comparison))

    def _counted(self) -> Iterator[Outgoing]:
        for reference, hour in self._changed:
            counts = {str(number): count for number, count in sorted(self._counts[reference, hour].items())}
            value = ScoreCounts(self._worker, reference, hour, counts)
            key = f"{self._worker}/{reference.name}/{reference.version}/{hour.astimezone(UTC):%Y-%m-%dT%H}"
            yield Outgoing(topics.SCORES.name, key.encode(), wire.encode(value))
        self._changed.clear()
        oldest = self._now() - timedelta(hours=HOURS)
        self._counts = {key: counts for key, counts in self._counts.items() if key[1] > oldest}

"""Anomalies and alerts of a project's models, and what people say of them."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final, TypeVar

from api.cursors import Asked, Paged, Sort, page
from api.parts import Parts
from api.roles import Principal
from api.store.collection import Collection, Stored
from api.store.found import KeptAlert, KeptAnomaly, KeptVerdict
from api.store.where import Where, among, at_least, below, equal, search
from api.work import grants
from api.work.jobs import indexer_of
from deepsentry import feedback, topics, wire
from deepsentry.errors import NotFound
from deepsentry.events import Anomaly, Judgement, Verdict
from deepsentry.links import Link

SORTS: Final = {
    "-detected_at": Sort("created_at", -1, datetime),
    "detected_at": Sort("created_at", 1, datetime),
    "-score": Sort("score", -1, float),
    "score": Sort("score", 1, float),
}
NEWEST: Final = Sort("created_at", -1, datetime)
T = TypeVar("T", bound=Stored)


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which ones are meant; what is empty does not count."""

    equals: tuple[tuple[str, str], ...] = ()
    least: float | None = None
    since: datetime | None = None
    until: datetime | None = None
    text: str = ""

    def where(self) -> tuple[Where, ...]:
        """Return the conditions."""
        found: list[Where] = [equal(name, value) for name, value in self.equals if value]
        if self.least is not None:
            found.append(at_least("score", self.least))
        if self.since is not None:
            found.append(at_least("created_at", self.since))
        if self.until is not None:
            found.append(below("created_at", self.until))
        return (*found, *search("words", self.text))


async def anomalies(parts: Parts, project: str, asked: Asked, sort: str, wanted: Wanted) -> Paged[KeptAnomaly]:
    """Return what the models of a project found."""
    mine = await _models(parts, project)
    return await page(parts.found.anomalies, asked, SORTS[sort], mine, *wanted.where())


async def alerts(parts: Parts, project: str, asked: Asked, wanted: Wanted) -> Paged[KeptAlert]:
    """Return the alerts that became of it."""
    mine = await _models(parts, project)
    return await page(parts.found.alerts, asked, NEWEST, mine, *wanted.where())


async def anomaly(parts: Parts, project: str, id_: str) -> KeptAnomaly:
    """Return an anomaly. Raises NotFound."""
    return await _one(parts, project, parts.found.anomalies, id_, "anomaly")


async def alert(parts: Parts, project: str, id_: str) -> KeptAlert:
    """Return an alert. Raises NotFound."""
    return await _one(parts, project, parts.found.alerts, id_, "alert")


async def verdicts(parts: Parts, project: str, asked: Asked) -> Paged[KeptVerdict]:
    """Return what people said, the newest first."""
    return await page(parts.found.verdicts, asked, NEWEST, await _models(parts, project))


async def verdict(parts: Parts, project: str, id_: str) -> KeptVerdict | None:
    """Return what was last said of an anomaly that the project has, None where nothing was."""
    await anomaly(parts, project, id_)
    return await parts.found.verdicts.get(equal("id", id_))


async def judge(
    parts: Parts, principal: Principal, project: str, id_: str, judgement: Judgement, note: str, alert_id: str
) -> Verdict:
    """Say of an anomaly what it was. Raises NotFound, StreamAway."""
    kept = await anomaly(parts, project, id_)
    if alert_id:
        await alert(parts, project, alert_id)
    event = wire.decode(Anomaly, kept.event)
    said = feedback.verdict_on(event, judgement, principal.id, parts.now(), note=note, alert=alert_id)
    await _say(parts, said)
    facts: dict[str, str | int | float | bool] = {"judgement": judgement}
    await parts.audit.note(principal, "anomaly.judged", id_, project=project, facts=facts)
    return said


async def answer(parts: Parts, link: Link, address: str) -> None:
    """Say what a signed link says, which was verified. Raises NotFound where the anomaly is not here, or not yet."""
    kept = await parts.found.anomalies.get(equal("id", link.anomaly))
    if kept is None:
        message = "no such anomaly"
        raise NotFound(message)
    event = wire.decode(Anomaly, kept.event)
    await _say(parts, feedback.verdict_on(event, link.judgement, link.target, parts.now(), alert=link.alert))
    owner = await parts.work.grants.get(equal("id", grants.id_of("model", kept.model)))
    facts: dict[str, str | int | float | bool] = {"judgement": link.judgement}
    await parts.audit.note(
        f"link:{link.target}",
        "anomaly.judged",
        link.anomaly,
        project=owner.project if owner else "",
        facts=facts,
        address=address,
    )


async def withdraw(parts: Parts, principal: Principal, project: str, id_: str) -> None:
    """Take a verdict back. Raises NotFound where none stands, StreamAway."""
    kept = await anomaly(parts, project, id_)
    standing = await parts.found.verdicts.get(equal("id", id_))
    if standing is None or standing.withdrawn:
        message = "no verdict stands on it"
        raise NotFound(message)
    event = wire.decode(Anomaly, kept.event)
    said = feedback.verdict_on(
        event, standing.judgement, standing.by, standing.created_at, note=standing.note, alert=standing.alert
    )
    await _say(parts, feedback.withdrawn(said, principal.id, parts.now()))
    await parts.audit.note(principal, "verdict.withdrawn", id_, project=project)


async def _say(parts: Parts, said: Verdict) -> None:
    await parts.stream.publish(topics.FEEDBACK, feedback.key_of(said).decode(), said)
    await indexer_of(parts).verdict(said)


async def _models(parts: Parts, project: str) -> Where:
    # of a project without models nothing is found: no value is among none
    return among("model", await grants.names(parts, project, "model"))


async def _one(parts: Parts, project: str, collection: Collection[T], id_: str, what: str) -> T:
    found = await collection.get(equal("id", id_), await _models(parts, project))
    if found is None:
        message = f"no such {what}"
        raise NotFound(message)
    return found

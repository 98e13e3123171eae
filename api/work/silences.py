"""Exemptions as data: what nobody is told of, who wanted that, why, and until when."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal

from api.cursors import NEWEST, Asked, Paged, page
from api.errors import Conflict, InvalidInput
from api.parts import Parts
from api.roles import Principal
from api.store.amending import Revision, amend
from api.store.collection import Change
from api.store.where import above, equal
from api.store.work import KeptSilence
from api.work import grants, patterns
from deepsentry import topics
from deepsentry.errors import NotFound
from deepsentry.events import Silence

Label = Literal["service", "severity", "host", "view", "template"]
Operator = Literal["=", "!=", "=~", "!~"]
LONGEST: Final = timedelta(days=366)
KEPT: Final = timedelta(days=365)
"""How long one that is over is shown."""
MOST: Final = 1000


@dataclass(frozen=True, slots=True)
class Condition:
    """What a label of an anomaly must be."""

    label: Label
    operator: Operator
    value: str

    def text(self) -> str:
        """Return it as routes and silences write it; the quotes end where the text ends, whatever stands between."""
        return f'{self.label}{self.operator}"{self.value}"'


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be silent; what is empty does not count."""

    reason: str
    until: datetime
    fingerprint: str
    template: str
    match: tuple[Condition, ...]


async def create(parts: Parts, principal: Principal, project: str, wanted: Wanted) -> KeptSilence:
    """Let nobody be told of what matches. Raises InvalidInput, Conflict, StreamAway."""
    now = parts.now()
    if not now < wanted.until <= now + LONGEST:
        raise InvalidInput({"body.until": f"must lie ahead, by at most {LONGEST.days} days"})
    if not (wanted.fingerprint or wanted.template or wanted.match):
        raise InvalidInput({"body": "give a fingerprint, a template or a condition: not everything is silenced"})
    for number, condition in enumerate(wanted.match):
        if condition.operator in {"=~", "!~"}:
            patterns.check(f"body.match.{number}.value", condition.value)
    if await parts.work.silences.count(equal("project", project), above("until", now), at_most=MOST) >= MOST:
        message = f"{MOST} silences of this project stand; end some"
        raise Conflict(message)
    kept = KeptSilence(
        id=parts.new_id(),
        project=project,
        owner=principal.id,
        reason=wanted.reason,
        created_at=now,
        until=wanted.until,
        fingerprint=wanted.fingerprint,
        template=wanted.template,
        match=tuple(condition.text() for condition in wanted.match),
        expires_at=wanted.until + KEPT,
    )
    await _publish(parts, project, kept)
    await parts.work.silences.insert(kept)
    await parts.audit.note(principal, "silence.created", kept.id, project=project)
    return kept


async def listed(parts: Parts, project: str, asked: Asked, *, standing: bool) -> Paged[KeptSilence]:
    """Return the silences of a project; only those that have not ended, where `standing`."""
    still = (above("until", parts.now()),) if standing else ()
    return await page(parts.work.silences, asked, NEWEST, equal("project", project), *still)


async def get(parts: Parts, project: str, id_: str) -> KeptSilence:
    """Return a silence. Raises NotFound."""
    found = await parts.work.silences.get(equal("id", id_), equal("project", project))
    if found is None:
        message = "no such silence"
        raise NotFound(message)
    return found


async def end(parts: Parts, principal: Principal, project: str, id_: str, revision: Revision) -> KeptSilence:
    """Let it expire now. Raises NotFound, Conflict where it is over, RevisionPassed, StreamAway."""
    now = parts.now()
    if (await get(parts, project, id_)).until <= now:
        message = "it is over"
        raise Conflict(message)
    ended = Change(put={"until": now, "ended_by": principal.id})
    kept = await amend(parts.work.silences, ended, revision, equal("id", id_), equal("project", project))
    await _publish(parts, project, kept)
    await parts.audit.note(principal, "silence.ended", id_, project=project)
    return kept


async def _publish(parts: Parts, project: str, kept: KeptSilence) -> None:
    """Tell the alert workers; whatever a project asks for, it holds for its own models only."""
    models = await grants.names(parts, project, "model")
    if not models:
        message = "this project has no model yet, so nothing can be silenced"
        raise Conflict(message)
    own = f'model=~"{"|".join(models)}"'  # names are letters, digits and hyphens
    silence = Silence(
        id=kept.id,
        owner=kept.owner,
        reason=kept.reason,
        created_at=kept.created_at,
        until=kept.until,
        fingerprint=kept.fingerprint,
        template=kept.template,
        match=(own, *kept.match),
        ended_by=kept.ended_by,
    )
    await parts.stream.publish(topics.FEEDBACK, f"silence/{kept.id}", silence)

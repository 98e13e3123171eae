"""Records that could not be used, of a project's topics: shown redacted, and brought back by a worker."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from api.cursors import Asked, Paged, Sort, page
from api.errors import InvalidInput
from api.parts import Parts
from api.roles import Principal
from api.store.found import KeptRejected
from api.store.where import among, at_least, equal
from api.store.work import KeptJob, Value
from api.work import grants, jobs
from deepsentry.errors import NotFound

NEWEST: Final = Sort("created_at", -1, datetime)
MOST_IDS: Final = 1000


async def listed(
    parts: Parts, project: str, asked: Asked, reason: str, topic: str, since: datetime | None
) -> Paged[KeptRejected]:
    """Return what was rejected, the newest first."""
    said = [equal(name, value) for name, value in (("reason", reason), ("topic", topic)) if value]
    if since is not None:
        said.append(at_least("created_at", since))
    mine = among("topic", await grants.names(parts, project, "topic"))
    return await page(parts.found.rejected, asked, NEWEST, mine, *said)


async def get(parts: Parts, project: str, id_: str) -> KeptRejected:
    """Return a rejected record. Raises NotFound."""
    mine = among("topic", await grants.names(parts, project, "topic"))
    found = await parts.found.rejected.get(equal("id", id_), mine)
    if found is None:
        message = "no such rejected record"
        raise NotFound(message)
    return found


async def replay(
    parts: Parts,
    principal: Principal,
    project: str,
    topic: str,
    ids: Sequence[str],
    selection: dict[str, Value],
) -> KeptJob:
    """Ask a worker to bring records back to the topic they came from. Raises NotFound for another's topic or record.

    The worker looks at the topic of each record itself, so that no id of another's topic can be smuggled in.
    """
    await grants.require(parts, project, "topic", topic)
    if not ids and not (selection.get("reason") or selection.get("since")):
        raise InvalidInput({"body": "give ids, a reason or a time: everything is not brought back at once"})
    for id_ in ids:
        if (await get(parts, project, id_)).topic != topic:
            raise InvalidInput({"body.ids": f"{id_} came from another topic"})
    told: dict[str, Value] = {"topic": topic, "ids": ",".join(ids), **selection}
    return await jobs.ask(parts, principal, project, "replay", "", "", told)

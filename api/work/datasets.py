"""Datasets: which lines, how they form sequences, and what they may cost."""

from typing import Any, Final

from api.cursors import NEWEST, Asked, Paged, page
from api.errors import Conflict
from api.parts import Parts
from api.roles import Principal
from api.store.amending import Revision, amend, discard
from api.store.collection import Change
from api.store.where import equal
from api.store.work import Dataset
from api.work import grants, patterns
from deepsentry.errors import NotFound

MOST: Final = 200


async def create(parts: Parts, principal: Principal, project: str, fields: dict[str, Any]) -> Dataset:
    """Make a dataset. Raises NotFound for another's topic, InvalidInput, Duplicate, Conflict."""
    patterns.check("body.key", fields["key"])
    await grants.require(parts, project, "topic", fields["topic"])
    if await parts.work.datasets.count(equal("project", project), at_most=MOST) >= MOST:
        message = f"a project has at most {MOST} datasets"
        raise Conflict(message)
    made = Dataset(id=parts.new_id(), project=project, created_at=parts.now(), created_by=principal.id, **fields)
    await parts.work.datasets.insert(made)
    await parts.audit.note(principal, "dataset.created", made.id, project=project, facts={"topic": made.topic})
    return made


async def listed(parts: Parts, project: str, asked: Asked) -> Paged[Dataset]:
    """Return the datasets of a project."""
    return await page(parts.work.datasets, asked, NEWEST, equal("project", project))


async def get(parts: Parts, project: str, id_: str) -> Dataset:
    """Return a dataset. Raises NotFound."""
    found = await parts.work.datasets.get(equal("id", id_), equal("project", project))
    if found is None:
        message = "no such dataset"
        raise NotFound(message)
    return found


async def change(
    parts: Parts, principal: Principal, project: str, id_: str, fields: dict[str, Any], revision: Revision
) -> Dataset:
    """Change what is given; jobs that were asked for before keep what they were told."""
    if "key" in fields:
        patterns.check("body.key", fields["key"])
    changed = await amend(
        parts.work.datasets, Change(put=fields), revision, equal("id", id_), equal("project", project)
    )
    told = {name: value for name, value in fields.items() if name in {"budget", "retention_days"}}
    await parts.audit.note(principal, "dataset.changed", id_, project=project, facts=told)
    return changed


async def remove(parts: Parts, principal: Principal, project: str, id_: str, revision: Revision) -> None:
    """Forget a dataset; its topic and the versions that were trained on it stay."""
    await discard(parts.work.datasets, revision, equal("id", id_), equal("project", project))
    await parts.audit.note(principal, "dataset.removed", id_, project=project)

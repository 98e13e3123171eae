"""What a project may name, and its datasets."""

from typing import Annotated

from fastapi import Depends, Response

from api.dependencies import Admin, HouseParts, Id, Operating, Page, Seen, Viewing, tag
from api.routing import router
from api.schemas.common import PageOf
from api.schemas.work import DatasetChange, DatasetShown, GrantShown, NewDataset, NewGrant
from api.store.projects import Project
from api.store.work import Dataset
from api.work import datasets, grants

routes = router("/projects/{project}", "datasets")


async def _project(project: Id, parts: HouseParts) -> Project:
    return await parts.projects.get(project)


@routes.post("/grants", status_code=201)
async def grant(
    new: NewGrant, principal: Admin, project: Annotated[Project, Depends(_project)], parts: HouseParts
) -> GrantShown:
    """Let a project name a topic or a model; it takes the role admin in the house, as it shows what stands there."""
    return GrantShown.model_validate(await grants.grant(parts, principal, project.id, new.kind, new.name))


@routes.get("/grants")
async def list_grants(scope: Viewing, parts: HouseParts, asked: Page) -> PageOf[GrantShown]:
    """Return which topics and models the project may name."""
    found = await grants.listed(parts, scope.project.id, asked)
    return PageOf(items=[GrantShown.model_validate(each) for each in found.items], next=found.next)


@routes.delete("/grants/{grant}", status_code=204)
async def revoke(
    grant: Id, principal: Admin, project: Annotated[Project, Depends(_project)], parts: HouseParts
) -> None:
    """Take a topic or a model from a project; nothing of it is deleted."""
    await grants.revoke(parts, principal, project.id, grant)


@routes.post("/datasets", status_code=201)
async def create_dataset(new: NewDataset, scope: Operating, parts: HouseParts, response: Response) -> DatasetShown:
    """Make a dataset on a topic that the project may name."""
    made = await datasets.create(parts, scope.principal, scope.project.id, new.model_dump())
    return _shown(made, response)


@routes.get("/datasets")
async def list_datasets(scope: Viewing, parts: HouseParts, asked: Page) -> PageOf[DatasetShown]:
    """Return the datasets of the project, the newest first."""
    found = await datasets.listed(parts, scope.project.id, asked)
    return PageOf(items=[DatasetShown.model_validate(each) for each in found.items], next=found.next)


@routes.get("/datasets/{dataset}")
async def show_dataset(dataset: Id, scope: Viewing, parts: HouseParts, response: Response) -> DatasetShown:
    """Return a dataset."""
    return _shown(await datasets.get(parts, scope.project.id, dataset), response)


@routes.patch("/datasets/{dataset}")
async def change_dataset(
    change: DatasetChange, dataset: Id, scope: Operating, parts: HouseParts, seen: Seen, response: Response
) -> DatasetShown:
    """Change a dataset; its budget and key count for trainings that are asked for from then on."""
    fields = change.model_dump(exclude_none=True)
    return _shown(await datasets.change(parts, scope.principal, scope.project.id, dataset, fields, seen), response)


@routes.delete("/datasets/{dataset}", status_code=204)
async def remove_dataset(dataset: Id, scope: Operating, parts: HouseParts, seen: Seen) -> None:
    """Forget a dataset; its topic and the versions that were trained on it stay."""
    await datasets.remove(parts, scope.principal, scope.project.id, dataset, seen)


def _shown(found: Dataset, response: Response) -> DatasetShown:
    tag(response, found.revision)
    return DatasetShown.model_validate(found)

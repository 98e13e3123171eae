"""Keys for programs."""

from api.dependencies import Administering, HouseParts, Id, Page
from api.house import programs
from api.routing import router
from api.schemas.common import PageOf
from api.schemas.people import KeyMade, KeyShown, NewKey

routes = router("/projects/{project}/keys", "keys")


@routes.post("", status_code=201)
async def create_key(new: NewKey, scope: Administering, parts: HouseParts) -> KeyMade:
    """Make a key for a program; it is shown this once."""
    key, text = await programs.create(parts, scope, new.name, new.role, new.days)
    return KeyMade(**KeyShown.model_validate(key).model_dump(), key=text)


@routes.get("")
async def list_keys(scope: Administering, parts: HouseParts, asked: Page) -> PageOf[KeyShown]:
    """Return the project's keys, the newest first."""
    found = await programs.listed(parts, scope.project.id, asked)
    return PageOf(items=[KeyShown.model_validate(each) for each in found.items], next=found.next)


@routes.delete("/{key}", status_code=204)
async def remove_key(key: Id, scope: Administering, parts: HouseParts) -> None:
    """Take a key back; it holds no longer."""
    await programs.remove(parts, scope, key)

"""An update that says which revision it saw, and the error where that has passed."""

from api.errors import RevisionPassed
from api.store.collection import Change, Collection, T
from api.store.where import Where, equal
from deepsentry.errors import NotFound

Revision = int | None
"""None: `If-Match: *`, whichever."""


async def amend(collection: Collection[T], change: Change, revision: Revision, *where: Where) -> T:
    """Change the one thing of `where` if it still has `revision`. Raises NotFound, RevisionPassed."""
    seen = () if revision is None else (equal("revision", revision),)
    changed = await collection.update(change, *where, *seen)
    if changed is not None:
        return changed
    now = await collection.get(*where)
    if now is None:
        message = "no such thing"
        raise NotFound(message)
    message = f"it was changed since: it has revision {now.revision}; read it again"
    raise RevisionPassed(message)


async def discard(collection: Collection[T], revision: Revision, *where: Where) -> None:
    """Remove the one thing of `where` if it still has `revision`. Raises NotFound, RevisionPassed."""
    seen = () if revision is None else (equal("revision", revision),)
    if await collection.remove(*where, *seen):
        return
    now = await collection.get(*where)
    if now is None:
        message = "no such thing"
        raise NotFound(message)
    message = f"it was changed since: it has revision {now.revision}; read it again"
    raise RevisionPassed(message)

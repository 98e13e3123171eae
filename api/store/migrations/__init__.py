"""Collections, validators and indexes, step by step; `deepsentry store migrate` applies what a store lacks."""

from collections.abc import Callable
from datetime import datetime
from typing import Final, Protocol

from api.errors import Duplicate
from api.store.collection import Store
from api.store.migrations.people import PEOPLE
from api.store.migrations.step import Applied, Layout, Step
from api.store.migrations.work import WORK

STEPS: Final[tuple[Step, ...]] = (PEOPLE, WORK)
MOST: Final = 1000


class Prepares(Store, Protocol):
    """A store whose collections can be laid out."""

    async def prepare(self, layout: Layout) -> None:
        """Create the collection, its validator and its indexes where they are not so yet."""
        ...


async def pending(store: Store, steps: tuple[Step, ...] = STEPS) -> list[Step]:
    """Return the steps that the store has not had."""
    had = {applied.id for applied in await store.collection("migrations", Applied).find(limit=MOST)}
    return [step for step in steps if _id(step) not in had]


async def migrate(store: Prepares, now: Callable[[], datetime], steps: tuple[Step, ...] = STEPS) -> list[Step]:
    """Apply the steps that the store has not had, and return them; again, or from two processes, it changes nothing."""
    missing = await pending(store, steps)
    for step in missing:
        for layout in step.layouts:
            await store.prepare(layout)
        try:
            await store.collection("migrations", Applied).insert(Applied(id=_id(step), title=step.title, at=now()))
        except Duplicate:
            continue  # another process was quicker, and did the same
    return missing


def _id(step: Step) -> str:
    return f"{step.number:04d}"

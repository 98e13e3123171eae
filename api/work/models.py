"""Models: versions, and which of them judges. The registry holds them; workers follow its aliases."""

import asyncio
from collections.abc import Callable
from typing import IO, Final, TypeVar

from api.errors import Conflict, StreamAway
from api.parts import Parts
from api.roles import Principal
from api.work import grants
from deepsentry import topics
from deepsentry.events import ModelReference, Promotion
from models.archive import pack, unpack
from models.registry import CHALLENGER, CHAMPION, Listed

AGE: Final = 10.0
T = TypeVar("T")


async def champions(parts: Parts, project: str) -> list[tuple[str, ModelReference | None, ModelReference | None]]:
    """Return each model of a project with its champion and its challenger."""
    names = await grants.names(parts, project, "model")

    def look() -> list[tuple[str, ModelReference | None, ModelReference | None]]:
        registry = parts.registry
        return [(name, registry.champion(name), registry.pointed(name, CHALLENGER)) for name in names]

    return await asyncio.to_thread(look)


async def versions(parts: Parts, project: str, name: str) -> list[Listed]:
    """Return the versions of a model, the newest first. Raises NotFound."""
    return await _of(parts, project, name, lambda: parts.registry.versions(name)[::-1])


async def version(parts: Parts, project: str, name: str, number: int) -> Listed:
    """Return a version. Raises NotFound, VersionMissing, VersionRefused."""

    def look() -> Listed:
        trained, reference = parts.registry.read(name, number)
        standing = ((alias, parts.registry.pointed(name, alias)) for alias in (CHALLENGER, CHAMPION))
        aliases = tuple(alias for alias, to in standing if to == reference)
        return Listed(number, aliases, trained.metadata, reference.digest)

    return await _of(parts, project, name, look)


async def promote(
    parts: Parts, principal: Principal, project: str, name: str, number: int, seen: int | None
) -> tuple[ModelReference, bool]:
    """Make a version champion, and tell whether the workers were told; else they look for themselves within seconds.

    Raises Conflict where the champion is not `seen` any more.
    """

    def move() -> ModelReference:
        champion = parts.registry.champion(name)
        held = champion.version if champion else 0
        if seen is not None and held != seen:
            message = f"the champion is version {held} by now"
            raise Conflict(message)
        return parts.registry.promote(name, number)

    reference = await _of(parts, project, name, move)
    return reference, await _told(parts, principal, project, "model.promoted", reference, CHAMPION)


async def roll_back(parts: Parts, principal: Principal, project: str, name: str) -> tuple[ModelReference, bool]:
    """Make champion what was it before. Raises VersionMissing where nothing was, VersionRefused."""
    reference = await _of(parts, project, name, lambda: parts.registry.roll_back(name))
    return reference, await _told(parts, principal, project, "model.rolled_back", reference, CHAMPION)


async def challenge(
    parts: Parts, principal: Principal, project: str, name: str, number: int
) -> tuple[ModelReference, bool]:
    """Let a version score beside the champion."""
    reference = await _of(parts, project, name, lambda: parts.registry.promote(name, number, CHALLENGER))
    return reference, await _told(parts, principal, project, "model.challenged", reference, CHALLENGER)


async def retire(parts: Parts, principal: Principal, project: str, name: str) -> None:
    """Let nothing score beside the champion."""
    gone = await _of(parts, project, name, lambda: parts.registry.retire(name, CHALLENGER))
    if gone is not None:
        await _told(parts, principal, project, "model.retired", gone, CHALLENGER)


async def exported(parts: Parts, project: str, name: str, number: int) -> bytes:
    """Return a version as one archive. Raises NotFound, VersionMissing, VersionRefused."""
    return await _of(parts, project, name, lambda: pack(parts.registry.files(name, number)))


async def imported(parts: Parts, principal: Principal, project: str, name: str, source: IO[bytes]) -> ModelReference:
    """Add the version in an archive; no alias moves. Raises NotFound, VersionRefused."""
    files = await asyncio.to_thread(unpack, source)
    await grants.take_model(parts, principal, project, name)
    reference = await asyncio.to_thread(parts.registry.bring, name, files)
    facts: dict[str, str | int | float | bool] = {"model": name, "version": reference.version}
    await parts.audit.note(principal, "model.imported", reference.digest[:32], project=project, facts=facts)
    return reference


async def _of(parts: Parts, project: str, name: str, act: Callable[[], T]) -> T:
    await grants.require(parts, project, "model", name)
    return await asyncio.to_thread(act)


async def _told(
    parts: Parts, principal: Principal, project: str, action: str, reference: ModelReference, alias: str
) -> bool:
    facts: dict[str, str | int | float | bool] = {"model": reference.name, "version": reference.version}
    promotion = Promotion(reference.name, alias, reference.version, reference.digest, parts.now())
    try:
        await parts.stream.publish(topics.MODELS, f"{reference.name}/{alias}", promotion)
    except StreamAway:
        told = False
    else:
        told = True
    await parts.audit.note(principal, action, f"{reference.name}/{alias}", project=project, facts=facts)
    return told

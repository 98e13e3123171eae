"""The audit log: an entry for every change, only ever added, each with the hash of the one before it.

An entry names people by their ids, which mean nothing once a person's data is erased; the address they came from stands
beside the hashed part, so that it can be taken out and the chain still holds.
"""

import hashlib
import secrets
from collections.abc import AsyncIterator, Callable, Mapping
from datetime import datetime
from typing import Final

import msgspec

from api.errors import Conflict, Duplicate
from api.roles import Principal
from api.store.collection import Change, Store, Stored
from api.store.where import Where, above, equal
from deepsentry import wire

FIRST: Final = "0" * 64
TRIES: Final = 50
CHUNK: Final = 500
Fact = str | int | float | bool


class Entry(Stored, frozen=True, kw_only=True):
    """One change: who did what, to which thing, from where."""

    number: int
    at: datetime
    actor: str
    """`user:ID`, `key:ID`, or `house` for what the house did by itself."""
    action: str
    """Thing and verb in the past, such as `member.added`."""
    target: str
    project: str = ""
    facts: dict[str, Fact] = msgspec.field(default_factory=dict)
    """What changed, without names, addresses or secrets."""
    address_digest: str = ""
    previous: str
    hash: str
    address: str = ""
    """Not hashed, and taken out when the person is erased; `address_salt` ties it to its digest."""
    address_salt: str = ""


class Audit:
    """The collection of entries."""

    def __init__(self, store: Store, now: Callable[[], datetime], new_id: Callable[[], str]) -> None:
        self.all = store.collection("audit", Entry)
        self._now = now
        self._new_id = new_id

    async def note(
        self,
        actor: Principal | str,
        action: str,
        target: str,
        *,
        project: str = "",
        facts: Mapping[str, Fact] | None = None,
        address: str = "",
    ) -> Entry:
        """Add an entry after the last one. Raises StoreAway."""
        who = actor if isinstance(actor, str) else f"{actor.kind}:{actor.id}"
        salt = secrets.token_hex(16) if address else ""
        for _ in range(TRIES):
            found = await self.all.find(order=(("number", -1),), limit=1)
            number, previous = (found[0].number + 1, found[0].hash) if found else (1, FIRST)
            entry = Entry(
                id=self._new_id(),
                number=number,
                at=self._now(),
                actor=who,
                action=action,
                target=target,
                project=project,
                facts=dict(facts or {}),
                address_digest=_digest(salt, address),
                previous=previous,
                hash="",
                address=address,
                address_salt=salt,
            )
            try:
                await self.all.insert(_sealed(entry))
            except Duplicate:
                continue  # somebody else's entry came between
            return entry
        message = "too many changes at once; try again"
        raise Conflict(message)

    async def entries(self, *where: Where) -> AsyncIterator[Entry]:
        """Yield all entries in their order."""
        number = 0
        while found := await self.all.find(above("number", number), *where, order=(("number", 1),), limit=CHUNK):
            for entry in found:
                yield entry
            number = found[-1].number

    async def forget_address(self, actor: str) -> int:
        """Take out where a person came from, in all entries."""
        return await self.all.update_all(Change(put={"address": "", "address_salt": ""}), equal("actor", actor))

    async def first_broken(self) -> int | None:
        """Return the number of the first entry that is not as it was written, None where the chain holds."""
        number, previous = 0, FIRST
        async for entry in self.entries():
            number += 1
            kept = not entry.address or entry.address_digest == _digest(entry.address_salt, entry.address)
            if entry.number != number or entry.previous != previous or entry.hash != _hash(entry) or not kept:
                return number
            previous = entry.hash
        return None


def _sealed(entry: Entry) -> Entry:
    fields = {name: getattr(entry, name) for name in entry.__struct_fields__}
    return Entry(**fields | {"hash": _hash(entry)})


def _hash(entry: Entry) -> str:
    said = [
        entry.number,
        entry.at.isoformat(),
        entry.actor,
        entry.action,
        entry.target,
        entry.project,
        sorted(entry.facts.items()),
        entry.address_digest,
        entry.previous,
    ]
    return hashlib.sha256(wire.encode(said)).hexdigest()


def _digest(salt: str, address: str) -> str:
    return hashlib.sha256(f"{salt}:{address}".encode()).hexdigest() if address else ""

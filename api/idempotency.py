"""A POST with an Idempotency-Key happens once: whoever sends it again gets the first one's answer.

The record of a request is there before it is worked on, so that of two at the same time one works and the other is told
to wait. A request that fails leaves none, and may be sent again. Answers can hold a new key's secret: they are sealed.
"""

import hashlib
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Final, Literal

import msgspec

from api.auth.keys import Seal
from api.errors import Duplicate, InProgress, KeyReused
from api.roles import Principal
from api.store.collection import Change, Store, Stored
from api.store.where import at_most, equal

LEASE: Final = timedelta(seconds=60)
"""How long one that works on it may be silent; then its process is taken for dead, and the next may work."""
KEPT: Final = ("content-type", "etag", "location")
FORM: Final = r"^[\x21-\x7e]{1,128}$"


class Answer(Stored, frozen=True, kw_only=True):
    """What became of one request; `digest` tells whether another is the same."""

    digest: bytes
    state: Literal["running", "done"]
    locked_until: datetime
    expires_at: datetime
    status: int = 0
    headers: dict[str, str] = msgspec.field(default_factory=dict)
    body: bytes = b""


class Answers:
    """The collection of answers."""

    def __init__(self, store: Store, seal: Seal, now: Callable[[], datetime]) -> None:
        self._all = store.collection("answers", Answer)
        self._seal = seal
        self._now = now

    async def begin(self, id_: str, digest: bytes, life: timedelta) -> Answer | None:
        """Take the request, or return the answer that it got. Raises InProgress, KeyReused."""
        now = self._now()
        mine = Answer(id=id_, digest=digest, state="running", locked_until=now + LEASE, expires_at=now + life)
        try:
            await self._all.insert(mine)
        except Duplicate:
            return await self._again(mine, now)
        return None

    async def finish(self, id_: str, status: int, headers: Mapping[str, str], body: bytes) -> None:
        """Keep the answer."""
        kept = {name: headers[name] for name in KEPT if name in headers}
        sealed = self._seal.close(body, id_)
        done = Change(put={"state": "done", "status": status, "headers": kept, "body": sealed})
        await self._all.update(done, equal("id", id_))

    async def abandon(self, id_: str) -> None:
        """Forget the request: it failed, and may be sent again."""
        await self._all.remove(equal("id", id_), equal("state", "running"))

    def body_of(self, answer: Answer) -> bytes:
        """Return the body that was kept."""
        return self._seal.open(answer.body, answer.id) or b""

    async def _again(self, mine: Answer, now: datetime) -> Answer | None:
        there = await self._all.get(equal("id", mine.id))
        if there is not None and there.expires_at <= now:
            await self._all.remove(equal("id", there.id), equal("revision", there.revision))
            there = None
        if there is None:
            return await self.begin(mine.id, mine.digest, mine.expires_at - now)
        if there.digest != mine.digest:
            message = "this Idempotency-Key came with another request; use a new one"
            raise KeyReused(message)
        if there.state == "done":
            return there
        lease = Change(put={"locked_until": mine.locked_until})
        if await self._all.update(lease, equal("id", mine.id), equal("state", "running"), at_most("locked_until", now)):
            return None
        message = "the same request is still being answered; try again in a moment"
        raise InProgress(message)


def identity(principal: Principal, key: str) -> str:
    """Return the id of the record: keys of one principal are nothing to another."""
    return hashlib.sha256(f"{principal.kind}:{principal.id}:{key}".encode()).hexdigest()


def digest_of(method: str, target: str, kind: str, body: bytes) -> bytes:
    """Return what is the same for the same request."""
    return hashlib.sha256(b"\n".join([method.encode(), target.encode(), kind.encode(), body])).digest()

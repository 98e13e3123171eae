"""Failed attempts and the wait that follows; nobody can lock another out for ever.

Attempts are counted for an account from one address, for an address, and for an account from everywhere. Each wait
doubles up to its limit. Who was let in from an address before does not wait for what others try from elsewhere.
"""

import hashlib
import itertools
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from api.errors import Conflict, Duplicate, TooMany
from api.store.collection import Change, Store, Stored
from api.store.where import MOST_CHOICES, Condition, among, equal

TRIES: Final = 20
FORGOTTEN_AFTER: Final = timedelta(hours=24)
KNOWN_FOR: Final = timedelta(days=90)


@dataclass(frozen=True, slots=True)
class Rule:
    """So many failures are free; then each doubles the wait, up to `longest` seconds."""

    name: str
    free: int
    longest: float

    def wait(self, failures: int) -> float:
        """Return the seconds to wait after so many failures."""
        return 0.0 if failures < self.free else min(self.longest, 2.0 ** min(failures - self.free, 30))


PAIR: Final = Rule("pair", 5, 900.0)
ADDRESS: Final = Rule("address", 30, 300.0)
ACCOUNT: Final = Rule("account", 50, 30.0)


class Attempts(Stored, frozen=True, kw_only=True):
    """Failures that belong together, and until when the next attempt is refused."""

    failures: int
    blocked_until: datetime
    expires_at: datetime
    known: bool = False
    """Of a pair: somebody was let in."""


class Lockout:
    """Counts before an attempt is looked at, so that many at the same time count one by one."""

    def __init__(self, store: Store, now: Callable[[], datetime]) -> None:
        self._all = store.collection("attempts", Attempts)
        self._now = now

    async def begin(self, account: str, address: str) -> None:
        """Count an attempt. Raises TooMany where it comes too early."""
        pair = await self._look(PAIR, f"{account}|{address}")
        rules = [(PAIR, f"{account}|{address}"), (ADDRESS, address)]
        if pair is None or not pair.known:
            rules.append((ACCOUNT, account))
        for rule, what in rules:
            await self._look(rule, what)  # before anything is counted: who is refused adds no failure
        for rule, what in rules:
            await self._count(rule, what)

    async def succeeded(self, account: str, address: str) -> None:
        """Take back what `begin` counted, and remember that this account is used from there."""
        now = self._now()
        put = {"failures": 0, "blocked_until": now, "known": True, "expires_at": now + KNOWN_FOR}
        await self._all.update(Change(put=put), equal("id", _id(PAIR, f"{account}|{address}")))
        for rule, what in ((ADDRESS, address), (ACCOUNT, account)):
            found = await self._all.get(equal("id", _id(rule, what)))
            if found is not None and found.failures > 0:
                back = Change(put={"blocked_until": now}, add={"failures": -1})
                await self._all.update(back, equal("id", found.id), equal("revision", found.revision))

    async def of(self, accounts: Sequence[str], addresses: Sequence[str]) -> list[Attempts]:
        """Return what is counted of a person's accounts, from everywhere and from each of its addresses."""
        some = [await self._all.find(each, limit=MOST_CHOICES) for each in _which(accounts, addresses)]
        return list(itertools.chain.from_iterable(some))

    async def forget(self, accounts: Sequence[str], addresses: Sequence[str]) -> None:
        """Forget it; what is counted of addresses alone is nobody's, and ends in a day."""
        for each in _which(accounts, addresses):
            await self._all.remove(each)

    async def _look(self, rule: Rule, what: str) -> Attempts | None:
        found = await self._all.get(equal("id", _id(rule, what)))
        if found is not None and found.blocked_until > self._now():
            message = "too many failed attempts; wait before the next"
            raise TooMany(message, (found.blocked_until - self._now()).total_seconds())
        return found

    async def _count(self, rule: Rule, what: str) -> None:
        for _ in range(TRIES):
            now, found = self._now(), await self._look(rule, what)
            expires = now + FORGOTTEN_AFTER
            if found is None:
                first = Attempts(id=_id(rule, what), failures=1, blocked_until=now, expires_at=expires)
                with suppress(Duplicate):
                    await self._all.insert(first)
                    return
                continue
            failures = found.failures + 1 if found.expires_at > now else 1
            until = now + timedelta(seconds=rule.wait(failures))
            put = {"failures": failures, "blocked_until": until, "expires_at": max(found.expires_at, expires)}
            if await self._all.update(Change(put=put), equal("id", found.id), equal("revision", found.revision)):
                return
        message = "too many attempts at once"
        raise Conflict(message)


def _which(accounts: Sequence[str], addresses: Sequence[str]) -> Iterator[Condition]:
    ids = [_id(ACCOUNT, account) for account in accounts]
    ids += [_id(PAIR, f"{account}|{address}") for account in accounts for address in addresses]
    return (among("id", tuple(ids[at : at + MOST_CHOICES])) for at in range(0, len(ids), MOST_CHOICES))


def _id(rule: Rule, what: str) -> str:
    return hashlib.sha256(f"{rule.name}:{what}".encode()).hexdigest()

"""What a site has spent of its privacy over all jobs: a file that each training is written to before it begins."""

import fcntl
import hashlib
import hmac
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NoReturn

import msgspec

from aggregator.durable import write
from aggregator.privacy import Budget, Epsilon, Spent, epsilon
from deepsentry import wire
from deepsentry.errors import DataError, WireError

KEY: Final = 32
MAX_BYTES: Final = 16 << 20
MAX_ENTRIES: Final = 50_000
_BEGINNING: Final = "0" * 64


class Entry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A line of the ledger."""

    at: str
    spent: Spent
    mac: str
    """HMAC-SHA256 under the site's key over this line and the mac of the one before."""


class Head(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How many lines the ledger has, so that lines cannot be cut off its end."""

    entries: int
    last: str
    """Of the last line, its mac."""
    mac: str


@dataclass(frozen=True, slots=True)
class OverBudget:
    """The training would cost more than is left; nothing was written."""

    would: Epsilon
    budget: Budget

    @property
    def reason(self) -> str:
        """Return it in words."""
        return f"it would bring epsilon to {self.would.value:.3g}, and the budget is {self.budget.epsilon:g}"


class Ledger:
    """One site's ledger, in a folder of its own, made at first use; changes by anyone without its key are found.

    Not found is a folder that was put back as it once was, or removed, as a whole. Raises DataError, as all methods do.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / "ledger.jsonl"
        self._head = folder / "head.json"
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            _broken(folder, error.strerror or "cannot be made")
        with self._locked():
            self._key = self._opened(folder / "key")

    def _opened(self, path: Path) -> bytes:
        """Return the ledger's key; the head is older than the key, so where there is a key there must be a head."""
        key = _read(path)
        if not key:
            if _read(self._path):
                _broken(path, "the key of the ledger beside it is gone")
            key = os.urandom(KEY)
            self._write(self._head, wire.encode(self._sealed(key, 0, _BEGINNING)))
            self._write(path, key)
        if len(key) != KEY:
            _broken(path, f"it has {len(key)} bytes and not {KEY}: no key of a ledger")
        return key

    def spent(self) -> tuple[Spent, ...]:
        """Return all that was spent. Raises DataError where the file is not as it was written."""
        return tuple(entry.spent for entry in self._entries())

    def total(self, delta: float) -> Epsilon:
        """Return the cost of all jobs together."""
        return epsilon(self.spent(), delta)

    def of(self, job: str, delta: float) -> Epsilon:
        """Return the cost of one job: what the versions that came of it state."""
        return epsilon([spent for spent in self.spent() if spent.job == job], delta)

    def charge(self, more: Spent, budget: Budget, at: str) -> Epsilon | OverBudget:
        """Write `more` down before it is spent, and return the cost of all; refused past the budget.

        A training that fails after that was paid for all the same, and another try of the round costs anew.
        """
        self._check(more)
        with self._locked():
            entries = self._entries()
            if len(entries) >= MAX_ENTRIES:
                _broken(self._path, f"it has {len(entries)} entries, as many as it may")
            total = epsilon([*(entry.spent for entry in entries), more], budget.delta)
            if not total.value <= budget.epsilon:
                return OverBudget(total, budget)
            last = entries[-1].mac if entries else _BEGINNING
            self._append(Entry(at, more, _mac(self._key, [at, more, last])), len(entries) + 1)
        return total

    def _check(self, more: Spent) -> None:
        """Raise DataError for what could be written and not be read again: numbers come from the aggregator."""
        try:
            wire.decode(Spent, wire.encode(more))
        except WireError as error:
            message = f"this is not a training that can be accounted for: {error}"
            raise DataError(message) from None

    @contextmanager
    def _locked(self) -> Iterator[None]:
        try:
            file = self._path.with_name(self._path.name + ".lock").open("ab")
        except OSError as error:
            _broken(self._path, error.strerror or "cannot be locked")
        with file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def _entries(self) -> list[Entry]:
        data, head = _read(self._path), self._read_head()
        whole = data[: data.rfind(b"\n") + 1]  # a line that a crash cut short was not spent yet
        entries: list[Entry] = []
        last = _BEGINNING
        for number, line in enumerate(whole.splitlines(), 1):
            try:
                entry = wire.decode(Entry, line)
            except WireError as error:
                _broken(self._path, f"line {number} is {error}")
            if not hmac.compare_digest(entry.mac, _mac(self._key, [entry.at, entry.spent, last])):
                _broken(self._path, f"line {number} is not the one that was written there")
            entries.append(entry)
            last = entry.mac
        if len(entries) < head.entries:
            _broken(self._path, f"{head.entries} entries were written and {len(entries)} are there")
        if head.entries and not hmac.compare_digest(entries[head.entries - 1].mac, head.last):
            _broken(self._path, f"entry {head.entries} is not the one that was written")
        return entries

    def _read_head(self) -> Head:
        try:
            head = wire.decode(Head, _read(self._head))
        except WireError as error:
            _broken(self._head, f"it is {error}")
        if not hmac.compare_digest(head.mac, self._sealed(self._key, head.entries, head.last).mac):
            _broken(self._head, "it is not the one that was written")
        return head

    @staticmethod
    def _sealed(key: bytes, entries: int, last: str) -> Head:
        return Head(entries, last, _mac(key, [entries, last]))

    def _append(self, entry: Entry, entries: int) -> None:
        try:
            with self._path.open("ab") as file:
                file.truncate(_read(self._path).rfind(b"\n") + 1)
                file.write(wire.encode(entry) + b"\n")
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            _broken(self._path, error.strerror or "cannot be written")
        self._write(self._head, wire.encode(self._sealed(self._key, entries, entry.mac)))

    @staticmethod
    def _write(path: Path, data: bytes) -> None:
        """Replace a file that only its owner may read, so that it survives a power cut."""
        try:
            write(path, data, 0o600)
        except OSError as error:
            _broken(path, error.strerror or "cannot be written")


def _mac(key: bytes, value: object) -> str:
    return hmac.new(key, wire.encode(value), hashlib.sha256).hexdigest()


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        return b""
    except OSError as error:
        _broken(path, error.strerror or "cannot be read")
    if len(data) > MAX_BYTES:
        _broken(path, f"it has more than {MAX_BYTES} bytes")
    return data


def _broken(path: Path, why: str) -> NoReturn:
    message = f"privacy ledger {path}: {why}; without a sound ledger nothing is trained privately"
    raise DataError(message)

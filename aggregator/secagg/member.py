"""Who takes part in a round and on what terms, and what every stage may say instead of an answer."""

import struct
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Annotated, Final, Literal

import msgspec
from cryptography.hazmat.primitives.asymmetric import ec

from aggregator.secagg.memory import Memory, changed
from aggregator.secagg.primitives import KEY, NONCE, pack, sign
from aggregator.secagg.roster import Name, Roster
from aggregator.secagg.thresholds import LEAST, MOST, objection

Stage = Literal["keys", "shares", "masked", "agree", "unmask"]
STAGES: Final[tuple[Stage, ...]] = ("keys", "shares", "masked", "agree", "unmask")
MAX_MESSAGE: Final = 1 << 16
"""Bytes of a message; only the masked vector is longer."""

Key = Annotated[bytes, msgspec.Meta(min_length=KEY, max_length=KEY)]
SealedPair = Annotated[bytes, msgspec.Meta(min_length=NONCE + 2 * KEY + 16, max_length=NONCE + 2 * KEY + 16)]
Signature = Annotated[bytes, msgspec.Meta(min_length=8, max_length=112)]
"""ECDSA on P-384, DER."""
Names = Annotated[tuple[Name, ...], msgspec.Meta(max_length=MOST)]
_Count = Annotated[int, msgspec.Meta(ge=0, lt=1 << 53)]


class Sid(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One try at one round. A site answers (round, attempt) only in rising order, and each once."""

    job: Annotated[str, msgspec.Meta(pattern=r"\A[A-Za-z0-9][A-Za-z0-9._-]{0,127}\Z")]
    round: _Count
    attempt: _Count = 0

    def label(self) -> bytes:
        """Return the bytes that stand for it in labels and statements."""
        return pack(self.job.encode(), struct.pack(">QQ", self.round, self.attempt))


@dataclass(frozen=True, slots=True)
class Refused:
    """A site will not go on with this round: the ask breaks the protocol, or the site's own terms."""

    reason: str
    """For the site's audit line. It names stages, sites and counts, never a value."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What a site insists on, whatever the server asks."""

    least: int = LEAST
    """Sites that must take part and survive."""
    colluders: int = 1
    """Sites that may side with the server."""
    changes: Literal["abort", "bear"] = "abort"
    """When the sites of a sum are others than those of the job's first sum: the difference of the two nearly shows one
    site's update. "bear" only where every site adds noise of its own."""

    def objection(self, sites: int, threshold: int) -> str:
        """Return why such a round is not safe, empty where it is."""
        return objection(sites, threshold, self.colluders, self.least)


@dataclass(frozen=True, slots=True)
class Member:
    """A site in the federation."""

    name: str
    key: ec.EllipticCurvePrivateKey = field(repr=False)
    """For these statements alone; not the key that the node authenticates with."""
    roster: Roster
    terms: Terms = Terms()

    def differs(self, memory: Memory, job: str, names: Collection[str]) -> str:
        """Return how `names` differ from the sites of the job's first sum, where this site minds."""
        known = memory.of(job)
        return changed(known.members, names) if self.terms.changes == "abort" and known and known.members else ""

    def sign(self, statement: bytes) -> bytes:
        """Return this site's signature."""
        return sign(self.key, statement)


def repeated(names: tuple[str, ...]) -> bool:
    """Tell whether a name occurs twice."""
    return len(set(names)) != len(names)

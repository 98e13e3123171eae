"""Stage 4: each site signs the one list of survivors that it will help to open."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import msgspec

from aggregator.secagg.masked import Masked
from aggregator.secagg.member import Member, Names, Refused, Sid, Signature, repeated
from aggregator.secagg.memory import Memory, Remembered
from aggregator.secagg.primitives import PROTOCOL, pack
from aggregator.secagg.roster import Roster
from aggregator.secagg.shares import Pair


class Ask(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Whose vectors arrived."""

    sid: Sid
    survivors: Names


class Reply(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Consent."""

    sid: Sid
    signature: Signature


@dataclass(frozen=True, slots=True)
class Agreed:
    """What a site holds after stage 4."""

    sid: Sid
    threshold: int
    survivors: frozenset[str]
    statement: bytes
    memory: Memory
    """In which the sites of the job's sums are fixed."""
    box: Mapping[str, Pair] = field(repr=False)


def statement(context: bytes, survivors: frozenset[str]) -> bytes:
    """Return what is signed; through the context also round, threshold, keys, model and configuration."""
    return pack(PROTOCOL, b"agree", context, *(name.encode() for name in sorted(survivors)))


def answer(member: Member, memory: Memory, masked: Masked, ask: Ask) -> tuple[Agreed, Reply] | Refused:
    """Return the signature; from now on the sites of the job's sums are fixed."""
    survivors = frozenset(ask.survivors)
    if repeated(ask.survivors) or member.name not in survivors or not survivors <= masked.box.keys():
        return Refused("the survivors are not a set of sites that dealt shares, with this one among them")
    if len(survivors) < max(masked.threshold, member.terms.least):
        return Refused(f"{len(survivors)} survivors are fewer than {max(masked.threshold, member.terms.least)}")
    if problem := member.differs(memory, ask.sid.job, survivors):
        return Refused(problem)
    said = statement(masked.context, survivors)
    fixed = memory.keeping(ask.sid.job, Remembered(ask.sid.round, ask.sid.attempt, tuple(sorted(survivors))))
    return Agreed(ask.sid, masked.threshold, survivors, said, fixed, masked.box), Reply(ask.sid, member.sign(said))


def collect(roster: Roster, said: bytes, replies: Mapping[str, Reply]) -> tuple[dict[str, bytes], dict[str, str]]:
    """Return the valid signatures, and what is wrong with the others."""
    good = {name: r.signature for name, r in replies.items() if roster.signed(name, r.signature, said)}
    return good, dict.fromkeys(replies.keys() - good.keys(), "signed another list of survivors, or another round")

"""Stage 1: each site makes keys for this round alone, and signs them with the key that the others have pinned."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import msgspec

from aggregator.secagg.member import Key, Member, Refused, Sid, Signature
from aggregator.secagg.memory import Memory, Remembered
from aggregator.secagg.primitives import KEY, PROTOCOL, Random, digest, exchange, pack, public_key
from aggregator.secagg.roster import Name, Roster

_TWO_KEYS: Final = 2
_ANY: Final = bytes([1] * KEY)
"""A private key that nobody has: with it, only keys of low order give no secret."""


class Ask(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The server opens a round."""

    sid: Sid


class Card(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the others see of a site in a round."""

    name: Name
    mask_key: Key
    """X25519: masks between pairs of sites come from it."""
    channel_key: Key
    """X25519: shares travel under it."""
    commitment: Key
    """To the seed of the site's own mask."""
    signature: Signature

    def statement(self, sid: Sid) -> bytes:
        """Return what the site signs."""
        return pack(
            PROTOCOL, b"keys", sid.label(), self.name.encode(), self.mask_key, self.channel_key, self.commitment
        )


class Reply(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The site's card."""

    sid: Sid
    card: Card


@dataclass(frozen=True, slots=True)
class Keyed:
    """What a site holds after stage 1."""

    sid: Sid
    card: Card
    mask_key: bytes = field(repr=False)
    channel_key: bytes = field(repr=False)
    seed: bytes = field(repr=False)


def commitment(sid: Sid, name: str, seed: bytes) -> bytes:
    """Return what a site commits to its seed with: the seed has 256 random bits, so a hash hides and binds it."""
    return digest(b"commitment", sid.label(), name.encode(), seed)


def remember(memory: Memory, sid: Sid) -> Memory | Refused:
    """Return the memory in which this round was begun; refused where it, or a later one of its job, was before."""
    known = memory.of(sid.job)
    if known is not None and (sid.round, sid.attempt) <= (known.round, known.attempt):
        return Refused(f"round {sid.round}.{sid.attempt} of this job was begun here before, or a later one")
    if known is None and memory.full:
        return Refused("this site remembers as many jobs as it can; archive its memory, then remove it")
    members = known.members if known is not None else ()
    return memory.keeping(sid.job, Remembered(sid.round, sid.attempt, members))


def answer(member: Member, ask: Ask, random: Random) -> tuple[Keyed, Reply]:
    """Return new keys and the card that shows them."""
    mask_key, channel_key, seed = random(KEY), random(KEY), random(KEY)
    bare = Card(
        name=member.name,
        mask_key=public_key(mask_key),
        channel_key=public_key(channel_key),
        commitment=commitment(ask.sid, member.name, seed),
        signature=b"",
    )
    card = msgspec.structs.replace(bare, signature=member.sign(bare.statement(ask.sid)))
    return Keyed(ask.sid, card, mask_key, channel_key, seed), Reply(ask.sid, card)


def collect(roster: Roster, replies: Mapping[str, Reply]) -> tuple[dict[str, Card], dict[str, str]]:
    """Return the cards that the others will take, and for each other site what is wrong with its own."""
    wrong = {name: problem for name, reply in replies.items() if (problem := _problem(roster, name, reply))}
    good = {name: reply.card for name, reply in replies.items() if name not in wrong}
    shown = Counter(key for card in good.values() for key in (card.mask_key, card.channel_key))
    for name, card in list(good.items()):
        if shown[card.mask_key] + shown[card.channel_key] > _TWO_KEYS:
            wrong[name] = "shows a key that another site shows too, or one twice"
            del good[name]
    return good, wrong


def _problem(roster: Roster, name: str, reply: Reply) -> str:
    card = reply.card
    if card.name != name:
        return "answered with another site's name"
    if not roster.signed(name, card.signature, card.statement(reply.sid)):
        return "its keys are not signed with the key on the roster"
    if None in (exchange(_ANY, card.mask_key), exchange(_ANY, card.channel_key)):
        return "shows a key of low order"
    return ""

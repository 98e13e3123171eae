"""Stage 2: each site checks who takes part, and deals its two secrets out in sealed shares."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated

import msgspec

from aggregator.secagg.keys import Card, Keyed
from aggregator.secagg.member import Member, Refused, SealedPair, Sid, repeated
from aggregator.secagg.memory import Memory
from aggregator.secagg.primitives import NONCE, Random, derive, digest, exchange, pack, seal, split
from aggregator.secagg.roster import Name
from aggregator.secagg.thresholds import MOST


class Ask(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who takes part, and how many must answer."""

    sid: Sid
    threshold: int
    cards: Annotated[tuple[Card, ...], msgspec.Meta(max_length=MOST)]


class Sealed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A pair of shares on its way; `site` is the receiver in a reply, the sender in an inbox."""

    site: Name
    pair: SealedPair


class Reply(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A pair of shares for each other site."""

    sid: Sid
    sealed: Annotated[tuple[Sealed, ...], msgspec.Meta(max_length=MOST)]


@dataclass(frozen=True, slots=True)
class Pair:
    """One site's shares of another's secrets."""

    seed: bytes = field(repr=False)
    mask_key: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Shared:
    """What a site holds after stage 2."""

    sid: Sid
    threshold: int
    cards: Mapping[str, Card]
    mask_key: bytes = field(repr=False)
    channel_key: bytes = field(repr=False)
    seed: bytes = field(repr=False)
    own: Pair


def places(names: Mapping[str, object]) -> dict[str, int]:
    """Return the place of each site's shares on the polynomials: they follow from the names, so nobody chooses one."""
    return {name: place for place, name in enumerate(sorted(names), 1)}


def view(sid: Sid, threshold: int, cards: Mapping[str, Card]) -> bytes:
    """Return the digest of the round as one site was shown it."""
    parts = [
        part
        for name in sorted(cards)
        for part in (name.encode(), cards[name].mask_key, cards[name].channel_key, cards[name].commitment)
    ]
    return digest(b"view", sid.label(), str(threshold).encode(), *parts)


def channel(private: bytes, public: bytes, bound: bytes) -> bytes | None:
    """Return the key for the shares that one site sends another, in this direction alone."""
    secret = exchange(private, public)
    return None if secret is None else derive(secret, b"channel", bound)


def bound_to(shown: bytes, sender: str, receiver: str) -> bytes:
    """Return what sealed shares are bound to: the round as shown, from whom and to whom."""
    return pack(shown, sender.encode(), receiver.encode())


def answer(member: Member, memory: Memory, keyed: Keyed, ask: Ask, random: Random) -> tuple[Shared, Reply] | Refused:
    """Return the sealed shares, once everybody who takes part is known and there are enough."""
    cards = {card.name: card for card in ask.cards}
    if problem := _problem(member, memory, keyed, ask, cards):
        return Refused(problem)
    order = places(cards)
    shown = view(ask.sid, ask.threshold, cards)
    seeds = split(keyed.seed, ask.threshold, len(cards), random)
    keys = split(keyed.mask_key, ask.threshold, len(cards), random)
    sealed = []
    for name in sorted(cards.keys() - {member.name}):
        bound = bound_to(shown, member.name, name)
        key = channel(keyed.channel_key, cards[name].channel_key, bound)
        if key is None:
            return Refused(f"the channel key of {name} is none")
        place = order[name] - 1
        sealed.append(Sealed(name, seal(key, random(NONCE), seeds[place] + keys[place], bound)))
    place = order[member.name] - 1
    shared = Shared(
        ask.sid,
        ask.threshold,
        cards,
        keyed.mask_key,
        keyed.channel_key,
        keyed.seed,
        Pair(seeds[place], keys[place]),
    )
    return shared, Reply(ask.sid, tuple(sealed))


def _problem(member: Member, memory: Memory, keyed: Keyed, ask: Ask, cards: Mapping[str, Card]) -> str:
    """Return what is wrong with the round as shown, empty where nothing is."""
    if repeated(tuple(card.name for card in ask.cards)):
        return "a name takes part twice"
    if cards.get(member.name) != keyed.card:
        return "this site does not take part with the keys that it made"
    if problem := member.terms.objection(len(cards), ask.threshold):
        return problem
    if repeated(tuple(key.hex() for card in ask.cards for key in (card.mask_key, card.channel_key))):
        return "two sites show the same key"
    for name, card in cards.items():
        if not member.roster.signed(name, card.signature, card.statement(ask.sid)):
            return f"{name} is not on the roster, or did not sign these keys for this round"
    return member.differs(memory, ask.sid.job, cards)


def collect(cards: Mapping[str, Card], replies: Mapping[str, Reply]) -> tuple[dict[str, Reply], dict[str, str]]:
    """Return the replies that hold shares for exactly the other sites, and what is wrong with the rest."""
    good: dict[str, Reply] = {}
    wrong: dict[str, str] = {}
    for name, reply in replies.items():
        receivers = [sealed.site for sealed in reply.sealed]
        if sorted(receivers) == sorted(cards.keys() - {name}):
            good[name] = reply
        else:
            wrong[name] = "did not deal shares to exactly the other sites"
    return good, wrong


def inboxes(replies: Mapping[str, Reply]) -> dict[str, tuple[Sealed, ...]]:
    """Return for each site that dealt what the others that dealt sent it."""
    return {
        name: tuple(
            Sealed(sender, sealed.pair)
            for sender in sorted(replies.keys() - {name})
            for sealed in replies[sender].sealed
            if sealed.site == name
        )
        for name in replies
    }

"""Stage 3: each site opens its inbox, trains, and hides its vector under masks that vanish in the sum of all."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from aggregator.secagg.fixed_point import to_ring
from aggregator.secagg.keys import Card
from aggregator.secagg.layout import MAX_WORDS
from aggregator.secagg.member import Key, Member, Refused, Sid, repeated
from aggregator.secagg.primitives import KEY, Ring, derive, digest, exchange, keystream, unseal
from aggregator.secagg.shares import Pair, Sealed, Shared, bound_to, channel, view
from aggregator.secagg.thresholds import MOST

WORD: Final = 8
MAX_OVERHEAD: Final = 1_024
"""Bytes of a reply beside its words."""

Contribute = Callable[[], NDArray[np.float64] | Refused]
"""Trains; called once, and only after everything that the server sent was found in order."""


class Ask(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The shares that the others dealt to this site. Model and configuration travel beside it."""

    sid: Sid
    inbox: Annotated[tuple[Sealed, ...], msgspec.Meta(max_length=MOST)]


class Reply(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The masked vector."""

    sid: Sid
    context: Key
    """What the masks are bound to, all public: a site that was sent something else is left out, and spoils no sum."""
    words: Annotated[bytes, msgspec.Meta(max_length=WORD * MAX_WORDS)]
    """Little-endian, 64 bits each."""


@dataclass(frozen=True, slots=True)
class Masked:
    """What a site holds after stage 3: shares of the others' secrets, none of its own secrets whole."""

    sid: Sid
    threshold: int
    context: bytes
    box: Mapping[str, Pair] = field(repr=False)
    """Dealer -> this site's shares, its own among them."""


def context_of(sid: Sid, threshold: int, cards: Mapping[str, Card], dealers: frozenset[str], binding: bytes) -> bytes:
    """Return the digest of all that the sites of a sum must have in common."""
    return digest(b"context", view(sid, threshold, cards), binding, *(name.encode() for name in sorted(dealers)))


def own_mask(seed: bytes, context: bytes, name: str, words: int) -> Ring:
    """Return the mask that only the site's seed gives."""
    return keystream(derive(seed, b"own", context, name.encode()), words)


def pair_mask(private: bytes, public: bytes, context: bytes, names: tuple[str, str], words: int) -> Ring | None:
    """Return the mask that two sites have in common; None for a key of low order."""
    secret = exchange(private, public)
    if secret is None:
        return None
    return keystream(derive(secret, b"pair", context, *(name.encode() for name in sorted(names))), words)


def answer(
    member: Member, shared: Shared, ask: Ask, binding: bytes, contribute: Contribute
) -> tuple[Masked, Reply] | Refused:
    """Return the masked vector. `binding` is the digest of the model and configuration as this site received them."""
    box = open_inbox(member, shared, ask)
    if isinstance(box, Refused):
        return box
    vector = contribute()
    if isinstance(vector, Refused):
        return vector
    if len(vector) > MAX_WORDS:
        return Refused(f"the vector has {len(vector)} numbers; at most {MAX_WORDS} are taken")
    ring = to_ring(vector)
    if isinstance(ring, Refused):
        return ring
    context = context_of(ask.sid, shared.threshold, shared.cards, frozenset(box), binding)
    ring = hidden(member, shared, context, box.keys(), ring)
    if isinstance(ring, Refused):
        return ring
    reply = Reply(ask.sid, context, ring.astype("<u8", copy=False).tobytes())
    return Masked(ask.sid, shared.threshold, context, box), reply


def hidden(member: Member, shared: Shared, context: bytes, dealers: Collection[str], ring: Ring) -> Ring | Refused:
    """Return `ring` under the site's own mask and one with each other dealer."""
    ring = ring + own_mask(shared.seed, context, member.name, len(ring))
    for peer in sorted(set(dealers) - {member.name}):
        public = shared.cards[peer].mask_key
        mask = pair_mask(shared.mask_key, public, context, (member.name, peer), len(ring))
        if mask is None:
            return Refused(f"the mask key of {peer} is none")
        ring = ring + mask if member.name > peer else ring - mask
    return ring


def open_inbox(member: Member, shared: Shared, ask: Ask) -> dict[str, Pair] | Refused:
    """Return this site's shares by dealer, its own among them."""
    senders = tuple(sealed.site for sealed in ask.inbox)
    if repeated(senders) or member.name in senders or not set(senders) <= shared.cards.keys():
        return Refused("the inbox is not one of other sites that take part")
    if problem := member.terms.objection(len(senders) + 1, shared.threshold):
        return Refused(f"too few sites dealt shares: {problem}")
    shown = view(ask.sid, shared.threshold, shared.cards)
    box = {member.name: shared.own}
    for sealed in ask.inbox:
        bound = bound_to(shown, sealed.site, member.name)
        key = channel(shared.channel_key, shared.cards[sealed.site].channel_key, bound)
        pair = None if key is None else unseal(key, sealed.pair, bound)
        if pair is None:
            return Refused(f"the shares of {sealed.site} do not open")
        box[sealed.site] = Pair(pair[:KEY], pair[KEY:])
    return box


def collect(context: bytes, words: int, replies: Mapping[str, Reply]) -> tuple[dict[str, Ring], dict[str, str]]:
    """Return the vectors of the right length and context, and what is wrong with the others."""
    good: dict[str, Ring] = {}
    wrong: dict[str, str] = {}
    for name, reply in replies.items():
        if reply.context != context:
            wrong[name] = "masked another model, configuration or set of sites"
        elif len(reply.words) != WORD * words:
            wrong[name] = f"its vector has {len(reply.words) // WORD} words, not {words}"
        else:
            good[name] = np.frombuffer(reply.words, "<u8").astype(np.uint64, copy=False)
    return good, wrong

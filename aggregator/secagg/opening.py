"""Takes the masks off the sum: the survivors' own, and those that the missing sites left in the others' vectors."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from hmac import compare_digest

import numpy as np
from numpy.typing import NDArray

from aggregator.secagg.fixed_point import from_ring, plausible
from aggregator.secagg.keys import Card, commitment
from aggregator.secagg.masked import own_mask, pair_mask
from aggregator.secagg.member import Sid
from aggregator.secagg.primitives import Ring, public_key
from aggregator.secagg.recovery import recover
from aggregator.secagg.shares import places
from aggregator.secagg.unmask import Reply, points


@dataclass(frozen=True, slots=True)
class Opened:
    """The sum, and who gave false shares on the way."""

    vector: NDArray[np.float64] = field(repr=False)
    false: dict[str, str]


@dataclass(frozen=True, slots=True)
class Unopened:
    """Why there is none."""

    reason: str
    false: dict[str, str]


def open_sum(
    sid: Sid,
    threshold: int,
    cards: Mapping[str, Card],
    context: bytes,
    vectors: Mapping[str, Ring],
    replies: Mapping[str, Reply],
) -> Opened | Unopened:
    """Return the sum of the vectors without masks. Secrets are rebuilt one at a time and not kept."""
    order = places(cards)
    owner = {place: name for name, place in order.items()}
    seeds, mask_keys = points(replies, order)
    false: dict[str, str] = {}
    words = len(next(iter(vectors.values())))
    total = np.zeros(words, np.uint64)
    for vector in vectors.values():
        total += vector
    for name in sorted(seeds):
        found = recover(seeds[name], threshold, _committed(sid, cards[name]))
        if found is None:
            return Unopened(_never(name), false)
        false |= {owner[place]: f"gave a false share of {name}'s seed, or got it from there" for place in found.false}
        total -= own_mask(found.secret, context, name, words)
    for missing in sorted(mask_keys):
        found = recover(mask_keys[missing], threshold, _shown(cards[missing]))
        if found is None:
            return Unopened(_never(missing), false)
        false |= {owner[place]: f"gave a false share of {missing}'s key, or got it from there" for place in found.false}
        for name in sorted(vectors):
            mask = pair_mask(found.secret, cards[name].mask_key, context, (name, missing), words)
            if mask is None:
                return Unopened(f"the mask key of {name} is none", false)
            total = total - mask if name > missing else total + mask
    numbers = from_ring(total)
    if not plausible(numbers, len(vectors)):
        return Unopened("the sum is noise: a site masked something else than it said", false)
    return Opened(numbers, false)


def _committed(sid: Sid, card: Card) -> Callable[[bytes], bool]:
    return lambda seed: compare_digest(commitment(sid, card.name, seed), card.commitment)


def _shown(card: Card) -> Callable[[bytes], bool]:
    return lambda private: public_key(private) == card.mask_key


def _never(name: str) -> str:
    return f"no subset of the shares gives the secret that {name} committed to: it dealt false ones, or too many lie"

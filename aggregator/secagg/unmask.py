"""Stage 5: shown that enough sites agreed, each gives the shares that open the sum, and forgets the round."""

from collections.abc import Mapping
from typing import Annotated

import msgspec

from aggregator.secagg.agree import Agreed
from aggregator.secagg.member import Key, Member, Refused, Sid, Signature, repeated
from aggregator.secagg.primitives import Point
from aggregator.secagg.roster import Name
from aggregator.secagg.thresholds import MOST


class Consent(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One site's signature over the list of survivors."""

    site: Name
    signature: Signature


class Ask(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The signatures of stage 4."""

    sid: Sid
    consents: Annotated[tuple[Consent, ...], msgspec.Meta(max_length=MOST)]


class Share(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One share of a site's secret."""

    site: Name
    share: Key


Shares = Annotated[tuple[Share, ...], msgspec.Meta(max_length=MOST)]


class Reply(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Of a survivor the seed, of a missing site the mask key; never both of one site."""

    sid: Sid
    seeds: Shares
    mask_keys: Shares


def answer(member: Member, agreed: Agreed, ask: Ask) -> tuple[None, Reply] | Refused:
    """Return the shares, once enough survivors signed the same list that this site signed."""
    names = tuple(consent.site for consent in ask.consents)
    if repeated(names) or not set(names) <= agreed.survivors:
        return Refused("the signatures are not those of different survivors")
    for consent in ask.consents:
        if not member.roster.signed(consent.site, consent.signature, agreed.statement):
            return Refused(f"{consent.site} did not sign the same list of survivors")
    if len(names) < agreed.threshold:
        return Refused(f"{len(names)} sites agree; {agreed.threshold} must")
    missing = agreed.box.keys() - agreed.survivors
    return None, Reply(
        agreed.sid,
        tuple(Share(name, agreed.box[name].seed) for name in sorted(agreed.survivors)),
        tuple(Share(name, agreed.box[name].mask_key) for name in sorted(missing)),
    )


def collect(
    survivors: frozenset[str], missing: frozenset[str], replies: Mapping[str, Reply]
) -> tuple[dict[str, Reply], dict[str, str]]:
    """Return the replies with a share of every survivor's seed and of every missing site's key, and no others."""
    good: dict[str, Reply] = {}
    wrong: dict[str, str] = {}
    for name, reply in replies.items():
        seeds, keys = [s.site for s in reply.seeds], [s.site for s in reply.mask_keys]
        if sorted(seeds) == sorted(survivors) and sorted(keys) == sorted(missing):
            good[name] = reply
        else:
            wrong[name] = "did not give exactly the shares that were agreed on"
    return good, wrong


def points(
    replies: Mapping[str, Reply], order: Mapping[str, int]
) -> tuple[dict[str, list[Point]], dict[str, list[Point]]]:
    """Return by dealer the shares of seeds, and of mask keys."""
    seeds: dict[str, list[Point]] = {}
    keys: dict[str, list[Point]] = {}
    for giver in sorted(replies):
        for found, given in ((seeds, replies[giver].seeds), (keys, replies[giver].mask_keys)):
            for share in given:
                found.setdefault(share.site, []).append((order[giver], share.share))
    return seeds, keys

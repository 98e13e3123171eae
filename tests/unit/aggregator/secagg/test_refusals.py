"""What a site refuses of a server that lies; each was an attack on some version of this protocol."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import msgspec
import numpy as np
import pytest

from aggregator.secagg import (
    Member,
    Refused,
    Sid,
    Stopped,
    Terms,
    Total,
    agree,
    keys,
    masked,
    shares,
    unmask,
)
from aggregator.secagg.primitives import public_key
from deepsentry import wire
from tests.unit.aggregator.secagg.federation import CONFIG, Site, Wire, key_of, model, roster_of, setup, sites, stream

ASKS: dict[str, type[Any]] = {
    "keys": keys.Ask,
    "shares": shares.Ask,
    "masked": masked.Ask,
    "agree": agree.Ask,
    "unmask": unmask.Ask,
}


def forged(stage: str, site: str, change: Callable[[Any], Any]) -> Callable[[str, str, bytes], bytes]:
    """Change what one site is asked in one stage."""

    def tamper(when: str, name: str, data: bytes) -> bytes:
        if (when, name) != (stage, site):
            return data
        return wire.to_msgpack(change(wire.unpack(ASKS[stage], data, 1 << 20)))

    return tamper


def refusal(stage: str, change: Callable[[Any], Any], count: int = 5, terms: Terms | None = None) -> str:
    """Return why the site that is shown something forged refuses; the others lose nothing but it."""
    members = sites(count)
    members["site01"].member = replace(members["site01"].member, terms=terms or Terms())
    found = Wire(members, down=forged(stage, "site01", change)).run(setup(members))
    assert isinstance(found, Total | Stopped)
    assert members["site01"].standing.state is None
    assert [name for name, member in members.items() if member.refusals] == ["site01"]
    return members["site01"].refusals[0]


def with_card(name: str, **changes: bytes) -> Callable[[shares.Ask], shares.Ask]:
    def change(ask: shares.Ask) -> shares.Ask:
        cards = tuple(msgspec.structs.replace(c, **changes) if c.name == name else c for c in ask.cards)
        return msgspec.structs.replace(ask, cards=cards)

    return change


def test_a_swapped_key_is_not_signed() -> None:
    reason = refusal("shares", with_card("site02", mask_key=public_key(stream("server")(32))))
    assert reason == "shares: site02 is not on the roster, or did not sign these keys for this round"


def test_keys_signed_for_another_round_are_not_signed() -> None:
    earlier = sites(5, seed=1)["site02"]
    data = earlier.reply("keys", wire.to_msgpack(keys.Ask(Sid("job", 0))), model(), CONFIG)
    old = wire.unpack(keys.Reply, data or b"", 1 << 16).card
    reason = refusal("shares", with_card("site02", **{f: getattr(old, f) for f in old.__struct_fields__[1:]}))
    assert reason == "shares: site02 is not on the roster, or did not sign these keys for this round"


def test_a_site_that_nobody_pinned_does_not_take_part() -> None:
    stranger = Site(replace(sites(5)["site02"].member, name="stranger", key=key_of("stranger")), 1.0, model())
    data = stranger.reply("keys", wire.to_msgpack(keys.Ask(Sid("job", 1))), model(), CONFIG)
    card = wire.unpack(keys.Reply, data or b"", 1 << 16).card
    reason = refusal("shares", lambda ask: msgspec.structs.replace(ask, cards=(*ask.cards, card)))
    assert reason == "shares: stranger is not on the roster, or did not sign these keys for this round"


def test_its_own_keys_must_be_the_ones_that_it_made() -> None:
    reason = refusal("shares", with_card("site01", mask_key=public_key(stream("server")(32))))
    assert reason == "shares: this site does not take part with the keys that it made"


def test_two_participants_are_too_few() -> None:
    reason = refusal("shares", lambda ask: msgspec.structs.replace(ask, cards=ask.cards[:2]))
    assert reason == "shares: 2 sites take part; 3 to 32 may"


@pytest.mark.parametrize(
    ("threshold", "reason"),
    [
        (2, "the threshold is 2 of 5 sites; it must be 3 to 5"),
        (3, "a threshold of 3 of 5 sites does not bear 1 that side with the server"),
        (6, "the threshold is 6 of 5 sites; it must be 3 to 5"),
        (-1, "the threshold is -1 of 5 sites; it must be 3 to 5"),
    ],
)
def test_a_threshold_that_lets_two_lists_be_agreed_on_is_refused(threshold: int, reason: str) -> None:
    assert refusal("shares", lambda a: msgspec.structs.replace(a, threshold=threshold)) == f"shares: {reason}"


def test_a_site_may_insist_on_more_sites_and_more_colluders() -> None:
    reason = refusal("shares", lambda a: msgspec.structs.replace(a, cards=a.cards[:4]), terms=Terms(least=5))
    assert reason == "shares: 4 sites take part; 5 to 32 may"
    reason = refusal("shares", lambda a: msgspec.structs.replace(a, threshold=4), 6, Terms(colluders=2))
    assert reason == "shares: a threshold of 4 of 6 sites does not bear 2 that side with the server"


def test_a_name_that_takes_part_twice_is_refused() -> None:
    reason = refusal("shares", lambda ask: msgspec.structs.replace(ask, cards=(*ask.cards, ask.cards[0])))
    assert reason == "shares: a name takes part twice"


def shown(ask: shares.Ask, member: Member, **changes: bytes) -> shares.Ask:
    """Return the ask in which a colluder shows other keys than it made, signed by itself."""
    [card] = [c for c in ask.cards if c.name == member.name]
    bare = msgspec.structs.replace(card, **changes)
    signed = msgspec.structs.replace(bare, signature=member.sign(bare.statement(ask.sid)))
    return msgspec.structs.replace(ask, cards=tuple(signed if c == card else c for c in ask.cards))


def test_two_sites_with_the_same_key_are_refused() -> None:
    colluder = sites(5)["site04"].member
    stolen = public_key(stream("0site00")(32))  # as anyone may see it
    reason = refusal("shares", lambda ask: shown(ask, colluder, mask_key=stolen))
    assert reason == "shares: two sites show the same key"


def test_a_channel_key_of_low_order_is_refused_though_it_is_signed() -> None:
    colluder = sites(5)["site04"].member
    reason = refusal("shares", lambda ask: shown(ask, colluder, channel_key=bytes(32)))
    assert reason == "shares: the channel key of site04 is none"


def test_a_mask_key_of_low_order_is_refused_though_it_is_signed() -> None:
    members = sites(5)
    colluder = members["site04"].member
    weak = keys.Card("site04", bytes(32), public_key(stream("x")(32)), bytes(32), b"")
    shared = shares.Shared(
        Sid("job", 1),
        4,
        {"site04": msgspec.structs.replace(weak, signature=colluder.sign(weak.statement(Sid("job", 1))))},
        *(stream("own")(32) for _ in range(3)),
        shares.Pair(bytes(32), bytes(32)),
    )
    found = masked.hidden(members["site00"].member, shared, bytes(32), {"site00", "site04"}, np.zeros(4, np.uint64))
    assert found == Refused("the mask key of site04 is none")


def test_swapped_shares_do_not_open() -> None:
    def swap(ask: masked.Ask) -> masked.Ask:
        first, second, *rest = ask.inbox
        swapped = (shares.Sealed(first.site, second.pair), shares.Sealed(second.site, first.pair), *rest)
        return msgspec.structs.replace(ask, inbox=swapped)

    assert refusal("masked", swap) == "masked: the shares of site00 do not open"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda inbox: (*inbox, inbox[0]), "the inbox is not one of other sites that take part"),
        (lambda i: (*i, shares.Sealed("site01", i[0].pair)), "the inbox is not one of other sites that take part"),
        (lambda i: (*i, shares.Sealed("invented", i[0].pair)), "the inbox is not one of other sites that take part"),
        (lambda i: i[:2], "too few sites dealt shares: the threshold is 4 of 3 sites; it must be 3 to 3"),
        (lambda _: (), "too few sites dealt shares: 1 sites take part; 3 to 32 may"),
    ],
)
def test_an_inbox_is_of_enough_different_participants(change: Callable[[Any], Any], reason: str) -> None:
    assert refusal("masked", lambda a: msgspec.structs.replace(a, inbox=change(a.inbox))) == f"masked: {reason}"


@pytest.mark.parametrize(
    ("survivors", "reason"),
    [
        (("site01", "ghost1", "ghost2", "ghost3"), "the survivors are not a set of sites that dealt shares"),
        (("site01", "site01", "site01", "site01"), "the survivors are not a set of sites that dealt shares"),
        (("site00", "site02", "site03", "site04"), "the survivors are not a set of sites that dealt shares"),
        (("site00", "site01", "site02"), "3 survivors are fewer than 4"),
        ((), "the survivors are not a set of sites that dealt shares"),
    ],
)
def test_padded_doubled_or_too_few_survivors_are_not_signed(survivors: tuple[str, ...], reason: str) -> None:
    found = refusal("agree", lambda ask: msgspec.structs.replace(ask, survivors=survivors))
    assert found.startswith(f"agree: {reason}")


def test_no_share_is_given_before_enough_sites_agree() -> None:
    reason = refusal("unmask", lambda ask: msgspec.structs.replace(ask, consents=ask.consents[:3]))
    assert reason == "unmask: 3 sites agree; 4 must"


def test_one_signature_does_not_count_twice() -> None:
    reason = refusal("unmask", lambda ask: msgspec.structs.replace(ask, consents=(ask.consents[0],) * 4))
    assert reason == "unmask: the signatures are not those of different survivors"


def test_split_views_of_the_survivors_open_nothing() -> None:
    members = sites(5)
    views = {"site00": 4, "site01": 4}  # two sites are told that site04 did not answer

    def split(stage: str, name: str, data: bytes) -> bytes:
        if stage != "agree":
            return data
        ask = wire.unpack(agree.Ask, data, 1 << 16)
        return wire.to_msgpack(msgspec.structs.replace(ask, survivors=ask.survivors[: views.get(name, 5)]))

    found = Wire(members, down=split).run(setup(members))
    assert isinstance(found, Stopped)
    assert found.reason == "3 sites answered in order; 4 are needed"

    def agreeing(stage: str, _name: str, data: bytes) -> bytes:
        """The server passes the wrong signatures on all the same."""
        if stage == "unmask":
            ask = wire.unpack(unmask.Ask, data, 1 << 16)
            given = {c.site: c.signature for c in ask.consents} | signed
            consents = tuple(unmask.Consent(n, s) for n, s in sorted(given.items()))
            return wire.to_msgpack(msgspec.structs.replace(ask, consents=consents))
        return data

    signed: dict[str, bytes] = {"site00": key_signature("site00")}
    others = sites(5)
    assert isinstance(Wire(others, down=agreeing).run(setup(others)), Stopped)
    assert others["site02"].refusals == ["unmask: site00 did not sign the same list of survivors"]


def key_signature(name: str) -> bytes:
    return sites(5)[name].member.sign(b"another list of survivors")


def test_secrets_are_not_in_what_a_log_may_print() -> None:
    members = sites(3)
    wire_ = Wire(members, lost={"site02": "agree"})
    wire_.run(setup(members))
    site = members["site00"]
    secret = stream("0site00")(32)
    assert repr(secret)[2:-1] not in repr(site)
    assert roster_of(tuple(members)).fingerprint() != roster_of(("site00", "site01")).fingerprint()
    assert not isinstance(site.standing.state, Refused)

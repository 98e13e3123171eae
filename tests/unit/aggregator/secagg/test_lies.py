"""What the server makes of sites that answer wrongly: such a site is missing, is named where that can be known."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import msgspec
import numpy as np
import pytest

from aggregator.secagg import Sid, Stopped, Total, agree, binding, keys, masked, shares, unmask
from aggregator.secagg.layout import Layout
from aggregator.secagg.primitives import public_key
from deepsentry import wire
from tests.unit.aggregator.secagg.federation import (
    CONFIG,
    METRICS,
    Wire,
    model,
    same_as_plain,
    setup,
    sites,
    stream,
)

REPLIES: dict[str, type[Any]] = {
    "keys": keys.Reply,
    "shares": shares.Reply,
    "masked": masked.Reply,
    "agree": agree.Reply,
    "unmask": unmask.Reply,
}
LIAR = "site03"


def lie(stage: str, change: Callable[[Any], Any], liars: tuple[str, ...] = (LIAR,)) -> Callable[..., bytes]:
    def tamper(when: str, name: str, data: bytes) -> bytes:
        if when != stage or name not in liars:
            return data
        changed = change(wire.unpack(REPLIES[stage], data, 1 << 20))
        return changed if isinstance(changed, bytes) else wire.to_msgpack(changed)

    return tamper


def fault(stage: str, change: Callable[[Any], Any]) -> str:
    """Return what the server says of the liar; the others' sum is right, and the liar's update in it only if it was."""
    members = sites(5)
    found = Wire(members, up=lie(stage, change)).run(setup(members))
    same_as_plain(found, members)
    assert isinstance(found, Total)
    assert (LIAR in found.survivors) == (stage in {"agree", "unmask"})
    assert set(found.faults) == {LIAR}
    return found.faults[LIAR]


def altered(**changes: Any) -> Callable[[Any], Any]:
    return lambda reply: msgspec.structs.replace(reply, **changes)


def card(**changes: Any) -> Callable[[keys.Reply], keys.Reply]:
    return lambda reply: keys.Reply(reply.sid, msgspec.structs.replace(reply.card, **changes))


def signed(**changes: bytes) -> Callable[[keys.Reply], keys.Reply]:
    def change(reply: keys.Reply) -> keys.Reply:
        bare = msgspec.structs.replace(reply.card, **changes)
        return keys.Reply(
            reply.sid, msgspec.structs.replace(bare, signature=sites(5)[LIAR].member.sign(bare.statement(reply.sid)))
        )

    return change


@pytest.mark.parametrize("stage", REPLIES)
@pytest.mark.parametrize("data", [b"", b"\xc1", b"\x80", b"\x91" * 5_000, bytes(1 << 17)])
def test_bytes_that_are_no_reply_count_as_none(stage: str, data: bytes) -> None:
    assert fault(stage, lambda _: data).startswith(f"{stage}: ")


@pytest.mark.parametrize("stage", REPLIES)
def test_an_answer_to_another_round_counts_as_none(stage: str) -> None:
    assert fault(stage, altered(sid=Sid("job", 0))) == f"{stage}: answered for another round"


def test_another_sites_name_is_not_taken() -> None:
    assert fault("keys", card(name="site02")) == "answered with another site's name"


def test_keys_that_the_site_did_not_sign_are_not_passed_on() -> None:
    change = card(mask_key=public_key(stream("x")(32)))
    assert fault("keys", change) == "its keys are not signed with the key on the roster"


@pytest.mark.parametrize("field", ["mask_key", "channel_key"])
def test_keys_of_low_order_are_not_passed_on(field: str) -> None:
    assert fault("keys", signed(**{field: bytes(32)})) == "shows a key of low order"


def test_of_two_sites_with_one_key_neither_is_passed_on() -> None:
    members = sites(6)
    change = signed(mask_key=public_key(stream("0site00")(32)))
    found = Wire(members, up=lie("keys", change)).run(setup(members, threshold=4))
    same_as_plain(found, members)
    assert isinstance(found, Total)
    assert found.faults == dict.fromkeys(("site00", LIAR), "shows a key that another site shows too, or one twice")


@pytest.mark.parametrize(
    "change",
    [
        lambda sealed: sealed[:-1],
        lambda sealed: (*sealed, sealed[0]),
        lambda sealed: (*sealed[:-1], shares.Sealed(LIAR, sealed[0].pair)),
        lambda sealed: (*sealed[:-1], shares.Sealed("invented", sealed[0].pair)),
    ],
)
def test_shares_are_for_exactly_the_others(change: Callable[[Any], Any]) -> None:
    found = fault("shares", lambda reply: msgspec.structs.replace(reply, sealed=change(reply.sealed)))
    assert found == "did not deal shares to exactly the other sites"


@pytest.mark.parametrize("words", [0, 17, 19])
def test_a_vector_of_another_length_counts_as_none(words: int) -> None:
    found = fault("masked", altered(words=bytes(8 * words)))
    assert found == f"its vector has {words} words, not 18"


def test_an_oversized_vector_is_not_even_decoded() -> None:
    assert fault("masked", altered(words=bytes(8 * 4_000))).startswith("masked: a Reply of 32")


def test_a_site_that_was_sent_another_model_or_configuration_is_left_out() -> None:
    other = {**model(), "bias": np.ones(4, np.float32)}
    for sent in ((other, CONFIG), (model(), {**CONFIG, "epochs": 3}), (model(), {**CONFIG, "epochs": 2.0})):
        members = sites(5)
        wire_ = Wire(members, sent=lambda name, sent=sent: sent if name == LIAR else (model(), CONFIG))  # type: ignore[misc]
        found = wire_.run(setup(members))
        same_as_plain(found, members)
        assert isinstance(found, Total)
        assert found.faults == {LIAR: "masked another model, configuration or set of sites"}


def test_a_site_that_masked_something_else_than_it_says_gives_noise_and_no_result() -> None:
    members = sites(5)
    right: dict[str, bytes] = {}

    def pretend(stage: str, _name: str, data: bytes) -> bytes:
        if stage != "masked":
            return data
        reply = wire.unpack(masked.Reply, data, 1 << 20)
        right.setdefault("context", reply.context)
        return wire.to_msgpack(msgspec.structs.replace(reply, context=right["context"]))

    other = {**model(), "bias": np.ones(4, np.float32)}
    wire_ = Wire(members, up=pretend, sent=lambda name: (other if name == LIAR else model(), CONFIG))
    found = wire_.run(setup(members))
    assert isinstance(found, Stopped)
    assert found.reason == "the sum is noise: a site masked something else than it said"
    assert found.faults == {LIAR: "signed another list of survivors, or another round"}


def test_consent_to_another_list_counts_as_none() -> None:
    members = sites(5)
    forged = members[LIAR].member.sign(b"another list")
    assert fault("agree", altered(signature=forged)) == "signed another list of survivors, or another round"


def test_false_shares_of_one_site_are_found_out_and_named() -> None:
    def false(reply: unmask.Reply) -> unmask.Reply:
        wrong = tuple(unmask.Share(s.site, bytes(32)) for s in reply.seeds)
        return msgspec.structs.replace(reply, seeds=wrong)

    assert fault("unmask", false).startswith("gave a false share of site0")


def test_false_shares_of_a_missing_sites_key_are_found_out_and_named() -> None:
    members = sites(7)

    def false(reply: unmask.Reply) -> unmask.Reply:
        return msgspec.structs.replace(reply, mask_keys=(unmask.Share("site06", bytes(32)),))

    wire_ = Wire(members, up=lie("unmask", false), lost={"site06": "masked"})
    found = wire_.run(setup(members))
    same_as_plain(found, members)
    assert isinstance(found, Total)
    assert found.faults == {LIAR: "gave a false share of site06's key, or got it from there"}


def test_a_dealer_of_false_shares_stops_the_round_and_is_named() -> None:
    members = sites(5)
    server = setup(members)

    def deal(stage: str, name: str, data: bytes) -> bytes:
        if stage == "keys" and name == LIAR:  # commits to another seed than it will deal
            reply = wire.unpack(keys.Reply, data, 1 << 16)
            data = wire.to_msgpack(signed(commitment=bytes(32))(reply))
            state = members[LIAR].standing.state
            assert isinstance(state, keys.Keyed)
            lying = wire.unpack(keys.Reply, data, 1 << 16).card
            members[LIAR].standing = replace(members[LIAR].standing, state=replace(state, card=lying))
        return data

    found = Wire(members, up=deal).run(server)
    assert isinstance(found, Stopped)
    assert found.reason.startswith(f"no subset of the shares gives the secret that {LIAR} committed to")


@pytest.mark.parametrize(
    "change",
    [
        lambda r: msgspec.structs.replace(r, seeds=r.seeds[1:]),
        lambda r: msgspec.structs.replace(r, seeds=(*r.seeds, r.seeds[0])),
        lambda r: msgspec.structs.replace(r, mask_keys=(r.seeds[0],)),
        lambda r: msgspec.structs.replace(r, seeds=(*r.seeds[1:], unmask.Share("invented", bytes(32)))),
    ],
)
def test_shares_given_are_exactly_those_agreed_on(change: Callable[[Any], Any]) -> None:
    assert fault("unmask", change) == "did not give exactly the shares that were agreed on"


def test_a_stranger_to_the_round_is_not_heard() -> None:
    members = sites(4)
    wire_ = Wire(members)

    class Crowd(Wire):
        def carry(self, step: Any) -> dict[str, bytes]:
            replies = super().carry(step)
            return {**replies, "stranger": next(iter(replies.values()))}

    assert isinstance(wire_.run(setup(members)), Total)
    others = sites(4)
    found = Crowd(others).run(setup(others))
    same_as_plain(found, others)
    assert isinstance(found, Total)
    assert found.faults == {}


def test_weights_that_add_up_to_nothing_give_no_average() -> None:
    layout = Layout.of(model(), METRICS)
    assert not hasattr(layout.average(model(), np.zeros(layout.words)), "arrays")


def test_model_configuration_and_metrics_are_all_bound() -> None:
    arrays = model()
    bound = binding(arrays, CONFIG, METRICS)
    double = {name: array.astype(np.float64) for name, array in arrays.items()}
    flat = {**arrays, "kernel": arrays["kernel"].reshape(4, 3)}
    renamed = {"kernels": arrays["kernel"], "bias": arrays["bias"]}
    for other in (double, flat, renamed):
        assert binding(other, CONFIG, METRICS) != bound
    for config in (
        {"epochs": 2},
        {**CONFIG, "epochs": True},
        {"epochs": "2", "rate": 0.01},
        {"epochs": [2], "rate": 0.01},
    ):
        assert binding(arrays, config, METRICS) != bound
    assert binding(arrays, CONFIG, ()) != bound
    assert binding(dict(reversed(arrays.items())), dict(reversed(CONFIG.items())), METRICS) == bound

"""Every stage once, in order, in a round that was never before."""

from pathlib import Path

from aggregator.secagg import Sid, Standing, Total, keys, load_memory, save_memory
from aggregator.secagg.memory import Memory
from deepsentry import wire
from tests.unit.aggregator.secagg.federation import CONFIG, Wire, model, setup, sites


def test_a_second_masked_vector_a_second_unmasking_and_what_comes_out_of_turn_are_refused() -> None:
    for stage in ("shares", "masked", "agree", "unmask"):
        members = sites(4)
        wire_ = Wire(members)
        assert isinstance(wire_.run(setup(members, sid=Sid("job", 1))), Total)
        ask = next(step for step in wire_.steps if step.stage == stage).asks["site00"]
        again = sites(4)["site00"]
        for step in wire_.steps:
            again.reply(step.stage, step.asks["site00"], model(), CONFIG)
            if step.stage == stage:
                break
        assert again.refusals == []
        trained = again.trained
        assert again.reply(stage, ask, model(), CONFIG) is None
        assert again.refusals == [f"{stage}: out of turn"]
        assert again.trained == trained
        assert again.standing.state is None


def test_a_round_is_begun_once_also_after_a_restart(tmp_path: Path) -> None:
    members = sites(4)
    wire_ = Wire(members)
    assert isinstance(wire_.run(setup(members, sid=Sid("job", 3, 7))), Total)
    site = members["site00"]
    save_memory(tmp_path / "memory.json", site.standing.memory)
    site.standing = Standing(load_memory(tmp_path / "memory.json"))
    for sid in (Sid("job", 3, 7), Sid("job", 3, 6), Sid("job", 2, 9)):
        assert site.reply("keys", wire.to_msgpack(keys.Ask(sid)), model(), CONFIG) is None
    assert len(set(site.refusals)) == 3
    assert site.refusals[0] == "keys: round 3.7 of this job was begun here before, or a later one"
    assert site.reply("keys", wire.to_msgpack(keys.Ask(Sid("job", 3, 8))), model(), CONFIG) is not None


def test_a_message_of_an_earlier_round_ends_the_running_one() -> None:
    members = sites(4)
    first = Wire(members)
    assert isinstance(first.run(setup(members)), Total)
    old = {step.stage: step.asks["site00"] for step in first.steps}
    site = members["site00"]
    assert site.reply("keys", wire.to_msgpack(keys.Ask(Sid("job", 2))), model(), CONFIG) is not None
    assert site.reply("shares", old["shares"], model(), CONFIG) is None
    assert site.refusals == ["shares: belongs to another round"]
    assert site.standing.state is None


def test_a_site_remembers_a_bounded_number_of_jobs() -> None:
    site = sites(3)["site00"]
    site.standing = Standing(Memory({f"job{i}": keys.Remembered(1, 0) for i in range(10_000)}))
    assert site.reply("keys", wire.to_msgpack(keys.Ask(Sid("other", 1))), model(), CONFIG) is None
    assert site.reply("keys", wire.to_msgpack(keys.Ask(Sid("job5", 2))), model(), CONFIG) is not None

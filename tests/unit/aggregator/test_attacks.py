"""Each side lies in turn; the other refuses, writes it down, and goes on."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from flwr.app import Array, ArrayRecord, ConfigRecord, Message, MetricRecord, RecordDict

from aggregator import flower, records
from aggregator.audit import Line
from aggregator.guard import GuardedGrid, NotEnoughSites
from aggregator.policy import Policy
from deepsentry import wire
from deepsentry.errors import FederationError
from models.shared import GREATEST, Weights, initial
from tests.unit.aggregator.conftest import NAMES, Bench
from tests.unit.aggregator.local_grid import LocalGrid, Numbers, station

ONE = {"rounds": 1, "encoder_rounds": 0}


def lines(path: Path) -> list[Line]:
    return [wire.decode(Line, line) for line in path.read_bytes().splitlines()]


def forged(arrays: Weights, facts: dict[str, float] | None = None) -> Callable[[Message], RecordDict]:
    def content(_reply: Message) -> RecordDict:
        record = ArrayRecord({name: Array(array) for name, array in arrays.items()})
        metrics: dict[str, int | float | list[int] | list[float]] = {**(facts or {records.WEIGHT: 100.0})}
        return RecordDict({"arrays": record, "metrics": MetricRecord(metrics)})

    return content


def with_(name: str, array: np.ndarray) -> Weights:
    return {**initial(0), name: array}


LIES = {
    "not a number": forged(with_("lstm.bias", np.full(256, np.nan, np.float32))),
    "infinite": forged(with_("lstm.bias", np.full(256, np.inf, np.float32))),
    "too great": forged(with_("lstm.bias", np.full(256, 2 * GREATEST, np.float32))),
    "oversized": forged(with_("lstm.bias", np.zeros((4096, 256), np.float32))),
    "another type": forged(with_("lstm.bias", np.zeros(256, np.float64))),
    "one array more": forged({**initial(0), "encoder.embedding": np.zeros((2, 2), np.float32)}),
    "one array less": forged({n: a for n, a in initial(0).items() if n != "mark.end"}),
    "a weight of nothing": forged(initial(0), {records.WEIGHT: 0.0}),
    "a weight beyond measure": forged(initial(0), {records.WEIGHT: 1e12}),
    "no weight": forged(initial(0), {"loss": 1.0}),
    "a number of another name": forged(initial(0), {records.WEIGHT: 1.0, "user root logged in": 1.0}),
    "a record more": lambda reply: RecordDict({**reply.content, "notes": ConfigRecord({"text": "line of a log"})}),
}


@pytest.mark.parametrize("lie", LIES.values(), ids=LIES)
def test_a_reply_that_is_not_exactly_one_does_not_count(bench: Bench, lie: Callable[[Message], RecordDict]) -> None:
    liar = bench.members["rome"]

    def forge(message: Message, reply: Message) -> Message:
        if message.metadata.dst_node_id == liar and message.metadata.message_type == "train":
            flower.act_as(bench_grid.run_id, liar)
            reply = Message(lie(reply), reply_to=message)
            flower.act_as(bench_grid.run_id, 1)
            flower.stamp(reply, source=liar)
        return reply

    bench_grid = bench.grid(forge=forge)
    bench.conduct(bench.assignment(**ONE), bench_grid)
    sites = bench.folder().rounds()[0].sites
    assert sites["rome"].startswith("refused: ")
    assert {sites[name] for name in NAMES if name != "rome"} == {"ok"}


def test_an_array_that_unpickles_is_not_read() -> None:
    evil = Array("float32", (256,), "numpy.ndarray", b"cos\nsystem\n(S'true'\ntR.")
    good = records.to_arrays(initial(0))
    good["lstm.bias"] = evil
    with pytest.raises(Exception, match="array cannot be read"):
        records.from_arrays(good)


def test_a_reply_in_the_name_of_another_site_is_not_taken(bench: Bench) -> None:
    rome, oslo = bench.members["rome"], bench.members["oslo"]

    def forge(message: Message, reply: Message) -> Message:
        return flower.stamp(reply, source=oslo) if message.metadata.dst_node_id == rome else reply

    bench.conduct(bench.assignment(**ONE), bench.grid(forge=forge))
    assert bench.folder().rounds()[0].sites == {**dict.fromkeys(NAMES, "ok"), "rome": "no answer in time"}


def test_an_answer_is_taken_once_and_only_if_it_was_asked_for(bench: Bench) -> None:
    grid = bench.grid()
    old: list[Message] = []
    pull = grid.pull_messages

    def replay(ids: list[str]) -> list[Message]:
        fresh = pull(ids)
        old.extend(fresh)
        return [*old, *fresh, *fresh]

    grid.pull_messages = replay  # type: ignore[method-assign,assignment]
    guarded = GuardedGrid(grid, bench.members, 4, 1.0, poll_s=0.01)
    for number in (1, 2):
        config: dict[str, str | int | float | bool] = {"job": "j", "round": number, "rounds": 2, "sites": 5}
        content = records.content(config, arrays=initial(0))
        sent = [Message(content, node, "train") for node in bench.members.values()]
        got = guarded.send_and_receive(sent, timeout=1.0)
        assert sorted(m.metadata.src_node_id for m in got) == sorted(bench.members.values())


def test_a_node_outside_the_job_is_sent_nothing(bench: Bench) -> None:
    guarded = GuardedGrid(bench.grid(), bench.members, 4, 1.0)
    with pytest.raises(FederationError, match="none of the job's sites"):
        guarded.push_messages([Message(records.content({}, arrays=initial(0)), 99, "train")])


def _one(bench: Bench, policy: Policy | None = None, **changes: object) -> tuple[Message, Line]:
    """Ask one site once, as a job would, with these changes to the configuration."""
    each = station(bench.root / "one", Numbers(0.1), policy)
    grid = LocalGrid({11: each})
    config: dict[str, object] = {"job": "j", "round": 1, "rounds": 2, "sites": 5, "phase": "sequence", "steps": 10}
    config |= {"rate": 1e-3, "seed": 0, **changes}
    type_ = str(config.pop("type", "train"))
    grid.app_id = str(config.pop("app", grid.app_id))
    grid.bundle = bytes(config.pop("bundle", grid.bundle))  # type: ignore[arg-type]
    message = Message(records.content(config, arrays=initial(0)), 11, type_)  # type: ignore[arg-type]
    flower.stamp(message)
    flower.act_as(grid.run_id, 11)
    reply, line = each.agent.answer(grid.task(message), lambda: False)
    flower.act_as(grid.run_id, 1)
    return reply, line


@pytest.mark.parametrize(
    ("policy", "changes", "reason"),
    [
        (Policy(), {"app": "stranger/federation"}, "this application is not accepted"),
        (Policy(bundles=("0" * 64,)), {}, "this bundle is not accepted"),
        (Policy(), {"type": "train.anything"}, "this kind of message is not answered"),
        (Policy(), {"type": "query.shell"}, "this kind of message is not answered"),
        (Policy(least_sites=6), {}, "fewer than 6 sites take part"),
        (Policy(most_rounds=1), {}, "the job has more than 1 rounds"),
        (Policy(secure_only=True), {}, "this site takes part in secure aggregation only"),
        (Policy(least_noise=0.5), {}, "the noise is less than 0.5"),
        (Policy(least_noise=0.5), {"noise": float("nan")}, "the noise is less than 0.5"),
        (Policy(least_noise=0.5), {"phase": "anything"}, "the noise is less than 0.5"),
        (Policy(), {"sites": float("nan")}, "fewer than 3 sites take part"),
        (Policy(), {"job": "j" * 101}, "the job's name is longer than 100 characters"),
        (Policy(adopt=False), {"type": "query.adopt"}, "this site makes no version of what comes from outside"),
    ],
)
def test_a_site_does_not_do_what_its_policy_forbids(
    bench: Bench, policy: Policy, changes: dict[str, object], reason: str
) -> None:
    reply, line = _one(bench, policy, **changes)
    assert reply.has_error()
    assert (line.outcome, line.reason) == ("refused", reason)
    assert reply.error.reason == f"site policy: {reason}"


def test_a_stolen_or_changed_bundle_gains_nothing_as_nothing_of_it_is_run(bench: Bench) -> None:
    from aggregator.app import bundle  # noqa: PLC0415

    code = bundle().content
    assert b"import" not in code
    reply, line = _one(bench, Policy(bundles=(bundle().digest,)), bundle=code + b"0")
    assert reply.has_error()
    assert line.reason == "this bundle is not accepted"


def test_what_a_job_asks_too_much_of_is_clamped(bench: Bench) -> None:
    policy = Policy(most_steps=7, most_rate=0.002)
    bench.stations["rome"] = station(bench.root / "calm", Numbers(0.1), policy)
    bench.conduct(bench.assignment(**ONE, steps=5000, rate=0.1, seed=2**31))
    [ask] = bench.stations["rome"].data.asks
    assert (ask.steps, ask.rate) == (7, 0.002)
    assert bench.stations["oslo"].data.asks[0].steps == 500


def test_a_question_is_answered_once_in_a_run_also_after_a_restart(bench: Bench) -> None:
    each = station(bench.root / "twice", Numbers(0.1))
    grid = LocalGrid({11: each})
    config: dict[str, str | int | float | bool] = {"job": "j", "round": 3, "rounds": 9, "sites": 5}
    message = flower.stamp(Message(records.content(config, arrays=initial(0)), 11, "train"))
    flower.act_as(grid.run_id, 11)
    first, _ = each.agent.answer(grid.task(message), lambda: False)
    again, line = station(bench.root / "twice", Numbers(0.1)).agent.answer(grid.task(message), lambda: False)
    flower.act_as(grid.run_id, 1)
    assert not first.has_error()
    assert again.has_error()
    assert line.reason == "this was asked before in the same run"


def test_weights_that_are_none_are_refused_by_the_site_too(bench: Bench) -> None:
    each = station(bench.root / "one", Numbers(0.1))
    grid = LocalGrid({11: each})
    config: dict[str, str | int | float | bool] = {"job": "j", "round": 1, "rounds": 9, "sites": 5}
    bad = with_("mark.end", np.full(128, np.nan, np.float32))
    message = flower.stamp(Message(records.content(config, arrays=bad), 11, "train"))
    flower.act_as(grid.run_id, 11)
    reply, line = each.agent.answer(grid.task(message), lambda: False)
    flower.act_as(grid.run_id, 1)
    assert reply.has_error()
    assert line.reason == "mark.end holds a value that is not a number"


def test_the_text_of_an_exception_does_not_leave_a_site(bench: Bench) -> None:
    class Broken(Numbers):
        def loss(self, _weights: Weights) -> float:
            text = "cannot parse: password hunter2 for root"
            raise ValueError(text)

    each = station(bench.root / "one", Broken(0.1))
    bench.stations["rome"] = each
    bench.conduct(bench.assignment(**ONE))
    [reply, *_] = each.replies
    assert (reply.error.code, reply.error.reason) == (flower.ErrorCode.CLIENT_APP_RAISED_EXCEPTION, "ValueError")
    assert b"hunter2" not in each.audit.read_bytes()
    assert lines(each.audit)[0].outcome == "failed"


def test_every_message_has_one_line_of_audit_that_says_what_left(bench: Bench) -> None:
    bench.conduct(bench.assignment(**ONE))
    found = lines(bench.stations["oslo"].audit)
    assert [(line.type, line.outcome) for line in found] == [
        ("train", "answered"),
        ("evaluate", "answered"),
        ("query.adopt", "answered"),
    ]
    assert found[0].told == ("loss", "num-examples")
    assert found[0].bytes_out > 300_000
    assert len(found[0].weights) == 64
    assert found[1].bytes_out == 0


def test_what_may_not_be_reported_is_not(bench: Bench) -> None:
    shy = station(bench.root / "shy", Numbers(0.1), Policy(report=()))
    bench.stations["rome"] = shy
    bench.conduct(bench.assignment(**ONE))
    assert bench.folder().rounds()[0].by_site["rome"] == {"num-examples": 100.0}


def test_a_job_of_liars_fails_and_no_version_is_made(bench: Bench) -> None:
    def forge(_message: Message, reply: Message) -> Message:
        return flower.stamp(reply, source=99)

    with pytest.raises(NotEnoughSites, match="0 of 5 sites answered well"):
        bench.conduct(bench.assignment(**ONE), bench.grid(forge=forge))
    assert bench.versions.latest("detector") is None


def test_a_message_that_was_made_elsewhere_is_refused_with_a_sentence(bench: Bench) -> None:
    guarded = GuardedGrid(bench.grid(), bench.members, 4, 1.0)
    with pytest.raises(FederationError, match=r"made by their constructor, flwr\.app\.Message"):
        guarded.create_message(None, "train", 11, "1")


def test_only_the_sites_that_are_wanted_are_waited_for(bench: Bench) -> None:
    grid = LocalGrid({bench.members[name]: bench.stations[name] for name in ("berlin", "oslo", "paris")})
    guarded = GuardedGrid(grid, bench.members, 3, 60.0, clock=lambda: 0.0, sleep=lambda _seconds: pytest.fail("waits"))
    found = guarded.gather(lambda _online, _need: None, ("berlin", "oslo", "paris"))
    assert [guarded.name_of(node) for node in found] == ["berlin", "oslo", "paris"]


def test_sites_that_were_silent_are_asked_anew_and_the_round_counts_once(bench: Bench) -> None:
    asked: list[Message] = []

    def drop(message: Message) -> bool:
        asked.append(message)
        return len(asked) in {1, 2, 11, 12}  # two of five, in the round's first try and in the gate's

    bench.conduct(bench.assignment(**ONE), bench.grid(drop=drop))
    assert [k.round for k in bench.folder().rounds()] == [1]
    told = [each.message for each in bench.folder().told(0) if each.state == "waiting_sites"]
    assert told == ["3 of 5 sites answered well, 4 are needed; asked anew"] * 2


def test_sites_that_refuse_are_not_asked_anew(bench: Bench) -> None:
    for name in ("paris", "rome"):
        bench.stations[name] = station(bench.root / "shy", Numbers(0.1), Policy(secure_only=True))
    grid = bench.grid()
    with pytest.raises(NotEnoughSites, match="3 of 5 sites answered well"):
        bench.conduct(bench.assignment(**ONE), grid)
    assert len(grid.sent) == 5

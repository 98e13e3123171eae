"""A site's side of a round, as values: every stage once, in order; whatever else is asked ends the round there."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TypeVar

from aggregator.secagg import agree, keys, masked, shares, unmask
from aggregator.secagg.agree import Agreed
from aggregator.secagg.keys import Keyed
from aggregator.secagg.masked import Contribute, Masked
from aggregator.secagg.member import MAX_MESSAGE, Member, Refused
from aggregator.secagg.memory import Memory
from aggregator.secagg.primitives import Random
from aggregator.secagg.shares import Shared
from deepsentry import wire
from deepsentry.errors import WireError

State = Keyed | Shared | Masked | Agreed
Stepped = tuple[State | None, object]
Ask = TypeVar("Ask", shares.Ask, masked.Ask, agree.Ask, unmask.Ask)


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a site stands between two messages."""

    memory: Memory = field(default_factory=Memory)
    """To be on disk before the answer leaves."""
    state: State | None = field(default=None, repr=False)
    """The running round's secrets: in this process's memory only, gone when the round ends in any way."""


@dataclass(frozen=True, slots=True)
class Work:
    """What stage 3 needs beside its message."""

    binding: bytes
    """`layout.binding` of the model and configuration as this site received them, before any clamp of its own."""
    contribute: Contribute
    """Trains and returns `Layout.vector`."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The reply's bytes or why there is none, and where the site stands then."""

    standing: Standing
    outcome: bytes | Refused = field(repr=False)


def answer(
    member: Member, standing: Standing, stage: str, data: bytes, random: Random, work: Work | None = None
) -> Answer:
    """Answer one message of the server. `work` belongs to stage "masked"; `random` is os.urandom."""
    before = replace(standing, state=None)
    try:
        done = _answer(member, standing, stage, data, random, work)
    except WireError as error:
        return Answer(before, Refused(f"{stage}: {error}"))
    return Answer(before, Refused(f"{stage}: {done.reason}")) if isinstance(done, Refused) else done


def _answer(
    member: Member, standing: Standing, stage: str, data: bytes, random: Random, work: Work | None
) -> Answer | Refused:
    memory = standing.memory
    match stage, standing.state:
        case "keys", _:
            return _begin(member, memory, data, random)
        case "shares", Keyed() as keyed:
            return _go(memory, shares.Ask, data, keyed, lambda ask: shares.answer(member, memory, keyed, ask, random))
        case "masked", Shared() as shared if work is not None:
            return _go(
                memory,
                masked.Ask,
                data,
                shared,
                lambda ask: masked.answer(member, shared, ask, work.binding, work.contribute),
            )
        case "agree", Masked() as hidden:
            return _go(memory, agree.Ask, data, hidden, lambda ask: agree.answer(member, memory, hidden, ask))
        case "unmask", Agreed() as agreed:
            return _go(memory, unmask.Ask, data, agreed, lambda ask: unmask.answer(member, agreed, ask))
        case _:
            return Refused("out of turn")


def _begin(member: Member, memory: Memory, data: bytes, random: Random) -> Answer | Refused:
    """Stage 1 may come at any time: it ends what was running."""
    ask = wire.unpack(keys.Ask, data, MAX_MESSAGE)
    begun = keys.remember(memory, ask.sid)
    if isinstance(begun, Refused):
        return begun
    state, reply = keys.answer(member, ask, random)
    return Answer(Standing(begun, state), wire.to_msgpack(reply))


def _go(
    memory: Memory, kind: type[Ask], data: bytes, state: State, step: Callable[[Ask], Stepped | Refused]
) -> Answer | Refused:
    """Take the step that a message of the running round asks for."""
    ask = wire.unpack(kind, data, MAX_MESSAGE)
    if ask.sid != state.sid:
        return Refused("belongs to another round")
    done = step(ask)
    if isinstance(done, Refused):
        return done
    after, reply = done
    return Answer(Standing(after.memory if isinstance(after, Agreed) else memory, after), wire.to_msgpack(reply))

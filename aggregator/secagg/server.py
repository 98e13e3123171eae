"""The server's side of a round, as values: what to ask whom, and what the answers give. It learns the sum alone."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aggregator.secagg import agree, keys, masked, shares, unmask
from aggregator.secagg.keys import Card
from aggregator.secagg.masked import MAX_OVERHEAD, WORD, context_of
from aggregator.secagg.member import MAX_MESSAGE, STAGES, Sid, Stage
from aggregator.secagg.memory import changed
from aggregator.secagg.opening import Unopened, open_sum
from aggregator.secagg.primitives import Ring
from aggregator.secagg.roster import Roster
from aggregator.secagg.thresholds import LEAST, default_threshold, objection
from deepsentry import wire
from deepsentry.errors import WireError


@dataclass(frozen=True, slots=True)
class Setup:
    """A round as the server means it. Sites check all of it against terms of their own."""

    sid: Sid
    sites: tuple[str, ...]
    """Whom to ask; names of the roster."""
    roster: Roster
    binding: bytes
    """Of the model and configuration that go out with stage 3: `layout.binding`."""
    words: int
    """Length of a site's vector: `Layout.words`."""
    threshold: int = 0
    """Answers needed in every stage; 0 for the default of so many sites."""
    least: int = LEAST
    colluders: int = 1
    fixed: tuple[str, ...] = ()
    """Survivors of the job's first sum; empty before it, and where all sites bear changes."""

    @property
    def need(self) -> int:
        """Return the answers needed in every stage."""
        return max(self.threshold or default_threshold(len(self.sites)), self.least)


@dataclass(frozen=True, slots=True)
class Asking:
    """Send each site its message and bring the replies."""

    stage: Stage
    asks: Mapping[str, bytes] = field(repr=False)
    """Site -> message."""
    faults: Mapping[str, str]
    """Site -> what it did wrong so far; such a site counts as missing."""
    setup: Setup
    cards: Mapping[str, Card] = field(default_factory=dict, repr=False)
    dealers: frozenset[str] = frozenset()
    context: bytes = b""
    vectors: Mapping[str, Ring] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class Stopped:
    """The round gives nothing and the model stays; another try needs another attempt in its sid."""

    stage: Stage
    reason: str
    faults: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Total:
    """The sum of the survivors' vectors: `Layout.average` makes a model of it."""

    vector: NDArray[np.float64] = field(repr=False)
    survivors: tuple[str, ...]
    faults: Mapping[str, str]


def begin(setup: Setup) -> Asking | Stopped:
    """Return the first messages, or why such a round cannot be."""
    problem = objection(len(setup.sites), setup.need, setup.colluders, setup.least)
    problem = problem or (changed(setup.fixed, setup.sites) if setup.fixed else "")
    if problem:
        return Stopped("keys", problem, {})
    ask = wire.to_msgpack(keys.Ask(setup.sid))
    return Asking("keys", dict.fromkeys(setup.sites, ask), {}, setup)


def take(asking: Asking, replies: Mapping[str, bytes]) -> Asking | Stopped | Total:
    """Return what follows from the replies that came; whoever did not answer, or not in order, is missing."""
    match asking.stage:
        case "keys":
            return _keys(asking, replies)
        case "shares":
            return _shares(asking, replies)
        case "masked":
            return _masked(asking, replies)
        case "agree":
            return _agree(asking, replies)
        case "unmask":
            return _unmask(asking, replies)


def _keys(asking: Asking, data: Mapping[str, bytes]) -> Asking | Stopped:
    replies, faults = _read(keys.Reply, asking, data)
    cards, wrong = keys.collect(asking.setup.roster, replies)
    asking = replace(asking, cards=cards, faults=faults | wrong)
    ask = wire.to_msgpack(shares.Ask(asking.setup.sid, asking.setup.need, tuple(cards[n] for n in sorted(cards))))
    return _next(asking, frozenset(cards), dict.fromkeys(sorted(cards), ask))


def _shares(asking: Asking, data: Mapping[str, bytes]) -> Asking | Stopped:
    replies, faults = _read(shares.Reply, asking, data)
    good, wrong = shares.collect(asking.cards, replies)
    setup, dealers = asking.setup, frozenset(good)
    asking = replace(
        asking,
        dealers=dealers,
        context=context_of(setup.sid, setup.need, asking.cards, dealers, setup.binding),
        faults=faults | wrong,
    )
    asks = {name: wire.to_msgpack(masked.Ask(setup.sid, box)) for name, box in shares.inboxes(good).items()}
    return _next(asking, dealers, asks)


def _masked(asking: Asking, data: Mapping[str, bytes]) -> Asking | Stopped:
    replies, faults = _read(masked.Reply, asking, data, MAX_OVERHEAD + WORD * asking.setup.words)
    vectors, wrong = masked.collect(asking.context, asking.setup.words, replies)
    asking = replace(asking, vectors=vectors, faults=faults | wrong)
    ask = wire.to_msgpack(agree.Ask(asking.setup.sid, tuple(sorted(vectors))))
    return _next(asking, frozenset(vectors), dict.fromkeys(sorted(vectors), ask))


def _agree(asking: Asking, data: Mapping[str, bytes]) -> Asking | Stopped:
    replies, faults = _read(agree.Reply, asking, data)
    said = agree.statement(asking.context, frozenset(asking.vectors))
    good, wrong = agree.collect(asking.setup.roster, said, replies)
    asking = replace(asking, faults=faults | wrong)
    consents = tuple(unmask.Consent(name, good[name]) for name in sorted(good))
    ask = wire.to_msgpack(unmask.Ask(asking.setup.sid, consents))
    return _next(asking, None, dict.fromkeys(sorted(good), ask))


def _unmask(asking: Asking, data: Mapping[str, bytes]) -> Stopped | Total:
    replies, faults = _read(unmask.Reply, asking, data)
    survivors = frozenset(asking.vectors)
    good, wrong = unmask.collect(survivors, asking.dealers - survivors, replies)
    faults = faults | wrong
    if len(good) < asking.setup.need:
        return Stopped("unmask", _few(len(good), asking.setup.need), faults)
    opened = open_sum(asking.setup.sid, asking.setup.need, asking.cards, asking.context, asking.vectors, good)
    faults = faults | opened.false
    if isinstance(opened, Unopened):
        return Stopped("unmask", opened.reason, faults)
    return Total(opened.vector, tuple(sorted(survivors)), faults)


def _next(asking: Asking, sites: frozenset[str] | None, asks: Mapping[str, bytes]) -> Asking | Stopped:
    """Ask on where enough sites are left; `sites` are those of the coming sum, None where they are settled."""
    need, fixed = asking.setup.need, asking.setup.fixed
    if len(asks) < need:
        return Stopped(asking.stage, _few(len(asks), need), asking.faults)
    if fixed and sites is not None and (problem := changed(fixed, sites)):
        return Stopped(asking.stage, problem, asking.faults)
    return replace(asking, stage=STAGES[STAGES.index(asking.stage) + 1], asks=asks)


def _few(found: int, need: int) -> str:
    return f"{found} sites answered in order; {need} are needed"


def _read(
    kind: type[Any], asking: Asking, data: Mapping[str, bytes], limit: int = MAX_MESSAGE
) -> tuple[dict[str, Any], dict[str, str]]:
    """Return the well-formed replies of sites that were asked, and all faults so far."""
    good: dict[str, Any] = {}
    faults = dict(asking.faults)
    for name in sorted(asking.asks.keys() & data.keys()):
        try:
            reply = wire.unpack(kind, data[name], limit)
        except WireError as error:
            faults[name] = f"{asking.stage}: {error}"
            continue
        if reply.sid == asking.setup.sid:
            good[name] = reply
        else:
            faults[name] = f"{asking.stage}: answered for another round"
    return good, faults

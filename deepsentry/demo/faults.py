"""Five ways in which a request goes wrong, each done to the steps of a sound one, with the ground truth."""

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal, get_args

from deepsentry.demo.journeys import Journey
from deepsentry.demo.trail import Step

FaultKind = Literal["new error", "missing step", "wrong order", "retry burst", "cut off"]
FAULTS: Final[tuple[FaultKind, ...]] = get_args(FaultKind)
_ERRORS: Final = (
    "ledger rejected entry, balances {} and {} differ",
    "deadlock on table orders, transactions {} and {} rolled back",
    "certificate of peer {} expired {} days ago",
    "out of memory after {} MiB, worker {} restarts",
    "volume data{} is mounted read-only, {} writes lost",
    "schema version {} is newer than {}, refusing to write",
)


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with which request; `line` is the index, among its lines, of the first that deviates."""

    kind: FaultKind
    request: str
    journey: str
    line: int


def journey_for(rng: random.Random, kind: FaultKind, journeys: Sequence[Journey]) -> Journey:
    """Draw, by how common they are, one of the journeys to which the fault can happen."""
    able = [journey for journey in journeys if _can_happen(kind, journey)]
    return rng.choices(able, [journey.weight for journey in able])[0]


def retries_for(rng: random.Random, kind: FaultKind) -> int | None:
    """Return how often the first upstream call of a faulty request is repeated; None leaves it to chance."""
    return rng.randint(8, 14) if kind == "retry burst" else None


def spoil(rng: random.Random, kind: FaultKind, journey: Journey, steps: Sequence[Step]) -> tuple[list[Step], int]:
    """Return `steps` (in time order) with the fault in them, and the index of the first that deviates.

    Times stay as they are, so that no gap or jump gives a fault away.
    """
    match kind:
        case "new error":
            return _with_error(rng, steps)
        case "missing step":
            missing = rng.choice(journey.vital)
            first = next(index for index, step in enumerate(steps) if step.stage == missing)
            return [step for step in steps if step.stage != missing], first
        case "wrong order":
            return _exchanged(steps, journey.ordered or ("", ""))
        case "retry burst":
            late = [index for index, step in enumerate(steps) if step.level == "warn"]
            return list(steps), late[1]
        case "cut off":
            length = rng.randint(len(steps) * 3 // 10, len(steps) * 7 // 10)
            return list(steps[:length]), length


def _can_happen(kind: FaultKind, journey: Journey) -> bool:
    match kind:
        case "new error" | "cut off":
            return journey.retries or bool(journey.vital)
        case "missing step":
            return bool(journey.vital)
        case "wrong order":
            return journey.ordered is not None
        case "retry burst":
            return journey.retries


def _with_error(rng: random.Random, steps: Sequence[Step]) -> tuple[list[Step], int]:
    index = rng.randint(len(steps) * 3 // 10, len(steps) * 8 // 10)
    before, after = steps[index - 1], steps[index]
    text = rng.choice(_ERRORS).format(rng.randint(1, 999), rng.randint(1, 99))
    error = replace(before, offset=(before.offset + after.offset) / 2, level="error", text=text)
    return [*steps[:index], error, *steps[index:]], index


def _exchanged(steps: Sequence[Step], stages: tuple[str, str]) -> tuple[list[Step], int]:
    """Put the second stage before the first; the moments at which something is said stay."""
    earlier = [step for step in steps if step.stage == stages[0]]
    later = [step for step in steps if step.stage == stages[1]]
    places = [index for index, step in enumerate(steps) if step.stage in stages]
    result = list(steps)
    for index, step in zip(places, [*later, *earlier], strict=True):
        result[index] = replace(step, offset=steps[index].offset)
    return result, places[0]

"""A new software release: some statements of the test part say the same in other words, and nobody retrains."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

import numpy as np

from models.detector import Detector
from models.evaluation.protocol import Benchmark, Case
from models.masking import WILDCARD

SHARES: Final = (0.05, 0.1, 0.2, 0.3)
_TOUCHED: Final = (0.15, 0.35)
"""Share of the words of a statement that are touched."""
# Words of any log, none of them from the site: a release is not written with the site's dictionary.
_WORDS: Final = (
    *("the", "of", "for", "now", "has", "been", "was", "with", "done", "request", "server", "client", "process"),
    *("current", "new", "old", "data", "service", "value", "item", "completed", "started", "finished", "attempt"),
    *("handler", "worker", "task", "remote", "local", "internal", "pending", "next", "status", "result", "name"),
)
_PUNCTUATION: Final = (":", ",", ".", ";", "=")


def templates_only(benchmark: Benchmark, detector: Detector) -> Benchmark:
    """Return the benchmark with each test line as its statement alone, variables as `<*>`."""
    said: dict[int, str] = {}
    tests = []
    for test in benchmark.test:
        ids = [detector.template(message) for message in test.sequence.messages]
        for t in ids:
            if t not in said:
                said[t] = detector.template_text(t)
        messages = tuple(said[t] for t in ids)
        tests.append(replace(test, sequence=replace(test.sequence, messages=messages)))
    return replace(benchmark, test=tests)


def released(benchmark: Benchmark, share: float, rng: np.random.Generator) -> Benchmark:
    """Return the benchmark in which a `share` of the statements of the test part is worded anew."""
    statements = sorted({message for test in benchmark.test for message in test.sequence.messages})
    chosen = rng.choice(len(statements), max(1, round(share * len(statements))), replace=False)
    anew = {statements[i]: rewrite(statements[i], rng) for i in np.sort(chosen)}
    return replace(benchmark, test=[_retold(test, anew) for test in benchmark.test])


def rewrite(statement: str, rng: np.random.Generator) -> str:
    """Return a statement with 15 to 35 % of its words touched; variables stay."""
    tokens = statement.split(" ")
    words = sum(WILDCARD not in token for token in tokens)
    for _ in range(max(1, round(words * rng.uniform(*_TOUCHED)))):
        places = [i for i, token in enumerate(tokens) if WILDCARD not in token]
        if not places:
            break
        _touch(tokens, places[int(rng.integers(len(places)))], rng)
    return " ".join(tokens)


def _touch(tokens: list[str], place: int, rng: np.random.Generator) -> None:
    match int(rng.integers(6)):
        case 0 if len(tokens) > 2:  # noqa: PLR2004  (something of it remains)
            del tokens[place]
        case 1:
            tokens.insert(place, _WORDS[int(rng.integers(len(_WORDS)))])
        case 2:
            tokens[place] = _WORDS[int(rng.integers(len(_WORDS)))]
        case 3 if len(tokens) > 1:
            other = (place + 1) % len(tokens)
            tokens[place], tokens[other] = tokens[other], tokens[place]
        case 4:
            mark = _PUNCTUATION[int(rng.integers(len(_PUNCTUATION)))]
            tokens[place] = tokens[place][:-1] if tokens[place][-1:] in _PUNCTUATION else tokens[place] + mark
        case _:
            tokens[place] = tokens[place].lower() if not tokens[place].islower() else tokens[place].capitalize()
    if not tokens[min(place, len(tokens) - 1)]:
        del tokens[min(place, len(tokens) - 1)]


def _retold(test: Case, anew: Mapping[str, str]) -> Case:
    messages = tuple(anew.get(message, message) for message in test.sequence.messages)
    return replace(test, sequence=replace(test.sequence, messages=messages))

"""The naive loop: a `re.sub` for each class of secret, then one Keras prediction, for every line by itself.

Runs as a process of its own on the lines of its standard input: `python -m deepsentry.bench.naive` prints its Cost.
"""

import re
import sys
from collections import defaultdict, deque
from collections.abc import Iterable, Sequence
from typing import Any, Final

from deepsentry import wire
from deepsentry.bench.cost import Cost, of_this_process
from deepsentry.bench.spoken import spoken
from models.keras import runtime
from streams.redaction.rulebook import load

WINDOW: Final = 10
"""Lines from which the next is predicted, as DeepLog does (Du et al., CCS 2017)."""
TEMPLATES: Final = 500
UNITS: Final = 64
WARM: Final = 5
"""Lines before the clock starts: the first prediction compiles the network."""
_FLAGS: Final = re.compile(r"\(\?([a-z]+)\)")
_NUMBER: Final = re.compile(r"\d+")


def measure(lines: Sequence[str]) -> Cost:
    """Return what `lines` cost the naive loop, in another process. Raises LocalServerError."""
    return spoken("deepsentry.bench.naive", [], "\n".join(lines).encode())


def classes() -> dict[str, re.Pattern[str]]:
    """Return class -> one expression of Python's own engine with every shipped rule of it that the engine can read."""
    patterns: dict[str, list[str]] = defaultdict(list)
    for rule in load(None, without=("network",)).rules:
        readable = _scoped(rule.pattern)
        try:
            re.compile(readable)
        except re.error:
            continue
        patterns[rule.kind].append(readable)
    return {kind: re.compile("|".join(found)) for kind, found in patterns.items()}


def loop(lines: Iterable[str], network: Any, rules: dict[str, re.Pattern[str]]) -> Cost:
    """Redact and predict line by line. The weights do not matter to the cost: they are as they were drawn."""
    import numpy as np  # noqa: PLC0415 - after TensorFlow's environment is set

    numbers: dict[str, int] = {}
    recent = deque([0] * WINDOW, maxlen=WINDOW)
    measured = of_this_process()
    done = 0
    for place, line in enumerate(lines):
        if place == WARM:
            measured, done = of_this_process(), 0
        text = line
        for kind, rule in rules.items():
            text = rule.sub(f"<{kind}>", text)
        template = numbers.setdefault(_NUMBER.sub("<*>", text), len(numbers)) % TEMPLATES
        network.predict(np.array([recent]), verbose=0)
        recent.append(template)
        done += 1
    return measured(done)


def network() -> Any:
    """Return an LSTM that predicts the next template from the last ones."""
    runtime.prepare(0)
    import keras  # noqa: PLC0415 - after TensorFlow's environment is set

    return keras.Sequential(
        [
            keras.layers.Embedding(TEMPLATES, UNITS),
            keras.layers.LSTM(UNITS),
            keras.layers.Dense(TEMPLATES, activation="softmax"),
        ]
    )


def _scoped(pattern: str) -> str:
    """Return an RE2 pattern with the flags that stand at its begin around the whole, as `re` wants them."""
    flags = _FLAGS.match(pattern)
    return f"(?{flags[1]}:{pattern[flags.end() :]})" if flags else f"(?:{pattern})"


def main() -> None:
    """Read lines from standard input, print their Cost."""
    lines = sys.stdin.buffer.read().decode("utf-8", "replace").split("\n")
    sys.stdout.write(wire.encode(loop(lines, network(), classes())).decode() + "\n")


if __name__ == "__main__":
    main()

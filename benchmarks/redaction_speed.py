"""Lines a second of one core, by processor time, and what redaction does to templates."""

import importlib
import importlib.util
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Final

from deepsentry.bench.naive import classes
from deepsentry.sections import Redaction
from models.masking import Masker, line_key
from models.vocabulary import learn
from streams.redaction import Redactor, create_redactor, scanners

CHUNK: Final = 1000
PASSES: Final = 3
"""The best counts: the first builds the states of the automata."""
SAMPLE: Final = 20
"""Every so-and-so-many-th line is given to what is slow."""
SCANNER: Final = "detect_secrets.core.scan"


def speeds(lines: Sequence[str], key: bytes) -> dict[str, int]:
    """Return engine -> lines a second: ours, one `re.sub` after another, and detect-secrets where it is installed."""
    few = lines[::SAMPLE]
    found = {}
    if scanners.hyperscan:
        found["hyperscan"] = _rate(lines, create_redactor(Redaction(engine="hyperscan"), key))
    found["portable"] = _rate(lines, create_redactor(Redaction(engine="portable"), key))
    found["re_sub"] = _best(few, _one_after_another, 1)
    if importlib.util.find_spec(SCANNER.partition(".")[0]):
        found["detect_secrets"] = _best(few, _detect_secrets, 1)
    return found


def _rate(lines: Sequence[str], redactor: Redactor) -> int:
    def redact(texts: Sequence[str]) -> None:
        for start in range(0, len(texts), CHUNK):
            redactor.redact(texts[start : start + CHUNK])

    return _best(lines, redact, PASSES)


def _best(lines: Sequence[str], work: Callable[[Sequence[str]], None], passes: int) -> int:
    rates = []
    for _ in range(passes):
        began = time.process_time()
        work(lines)
        rates.append(len(lines) / (time.process_time() - began))
    return round(max(rates))


def _one_after_another(lines: Sequence[str]) -> None:
    rules = classes()
    for line in lines:
        text = line
        for kind, rule in rules.items():
            text = rule.sub(f"<{kind}>", text)


def _detect_secrets(lines: Sequence[str]) -> None:
    scan = importlib.import_module(SCANNER)
    for line in lines:
        list(scan.scan_line(line))


def templates(lines: Iterable[str]) -> int:
    """Return how many templates training would find in lines of one system."""
    masker = Masker()
    return len(learn(Counter(masker.mask(line_key(line)) for line in lines)))

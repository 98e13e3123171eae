"""How well texts alone tell a reworded statement from another one: the encoder beside plain character n-grams."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from math import log, sqrt
from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.evaluation.release import rewrite
from models.intake import Progress
from models.masking import Masker, line_key
from models.training import TrainingOptions, train_encoder
from models.vocabulary import learn

ENCODER: Final = "encoder"
BAR: Final = "tf-idf"
ACCEPTED: Final = 0.95
_REWORDED: Final = 200
_LEAST: Final = 3
_GRAMS: Final = (2, 3, 4)

Likeness = Callable[[str], NDArray[np.float64]]
"""Text -> its similarity to every known statement."""


def measure(logs: Mapping[str, Iterable[str]], seed: int, progress: Progress) -> dict[str, dict[str, float]]:
    """Return, for the encoder and for TF-IDF, means over systems (name -> lines).

    Half of the statements of a system are known, the others are different ones. `right` is the share of reworded known
    statements whose nearest known one is their old self; `merged` the share of different ones that are taken for known
    where the similarity accepts 95 % of the reworded.
    """
    rows: dict[str, list[tuple[float, float]]] = {ENCODER: [], BAR: []}
    for done, (_, lines) in enumerate(sorted(logs.items())):
        progress("identity", done, len(logs))
        masker = Masker()
        statements = learn(Counter(masker.mask(line_key(line)) for line in lines))
        rng = np.random.default_rng(seed)
        order = rng.permutation(len(statements))
        known = [statements[i] for i in order[: len(order) // 2]]
        others = [statements[i] for i in order[len(order) // 2 :]]
        if len(known) < _LEAST:
            continue
        chosen = rng.integers(len(known), size=_REWORDED)
        reworded = [rewrite(known[i], rng) for i in chosen]
        for name, alike in ((ENCODER, _encoded(known, seed)), (BAR, _weighed(known))):
            own = np.array([alike(text) for text in reworded])
            least = np.quantile(own.max(1), 1 - ACCEPTED)
            merged = float(np.mean([alike(text).max() >= least for text in others]))
            rows[name].append((float((own.argmax(1) == chosen).mean()), merged))
    return {
        name: {
            "right": round(float(np.mean([right for right, _ in found])), 4),
            "merged": round(float(np.mean([merged for _, merged in found])), 4),
            "worst_merged": round(max(merged for _, merged in found), 4),
        }
        for name, found in rows.items()
        if found
    }


def _encoded(known: list[str], seed: int) -> Likeness:
    encoder = train_encoder(known, TrainingOptions(seed=seed), lambda _stage, _done, _total: None)
    vectors = np.array([encoder.encode(text) for text in known])
    return lambda text: vectors @ encoder.encode(text)


def _weighed(known: list[str]) -> Likeness:
    """Cosine of TF-IDF on character 2- to 4-grams."""
    counted = [_grams(text) for text in known]
    holders = Counter(gram for grams in counted for gram in grams)

    def vector(grams: Counter[str]) -> dict[str, float]:
        found = {g: (1 + log(n)) * (log((1 + len(known)) / (1 + holders[g])) + 1) for g, n in grams.items()}
        length = sqrt(sum(x * x for x in found.values())) or 1.0
        return {g: x / length for g, x in found.items()}

    vectors = [vector(grams) for grams in counted]

    def alike(text: str) -> NDArray[np.float64]:
        mine = vector(_grams(text))
        return np.array([sum(x * other.get(g, 0.0) for g, x in mine.items()) for other in vectors])

    return alike


def _grams(text: str) -> Counter[str]:
    plain = f" {text.lower().replace('<*>', ' ')} "
    return Counter(plain[i : i + size] for size in _GRAMS for i in range(len(plain) - size + 1))

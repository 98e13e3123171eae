"""Templates: masked texts clustered once at training, and matched by the same rule ever after."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.masking import WILDCARD

Tokens = tuple[str, ...]

MAX_TEMPLATES: Final = 2_000
_ALIKE: Final = 0.6
"""Share of equal words from which two masked texts of one length may be the same statement."""
_OPEN_VALUES: Final = 5
_OPEN_RARE: Final = 0.3
_OPEN_ANYWAY: Final = 50
_WILD: Final = -1
_FOREIGN: Final = -2


def learn(texts: Mapping[str, int]) -> list[str]:
    """Return the templates of masked texts (text -> lines that had it), most frequent first, at most MAX_TEMPLATES.

    Texts of equal length that share most words form a cluster; in it a position is a variable when its values are an
    open class (many, and many of them rare), else each value is a statement of its own.
    """
    by_length: dict[int, dict[Tokens, int]] = defaultdict(dict)
    for text, lines in texts.items():
        tokens = tuple(text.split(" "))
        by_length[len(tokens)][tokens] = lines
    found: Counter[str] = Counter()
    for length in sorted(by_length):
        group = by_length[length]
        for cluster in _clusters(sorted(group)):
            for template, lines in _resolve({tokens: group[tokens] for tokens in cluster}):
                found[" ".join(template)] += lines
    ranked = sorted(found.items(), key=lambda item: (-item[1], item[0]))
    return [text for text, _ in ranked[:MAX_TEMPLATES]]


def _clusters(texts: list[Tokens]) -> list[list[Tokens]]:
    """Return greedy leader clusters of texts of one length, by the share of equal words."""
    codes: dict[str, int] = {WILDCARD: _WILD}
    matrix = np.array([[codes.setdefault(t, len(codes)) for t in text] for text in texts], np.int64)
    words = matrix != _WILD
    leaders: list[int] = []
    members: list[list[Tokens]] = []
    for row, text in enumerate(texts):
        if leaders:
            known = matrix[leaders]
            equal = ((known == matrix[row]) & words[row]).sum(1)
            total = np.maximum((words[leaders] | words[row]).sum(1), 1)
            alike = equal / total
            best = int(alike.argmax())
            if alike[best] >= _ALIKE:
                members[best].append(text)
                continue
        leaders.append(row)
        members.append([text])
    return members


def _resolve(cluster: dict[Tokens, int]) -> list[tuple[Tokens, int]]:
    """Split a cluster at its closed-class positions until only open-class ones vary; those become `<*>`."""
    values: list[Counter[str]] = [Counter() for _ in next(iter(cluster))]
    for tokens, lines in cluster.items():
        for position, token in enumerate(tokens):
            values[position][token] += lines
    closed = [p for p, seen in enumerate(values) if len(seen) > 1 and not _is_open(seen)]
    if closed:
        split = min(closed, key=lambda p: len(values[p]))
        parts: dict[str, dict[Tokens, int]] = defaultdict(dict)
        for tokens, lines in cluster.items():
            parts[tokens[split]][tokens] = lines
        return [template for value in sorted(parts) for template in _resolve(parts[value])]
    template = tuple(next(iter(seen)) if len(seen) == 1 else WILDCARD for seen in values)
    return [(template, sum(cluster.values()))]


def _is_open(seen: Counter[str]) -> bool:
    rare = sum(lines <= 2 for lines in seen.values())  # noqa: PLR2004  (seen once or twice)
    return len(seen) >= _OPEN_ANYWAY or (len(seen) >= _OPEN_VALUES and rare / len(seen) >= _OPEN_RARE)


@dataclass(frozen=True, slots=True)
class _Shelf:
    """The templates with wildcards of one length."""

    ids: NDArray[np.int64]
    codes: NDArray[np.int64]
    """[templates, length]; _WILD where any token fits."""


class Vocabulary:
    """The templates of a version, by id; a masked text is matched exactly or by the most specific wildcards."""

    def __init__(self, templates: Sequence[str]) -> None:
        self.templates = tuple(templates)
        self._exact = {text: index for index, text in enumerate(self.templates)}
        self._codes: dict[str, int] = {WILDCARD: _WILD}
        rows: dict[int, list[tuple[int, int, list[int]]]] = defaultdict(list)
        for index, text in enumerate(self.templates):
            tokens = text.split(" ")
            codes = [self._codes.setdefault(token, len(self._codes)) for token in tokens]
            rows[len(tokens)].append((codes.count(_WILD), index, codes))
        self._shelves = {
            length: _Shelf(
                np.array([index for _, index, _ in found], np.int64),
                np.array([codes for _, _, codes in found], np.int64),
            )
            for length, found in ((length, sorted(found)) for length, found in rows.items())
        }

    def __len__(self) -> int:
        return len(self.templates)

    def match(self, text: str) -> int | None:
        """Return the id of the template of a masked text; None where none fits."""
        exact = self._exact.get(text)
        if exact is not None:
            return exact
        tokens = text.split(" ")
        shelf = self._shelves.get(len(tokens))
        if shelf is None:
            return None
        codes = np.array([self._codes.get(token, _FOREIGN) for token in tokens], np.int64)
        fits = ((shelf.codes == codes) | (shelf.codes == _WILD)).all(1)
        first = int(fits.argmax())
        return int(shelf.ids[first]) if fits[first] else None

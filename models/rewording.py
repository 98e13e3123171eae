"""What a new software release does to a statement: words added, dropped, replaced, swapped, in another case."""

from collections.abc import Sequence
from typing import Final

import numpy as np

from models.masking import WILDCARD

SHARE: Final = (0.1, 0.35)
"""Share of the words that one rewording touches."""


def reword(text: str, words: Sequence[str], rng: np.random.Generator) -> str:
    """Return `text` reworded; added and replacing words come from `words`."""
    tokens = text.split(" ")
    for _ in range(max(1, round(len(tokens) * rng.uniform(*SHARE)))):
        place = int(rng.integers(len(tokens)))
        match int(rng.integers(5)):
            case 0 if len(tokens) > 1:
                del tokens[place]
            case 1:
                tokens.insert(place, words[int(rng.integers(len(words)))])
            case 2 if WILDCARD not in tokens[place]:
                tokens[place] = words[int(rng.integers(len(words)))]
            case 3 if len(tokens) > 1:
                other = (place + 1) % len(tokens)
                tokens[place], tokens[other] = tokens[other], tokens[place]
            case _:
                tokens[place] = tokens[place].upper() if tokens[place].islower() else tokens[place].lower()
    return " ".join(tokens)

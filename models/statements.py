"""Line -> template id, at the speed of the stream: a cheap key and a dictionary, everything else remembered."""

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from models.encoder import WIDTH, Encoder
from models.masking import ZEROS, Masker, short
from models.novelty import UNKNOWN, Identity
from models.vocabulary import Vocabulary

MAX_KEYS: Final = 200_000
MAX_UNSEEN: Final = 20_000
"""Statements outside the version that are remembered; the oldest are forgotten first."""


@dataclass(frozen=True, slots=True)
class Unseen:
    """A statement outside the version: its text, the known template that it rewords or UNKNOWN."""

    text: str
    meaning: int
    alike: tuple[int, ...]
    """Known templates that it may stand for in their place, the likest first."""


_FORGOTTEN: Final = Unseen("", UNKNOWN, ())


class Statements:
    """Gives each line the id of its template; ids from `known` on are of this process only."""

    def __init__(self, templates: Sequence[str], encoder: Encoder, same: float, alike: float) -> None:
        self.known = len(templates)
        self.vectors = np.array([encoder.encode(text) for text in templates]).reshape(-1, WIDTH)
        self._encoder = encoder
        self._vocabulary = Vocabulary(templates)
        self._identity = Identity(templates, self.vectors, same, alike)
        self._masker = Masker()
        self._zeroed: dict[bytes, int] = {}
        self._keys: dict[bytes, int] = {}
        self._ids: OrderedDict[str, int] = OrderedDict()
        self._unseen: dict[int, Unseen] = {}
        self._next = self.known

    def template(self, message: str) -> int:
        """Return the template id of a line."""
        zeros = message.encode("utf-8", "replace").translate(ZEROS)  # `zeroed`, without the call
        found = self._zeroed.get(zeros)
        if found is None:
            key = short(zeros)
            found = self._keys.get(key)
            if found is None:
                found = self._look_up(key)
            if len(self._zeroed) >= MAX_KEYS:
                self._zeroed.clear()
            self._zeroed[zeros] = found
        return found

    def text(self, template: int) -> str:
        """Return the text of a template; empty where it was forgotten."""
        if template < self.known:
            return self._vocabulary.templates[template]
        return self.unseen(template).text

    def meaning(self, template: int) -> int:
        """Return the known template that an id stands for, itself or the one that it rewords; else UNKNOWN."""
        return template if template < self.known else self.unseen(template).meaning

    def token(self, text: str) -> int | str:
        """Return the known template that a masked text is or rewords; else the text."""
        found = self._vocabulary.match(text)
        if found is None:
            found = self._identity.same(text, self._encoder.encode(text))
        return text if found == UNKNOWN else found

    def unseen(self, template: int) -> Unseen:
        """Return what is remembered of an id outside the version."""
        return self._unseen.get(template, _FORGOTTEN)

    def _look_up(self, key: bytes) -> int:
        text = self._masker.mask(key)
        found = self._vocabulary.match(text)
        if found is None:
            found = self._ids.get(text)
        if found is None:
            found = self._remember(text)
        if len(self._keys) >= MAX_KEYS:
            self._keys.clear()
        self._keys[key] = found
        return found

    def _remember(self, text: str) -> int:
        if len(self._ids) >= MAX_UNSEEN:
            _, oldest = self._ids.popitem(last=False)
            del self._unseen[oldest]
            self._keys.clear()
            self._zeroed.clear()
        template, self._next = self._next, self._next + 1
        self._ids[text] = template
        vector = self._encoder.encode(text)
        self._unseen[template] = Unseen(text, self._identity.same(text, vector), self._identity.alike(text, vector))
        return template

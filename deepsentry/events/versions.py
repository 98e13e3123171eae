"""Which version of a model judges."""

from datetime import datetime

import msgspec


class Promotion(msgspec.Struct, frozen=True):
    """An alias moved, the value of `models` (key: `model/alias`)."""

    model: str
    alias: str
    version: int
    digest: str
    at: datetime

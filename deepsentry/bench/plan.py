"""What a benchmark is asked to measure."""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final


class Part(StrEnum):
    """What is measured; all but memory unless one is named."""

    THROUGHPUT = "throughput"
    NAIVE = "naive"
    STOCK = "stock"
    LATENCY = "latency"
    MEMORY = "memory"


ORDINARY: Final = (Part.THROUGHPUT, Part.NAIVE, Part.STOCK, Part.LATENCY)


@dataclass(frozen=True, slots=True)
class Plan:
    """How much is measured."""

    parts: tuple[Part, ...]
    lines: int
    rounds: int
    rates: tuple[int, ...]
    seconds: float
    """Of sending at each rate."""
    minutes: float
    """Of the soak."""
    sources: int
    """Distinct ones of the soak."""
    profiles: Path | None = None
    """Folder of flame graphs."""
    registry: Path | None = None
    """Holds a champion to judge with; without one it is trained."""

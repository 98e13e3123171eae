"""Pure: when a partition is read no further, since most of what comes is rejected: a bad release must not drain it."""

from collections import deque

from deepsentry.sections import Ingest


class Brake:
    """The newest records of one partition, and how many of them were rejected."""

    def __init__(self, ingest: Ingest) -> None:
        self._ratio = ingest.brake_ratio
        self._most = ingest.brake_records
        self._chunks: deque[tuple[int, int]] = deque()
        self.records = 0
        """At least `brake_records`, as soon as so many came; the oldest go chunk by chunk."""
        self.rejected = 0

    def take(self, records: int, rejected: int) -> bool:
        """Note a chunk of so many records, so many of them rejected; tell whether the brake must hold."""
        self._chunks.append((records, rejected))
        self.records += records
        self.rejected += rejected
        while self.records - self._chunks[0][0] >= self._most:
            oldest = self._chunks.popleft()
            self.records -= oldest[0]
            self.rejected -= oldest[1]
        return self.records >= self._most and self.rejected > self._ratio * self.records

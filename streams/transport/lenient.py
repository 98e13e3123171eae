"""What was fetched, read also where a header's name is not UTF-8: Kafka takes any bytes, and aiokafka would raise.

A worker that cannot read a record cannot pass it either, so one such header would stop a partition for ever.
"""

import struct
from collections.abc import Iterator
from typing import Any, Final

from aiokafka.consumer import fetcher
from aiokafka.record.default_records import _DefaultRecordBatchPy
from aiokafka.record.memory_records import MemoryRecords

_HEAD: Final = struct.Struct(">qi")
"""Of a batch: its first offset, and how many bytes follow."""


class _Text(bytearray):
    """Bytes whose parts decode with escapes for what is not UTF-8."""

    def __getitem__(self, at: Any) -> Any:
        part = super().__getitem__(at)
        return _Text(part) if isinstance(at, slice) else part

    def decode(self, encoding: str = "utf-8", errors: str = "backslashreplace") -> str:
        return super().decode(encoding, errors)


class Batch:
    """A batch of records: all are decoded at once, and once more with leniency where that fails."""

    def __init__(self, batch: Any, data: memoryview) -> None:
        self._batch = batch
        self._data = data

    def __getattr__(self, name: str) -> Any:
        return getattr(self._batch, name)

    def __iter__(self) -> Iterator[Any]:
        try:
            return iter(list(self._batch))
        except UnicodeDecodeError:
            batch = _DefaultRecordBatchPy(self._data)
            batch._maybe_uncompress()  # noqa: SLF001 - guarded by the contract test
            batch._buffer = _Text(batch._buffer)  # noqa: SLF001
            return (record for record in batch)


class Records:
    """The batches of one answer of the broker, as aiokafka's own class gives them."""

    def __init__(self, data: bytes) -> None:
        self._records = MemoryRecords(data)
        self._data = memoryview(data)

    def size_in_bytes(self) -> int:
        """Return the size of the answer."""
        return int(self._records.size_in_bytes())

    def has_next(self) -> bool:
        """Tell whether a whole batch is left."""
        return bool(self._records.has_next())

    def next_batch(self) -> Batch | None:
        """Return the next batch."""
        batch = self._records.next_batch()
        _, size = _HEAD.unpack_from(self._data)
        data, self._data = self._data[: _HEAD.size + size], self._data[_HEAD.size + size :]
        return None if batch is None else Batch(batch, data)


def install() -> None:
    """Let all consumers of this process read so."""
    fetcher.MemoryRecords = Records

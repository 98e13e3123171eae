"""Compressed values (gzip, zlib, zstd), unpacked once and up to a limit; Kafka's own compression is the client's."""

import zlib
from typing import Final

import cramjam

from deepsentry.events import Rejected
from streams.shippers.record import Record, header

FIRST: Final = frozenset(b"\x1f\x78\x28")
"""First bytes of what may be compressed; two of them begin lines as well."""
_GZIP: Final = b"\x1f\x8b\x08"
_ZSTD: Final = b"\x28\xb5\x2f\xfd"
_ZLIB: Final = (b"\x78\x01", b"\x78\x5e", b"\x78\x9c", b"\x78\xda")
_EITHER: Final = zlib.MAX_WBITS | 32
"""zlib reads gzip's header or its own."""
_ENCODINGS: Final = frozenset(("", "identity", "gzip", "x-gzip", "deflate", "zlib", "zstd"))
_LIKELY: Final = 16
"""Times a compressed log grows, mostly."""


def unpack(value: bytes, record: Record, limit: int) -> bytes | Rejected:
    """Return `value`, unpacked to at most `limit` bytes where its first bytes say that it is compressed.

    What the header `content-encoding` says counts only where it names an encoding that is not read.
    """
    if header(record, "content-encoding").lower() not in _ENCODINGS:
        return Rejected("unsupported_type", "content-encoding: only gzip, zlib (deflate) and zstd are read")
    if value.startswith(_GZIP):
        return _inflate(value, limit)
    if value.startswith(_ZSTD):
        return _zstd(value, limit)
    if value.startswith(_ZLIB):
        found = _inflate(value, limit)
        # `x^2 is` begins like zlib
        return value if isinstance(found, Rejected) and found.reason == "malformed" else found
    return value


def _inflate(value: bytes, limit: int) -> bytes | Rejected:
    stream = zlib.decompressobj(_EITHER)
    try:
        found = stream.decompress(value, limit + 1)
    except zlib.error:
        return _damaged()
    if len(found) > limit:
        return _too_large(limit)
    return found if stream.eof and not stream.unused_data else _damaged()


def _zstd(value: bytes, limit: int) -> bytes | Rejected:
    for room in (min(len(value) * _LIKELY, limit), limit):
        out = bytearray(room)
        try:
            return bytes(out[: cramjam.zstd.decompress_into(value, out)])
        except cramjam.DecompressionError as error:
            if "whole buffer" not in str(error):
                return _damaged()
    return _too_large(limit)


def _too_large(limit: int) -> Rejected:
    return Rejected("too_large", f"unpacks to more than the {limit} bytes that ingest.max_line_bytes allows")


def _damaged() -> Rejected:
    return Rejected("malformed", "compressed, but cut or damaged")

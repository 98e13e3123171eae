"""Whether hostile text costs more than its share: CPU time of every decoder and of redaction at doubled sizes.

`make fuzz` ends with it. Prints seconds at the largest size and the worst growth from the smallest; fails above LIMIT.
"""

import sys
import time
from collections.abc import Callable
from typing import Final, get_args

from deepsentry import wire
from deepsentry.sections import Ingest, Redaction
from streams.redaction import create_redactor
from streams.shippers import Record, create_decoder

SMALL: Final = 2**17
LARGE: Final = 2**20
"""Bytes of a value."""
LIMIT: Final = 24.0
"""Eight times the bytes may take so many times as long; squared it would be 64."""
QUICK: Final = 0.005
"""Seconds below which a ratio says nothing."""
REPEATS: Final = 3
FORMATS: Final = get_args(get_args(Ingest.model_fields["formats"].annotation)[1])
KEY: Final = b"a key for measurements, long"

SHAPES: Final[dict[str, Callable[[int], bytes]]] = {
    "spaces": lambda n: b"x" + b" " * n,
    "digits": lambda n: b"1" * n,
    "open brackets": lambda n: b"[" * n,
    "open objects": lambda n: b'{"a":' * (n // 5),
    "an open string": lambda n: b'{"message":"' + b'\\"' * (n // 2),
    "closed lists": lambda n: b'{"message":"m","x":[' + b"[]," * (n // 3) + b"[]]}",
    "fields": lambda n: wire.encode({f"f{number}": number for number in range(n // 12)}),
    "a batch": lambda n: b"[" + b'{"message":"a"},' * (n // 16) + b"1]",
    "objects in lines": lambda n: b'{"message":"a"}\n' * (n // 16),
    "broken lines": lambda n: b'{"message":"a"}\n' + b"{\n" * (n // 2),
    "structured data": lambda n: b"<34>1 - - - - - " + b'[a b="' * (n // 6),
    "elements": lambda n: b"<34>1 - - - - - " + b'[a b="c"]' * (n // 9) + b" m",
    "a long tag": lambda n: b"2025-01-02T02:04:05.678Z " + b"a" * n + b"[1]: m",
    "not UTF-8": lambda n: b'{"message":"' + b"\xff" * n + b'"}',
    "msgpack lists": lambda n: b"\x81\xa1a" + b"\x91" * n,
    "msgpack, not UTF-8": lambda n: b"\x81\xa3log\xdb" + n.to_bytes(4) + b"\xff" * n,
    "export requests": lambda n: b"\x0a\x02\x12\x00" * (n // 4),
    "log records": lambda n: _field(1, _field(2, b"\x12\x00" * (n // 2))),
    "JSON log records": lambda n: b'{"resourceLogs":[{"scopeLogs":[{"logRecords":[' + b"{}," * (n // 3) + b"1]}]}]}",
    "addresses": lambda n: b"a@" * (n // 2),
    "base64": lambda n: b"QUJD" * (n // 4),
    "quotes and escapes": lambda n: b'\\u0022{"' * (n // 8),
    "keys": lambda n: b"password=" * (n // 9),
}


def _field(number: int, body: bytes) -> bytes:
    size = bytearray()
    left = len(body)
    while left > 127:
        size.append(left & 127 | 128)
        left >>= 7
    return bytes((number << 3 | 2, *size, left)) + body


def seconds(work: Callable[[bytes], object], value: bytes) -> float:
    """Return the CPU time of `work`, the best of a few."""
    best = float("inf")
    for _ in range(REPEATS):
        started = time.process_time()
        work(value)
        best = min(best, time.process_time() - started)
    return best


def works() -> dict[str, Callable[[bytes], object]]:
    """Return what is measured: each decoder by the format of its topic, and redaction by both engines."""

    def decoding(name: str) -> Callable[[bytes], object]:
        decode = create_decoder(Ingest.model_validate({"formats": {"t": name}}))
        return lambda value: decode(Record(value, None, (), 1735783446.0, "t"))

    def redacting(engine: str) -> Callable[[bytes], object]:
        redactor = create_redactor(Redaction.model_validate({"engine": engine}), KEY)
        return lambda value: redactor.redact([value.decode("utf-8", "backslashreplace")])

    return {name: decoding(name) for name in FORMATS} | {
        f"redaction, {engine}": redacting(engine) for engine in ("portable", "auto")
    }


def main() -> int:
    """Print a row for each work and return how many grew too fast."""
    failed = 0
    for name, work in works().items():
        worst = (0.0, 0.0, "")
        for shape, make in SHAPES.items():
            small, large = (seconds(work, make(size)) for size in (SMALL, LARGE))
            worst = max(worst, (large / max(small, QUICK), large, shape))
        ratio, longest, shape = worst
        failed += ratio > LIMIT
        print(f"{name:20} {ratio:5.1f} x the time for 8 x the bytes; {longest:6.3f} s for 1 MiB  ({shape})", flush=True)
    return failed


if __name__ == "__main__":
    sys.exit(main())

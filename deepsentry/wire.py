"""Bytes <-> values: the only module that names a codec."""

import struct
from collections.abc import Iterable
from typing import Any, TypeVar, cast

import msgspec
from google.protobuf.message import DecodeError, Message

from deepsentry.errors import WireError

T = TypeVar("T")
M = TypeVar("M", bound=Message)

_EVENT_TIME = struct.Struct(">II")

_encoder = msgspec.json.Encoder()
_json = msgspec.json.Decoder()


def _extension(code: int, data: memoryview) -> object:
    """Return Fluent's EventTime (type 0: seconds and nanoseconds, 32 bits each) as Unix seconds, others as bytes."""
    if code == 0 and len(data) == _EVENT_TIME.size:
        seconds, nanoseconds = _EVENT_TIME.unpack(data)
        return float(seconds + nanoseconds / 1e9)
    return bytes(data)


_msgpack = msgspec.msgpack.Decoder(ext_hook=_extension)


_decoders: dict[type, msgspec.json.Decoder[Any]] = {}
_unpackers: dict[type, msgspec.msgpack.Decoder[Any]] = {}


def encode(value: object) -> bytes:
    """Return `value` (an event, or plain JSON data) as compact UTF-8 JSON."""
    return _encoder.encode(value)


def encode_each(values: Iterable[object]) -> list[bytes]:
    """Return each of `values` as `encode` does; cheaper than one by one."""
    return list(map(_encoder.encode, values))


def decode(kind: type[T], data: bytes) -> T:
    """Return the event of type `kind` in `data`; unknown fields are allowed. Raises WireError."""
    decoder = _decoders.get(kind) or _decoders.setdefault(kind, msgspec.json.Decoder(kind))
    try:
        return cast("T", decoder.decode(data))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        # msgspec names the path and the expected type, never the value
        message = f"not a valid {kind.__name__}: {error}"
        raise WireError(message) from None


def decode_each(kind: type[T], values: Iterable[bytes]) -> list[T | None]:
    """Return the event of type `kind` in each of `values`, None where it is none; cheaper than one by one."""
    decode = (_decoders.get(kind) or _decoders.setdefault(kind, msgspec.json.Decoder(kind))).decode
    found: list[T | None] = []
    for value in values:
        try:
            found.append(decode(value))
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            found.append(None)
    return found


def from_json(data: bytes | str) -> object:
    """Return the JSON value in `data` as plain Python data. Raises WireError, also where it nests too deep."""
    try:
        return _json.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        message = f"not JSON: {error}"
        raise WireError(message) from None


def from_msgpack(data: bytes) -> object:
    """Return the msgpack value in `data` as plain Python data. Raises WireError."""
    try:
        return _msgpack.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        message = f"not msgpack: {error}"
        raise WireError(message) from None


def to_msgpack(value: object) -> bytes:
    """Return plain data, or a struct, as msgpack."""
    return msgspec.msgpack.encode(value)


def unpack(kind: type[T], data: bytes, limit: int) -> T:
    """Return the struct of type `kind` in at most `limit` bytes of msgpack. Raises WireError."""
    if len(data) > limit:
        message = f"a {kind.__name__} of {len(data)} bytes; at most {limit} are taken"
        raise WireError(message)
    decoder = _unpackers.get(kind) or _unpackers.setdefault(kind, msgspec.msgpack.Decoder(kind))
    try:
        return cast("T", decoder.decode(data))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        message = f"not a valid {kind.__name__}: {error}"
        raise WireError(message) from None


def from_protobuf(kind: type[M], data: bytes) -> M:
    """Return the protobuf message of type `kind` in `data`. Raises WireError, also where it nests over 100 deep."""
    try:
        return cast("M", kind.FromString(data))
    except DecodeError:
        message = f"not a {kind.__name__} in protobuf"
        raise WireError(message) from None


def pretty(value: object) -> str:
    """Return `value` as indented JSON for people."""
    return msgspec.json.format(_encoder.encode(value), indent=2).decode()


def schemas(kinds: Iterable[type], reference: str) -> dict[str, dict[str, Any]]:
    """Return name -> JSON Schema (2020-12) of `kinds` and of all events in them; `reference`: `#/$defs/{name}`."""
    _, components = msgspec.json.schema_components(list(kinds), ref_template=reference)
    return dict(components)


def builtins(value: object) -> object:
    """Return `value` as dicts, lists and scalars."""
    return msgspec.to_builtins(value)

"""msgpack whose strings are not UTF-8: Fluent Bit passes on the bytes of a Latin-1 log as they are.

Source: the MessagePack specification, the table of formats.
"""

from typing import Final

_FIRSTS: Final = {
    1: (0xCC, 0xD0),
    2: (0xCD, 0xD1, 0xD4, 0xDC, 0xDE),
    3: (0xD5,),
    4: (0xCA, 0xCE, 0xD2, 0xDD, 0xDF),
    5: (0xD6,),
    8: (0xCB, 0xCF, 0xD3),
    9: (0xD7,),
    17: (0xD8,),
}
_FIXED: Final = {first: size for size, firsts in _FIRSTS.items() for first in firsts}
"""First byte -> bytes that follow: numbers, short extensions, and the sizes of arrays and maps."""
_SIZED: Final = {0xC4: 1, 0xC5: 2, 0xC6: 4, 0xC7: 1, 0xC8: 2, 0xC9: 4, 0xD9: 1, 0xDA: 2, 0xDB: 4}
"""First byte -> width of the length that follows it: binary, extension, string."""
_FIXED_STRINGS: Final = range(0xA0, 0xC0)
_STRINGS: Final = {0xD9: 0xC4, 0xDA: 0xC5, 0xDB: 0xC6}
"""First byte of a string -> that of a binary value of the same length."""
_EXTENSIONS: Final = frozenset((0xC7, 0xC8, 0xC9))
_LONGEST: Final = 65_536
"""Bytes that are walked; a record of one line is shorter."""


def binary_strings(data: bytes) -> bytes:
    """Return `data` with every string turned into a binary value; what is no msgpack, or long, comes back as none."""
    if len(data) > _LONGEST:
        return data
    out = bytearray()
    at = 0
    while at < len(data):
        first = data[at]
        at += 1
        if first in _FIXED_STRINGS:
            size = first - _FIXED_STRINGS.start
            out += bytes((0xC4, size))
        elif first in _SIZED:
            width = _SIZED[first]
            size = width + int.from_bytes(data[at : at + width]) + (first in _EXTENSIONS)
            out.append(_STRINGS.get(first, first))
        else:
            size = _FIXED.get(first, 0)
            out.append(first)
        out += data[at : at + size]
        at += size
    return bytes(out)

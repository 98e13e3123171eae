"""Addresses of crypto currencies."""

import hashlib
import re
from collections.abc import Callable, Mapping
from typing import Final

_BASE58: Final = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_BECH32: Final = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
_BECH32_SUMS: Final = (1, 0x2BC830A3)
_LANE: Final = (1 << 64) - 1
_RATE: Final = 136
_NIBBLE_UPPER: Final = "89abcdef"
_BLOCK_BYTES: Final = {11: 8, 10: 7, 9: 6, 7: 5, 6: 4, 5: 3, 3: 2, 2: 1}


def is_base58check(value: str) -> bool:
    """Tell whether the last four bytes are those of the double SHA-256 of the rest (Bitcoin's Base58Check)."""
    number = 0
    for character in value:
        digit = _BASE58.find(character)
        if digit < 0:
            return False
        number = number * 58 + digit
    zeros = len(value) - len(value.lstrip("1"))
    raw = bytes(zeros) + number.to_bytes((number.bit_length() + 7) // 8, "big")
    return hashlib.sha256(hashlib.sha256(raw[:-4]).digest()).digest()[:4] == raw[-4:]


def is_bech32(value: str) -> bool:
    """Tell whether the checksum is that of BIP 173 or BIP 350."""
    prefix, _, data = value.lower().rpartition("1")
    if not prefix or any(character not in _BECH32 for character in data):
        return False
    values = [ord(c) >> 5 for c in prefix] + [0] + [ord(c) & 31 for c in prefix] + [_BECH32.index(c) for c in data]
    checksum = 1
    for item in values:
        top = checksum >> 25
        checksum = (checksum & 0x1FFFFFF) << 5 ^ item
        for bit, generator in enumerate((0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)):
            checksum ^= generator if top >> bit & 1 else 0
    return checksum in _BECH32_SUMS


def is_eip55(value: str) -> bool:
    """Tell whether the case of the letters is the checksum of EIP-55, or all letters are of one case."""
    body = value.removeprefix("0x")
    letters = re.sub("[0-9]", "", body)
    if not letters or letters.islower() or letters.isupper():
        return True
    digest = keccak256(body.lower().encode("latin-1")).hex()
    return all(not c.isalpha() or c.isupper() == (h in _NIBBLE_UPPER) for c, h in zip(body, digest, strict=False))


def is_monero(value: str) -> bool:
    """Tell whether the last four bytes are Keccak-256 of the rest (Monero's block-wise base 58)."""
    raw = bytearray()
    for start in range(0, len(value), 11):
        block = value[start : start + 11]
        number = 0
        for character in block:
            digit = _BASE58.find(character)
            if digit < 0:
                return False
            number = number * 58 + digit
        size = _BLOCK_BYTES.get(len(block), 0)
        if not size or number >> size * 8:
            return False
        raw += number.to_bytes(size, "big")
    return keccak256(bytes(raw[:-4]))[:4] == raw[-4:]


def keccak256(message: bytes) -> bytes:
    """Return the Keccak-256 digest as submitted to the SHA-3 competition (padding 0x01), which hashlib lacks."""
    padded = bytearray(message) + b"\x01" + bytes(-(len(message) + 1) % _RATE)
    padded[-1] |= 0x80
    lanes = [0] * 25
    for block in range(0, len(padded), _RATE):
        for lane in range(_RATE // 8):
            lanes[lane] ^= int.from_bytes(padded[block + lane * 8 : block + lane * 8 + 8], "little")
        lanes = _permute(lanes)
    return b"".join(lane.to_bytes(8, "little") for lane in lanes[:4])


def _permute(lanes: list[int]) -> list[int]:
    register = 1
    for _ in range(24):
        columns = [lanes[x] ^ lanes[x + 5] ^ lanes[x + 10] ^ lanes[x + 15] ^ lanes[x + 20] for x in range(5)]
        lanes = [lane ^ columns[(n + 4) % 5] ^ _turn(columns[(n + 1) % 5], 1) for n, lane in enumerate(lanes)]
        x, y, current = 1, 0, lanes[1]
        for step in range(24):
            x, y = y, (2 * x + 3 * y) % 5
            current, lanes[x + 5 * y] = lanes[x + 5 * y], _turn(current, (step + 1) * (step + 2) // 2 % 64)
        lanes = [
            lane ^ (~lanes[n - n % 5 + (n + 1) % 5] & lanes[n - n % 5 + (n + 2) % 5]) & _LANE
            for n, lane in enumerate(lanes)
        ]
        for bit in range(7):
            if register & 1:
                lanes[0] ^= 1 << (1 << bit) - 1
            register = register << 1 ^ (0x171 if register >> 7 else 0)
    return lanes


def _turn(lane: int, by: int) -> int:
    return (lane << by | lane >> (64 - by)) & _LANE if by else lane


CHECKS: Final[Mapping[str, Callable[[str], bool]]] = {
    "base58check": is_base58check,
    "bech32": is_bech32,
    "eip55": is_eip55,
    "monero": is_monero,
}

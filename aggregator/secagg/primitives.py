"""The cryptography that secure aggregation stands on: maintained libraries behind functions of bytes.

X25519, HKDF-SHA256, ChaCha20, AES-256-GCM and ECDSA P-384 come from `cryptography`, Shamir's scheme from pycryptodome.
"""

import hashlib
import struct
from collections.abc import Callable, Sequence
from typing import Final

import numpy as np
from Crypto.Protocol.SecretSharing import Shamir
from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, x25519
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from numpy.typing import NDArray

PROTOCOL: Final = b"deepsentry/secagg/1"
"""Stands in every label, so that nothing made for one version is taken by another."""
KEY: Final = 32
"""Bytes of a key, a seed, a digest and a share."""
NONCE: Final = 12
_HALF: Final = 16
_WORD: Final = 8

Ring = NDArray[np.uint64]
Random = Callable[[int], bytes]
"""So many bytes from a cryptographic source: os.urandom."""
Point = tuple[int, bytes]
"""A share with the place, from 1, at which the polynomial has this value."""


def pack(*parts: bytes) -> bytes:
    """Join `parts` so that no two lists give the same bytes: each is preceded by its length."""
    return b"".join(struct.pack(">Q", len(part)) + part for part in parts)


def digest(*parts: bytes) -> bytes:
    """Return the SHA-256 of `parts`, bound to the protocol."""
    return hashlib.sha256(pack(PROTOCOL, *parts)).digest()


def derive(secret: bytes, *info: bytes) -> bytes:
    """Return a key of 32 bytes made of `secret` for the one purpose that `info` names (HKDF, RFC 5869)."""
    return HKDF(hashes.SHA256(), KEY, None, pack(PROTOCOL, *info)).derive(secret)


def keystream(key: bytes, words: int) -> Ring:
    """Return so many words of ChaCha20 (RFC 8439). A key is used for one stream, so the nonce may stay 0."""
    stream = Cipher(algorithms.ChaCha20(key, bytes(16)), None).encryptor()
    return np.frombuffer(stream.update(bytes(_WORD * words)), "<u8").astype(np.uint64, copy=False)


def public_key(private: bytes) -> bytes:
    """Return the X25519 public key of a private one."""
    return x25519.X25519PrivateKey.from_private_bytes(private).public_key().public_bytes_raw()


def exchange(private: bytes, public: bytes) -> bytes | None:
    """Return the X25519 secret (RFC 7748); None for a public key of low order, which would give a known one."""
    try:
        return x25519.X25519PrivateKey.from_private_bytes(private).exchange(
            x25519.X25519PublicKey.from_public_bytes(public)
        )
    except ValueError:
        return None


def seal(key: bytes, nonce: bytes, plain: bytes, bound: bytes) -> bytes:
    """Return nonce and AES-256-GCM ciphertext of `plain`, which opens only with the same `bound` bytes."""
    return nonce + AESGCM(key).encrypt(nonce, plain, bound)


def unseal(key: bytes, sealed: bytes, bound: bytes) -> bytes | None:
    """Return what was sealed, None where the key, the bytes or what they are bound to is another."""
    try:
        return AESGCM(key).decrypt(sealed[:NONCE], sealed[NONCE:], bound)
    except (InvalidTag, ValueError):
        return None


def sign(key: ec.EllipticCurvePrivateKey, statement: bytes) -> bytes:
    """Return the ECDSA signature over SHA-384; deterministic (RFC 6979), so that no bad nonce can give the key away."""
    return key.sign(statement, ec.ECDSA(hashes.SHA384(), deterministic_signing=True))


def verified(key: ec.EllipticCurvePublicKey, signature: bytes, statement: bytes) -> bool:
    """Tell whether `signature` is one of the key over `statement`."""
    try:
        key.verify(signature, statement, ec.ECDSA(hashes.SHA384()))
    except InvalidSignature:
        return False
    return True


def split(secret: bytes, threshold: int, count: int, random: Random) -> list[bytes]:
    """Return the shares 1 to `count` of 32 bytes: any `threshold` give them back, fewer say nothing (Shamir 1979).

    Over GF(2^128) in two halves. The first `threshold` - 1 shares are random, which fixes the polynomial together with
    the secret at 0; the others follow from it. So randomness is an argument, which the library's own split has not.
    """
    known = [(0, secret), *((place, random(KEY)) for place in range(1, threshold))]
    return [value for _, value in known[1:]] + [value_at(place, known) for place in range(threshold, count + 1)]


def value_at(place: int, points: Sequence[Point]) -> bytes:
    """Return the value at `place` of the polynomial through `points`; the secret is at 0.

    The library interpolates at 0 only. Adding is XOR in this field, so moving every place by `place` moves it there.
    """
    low = Shamir.combine([(at ^ place, value[:_HALF]) for at, value in points], ssss=False)
    high = Shamir.combine([(at ^ place, value[_HALF:]) for at, value in points], ssss=False)
    return bytes(low + high)

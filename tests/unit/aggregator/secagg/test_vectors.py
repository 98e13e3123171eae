"""Known answers: each primitive against the vectors of its standard, a whole round against the bytes once recorded."""

import hashlib
import hmac
import struct
from itertools import combinations

import numpy as np
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from hypothesis import given
from hypothesis import strategies as st

from aggregator.secagg import Total, primitives
from aggregator.secagg.fixed_point import FRACTION_BITS, from_ring, to_ring
from aggregator.secagg.masked import Reply as MaskedReply
from aggregator.secagg.member import Refused
from deepsentry import wire
from tests.unit.aggregator.secagg.federation import METRICS, Wire, model, same_as_plain, setup, sites, stream


def hkdf(secret: bytes, info: bytes, salt: bytes = bytes(32), length: int = 32) -> bytes:
    """RFC 5869 by hand."""
    key, block, out = hmac.digest(salt, secret, "sha256"), b"", b""
    for i in range(1, -(-length // 32) + 1):
        block = hmac.digest(key, block + info + bytes([i]), "sha256")
        out += block
    return out[:length]


def times(a: int, b: int) -> int:
    """Product in GF(2^128) modulo x^128 + x^7 + x^2 + x + 1, by hand."""
    product = 0
    while b:
        product ^= a * (b & 1)
        a, b = (a << 1) ^ ((a >> 127) * ((1 << 128) | 0x87)), b >> 1
    return product


def polynomial(coefficients: list[int], at: int) -> int:
    value = 0
    for coefficient in reversed(coefficients):
        value = times(value, at) ^ coefficient
    return value


def test_x25519_is_the_one_of_rfc_7748() -> None:
    private = bytes.fromhex("a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4")
    point = bytes.fromhex("e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c")
    found = primitives.exchange(private, point)
    assert found == bytes.fromhex("c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552")


def test_both_ends_of_an_exchange_find_the_same_secret() -> None:
    one, other = stream("one")(32), stream("other")(32)
    assert primitives.exchange(one, primitives.public_key(other)) == primitives.exchange(
        other, primitives.public_key(one)
    )


@pytest.mark.parametrize("point", [bytes(32), b"\x01" + bytes(31)])
def test_a_key_of_low_order_gives_no_secret(point: bytes) -> None:
    assert primitives.exchange(stream("x")(32), point) is None


def test_the_hkdf_by_hand_is_the_one_of_rfc_5869() -> None:
    found = hkdf(b"\x0b" * 22, bytes(range(0xF0, 0xFA)), bytes(range(13)), 42)
    assert found.hex() == ("3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865")


def test_keys_are_derived_by_hkdf_with_labels_of_stated_length() -> None:
    info = b"".join(struct.pack(">Q", len(p)) + p for p in (b"deepsentry/secagg/1", b"pair", b"", b"x"))
    assert primitives.derive(b"secret", b"pair", b"", b"x") == hkdf(b"secret", info)


@given(st.lists(st.binary(max_size=20)), st.lists(st.binary(max_size=20)))
def test_no_two_lists_are_packed_alike(one: list[bytes], other: list[bytes]) -> None:
    assert (primitives.pack(*one) == primitives.pack(*other)) == (one == other)


def test_the_key_stream_is_chacha20_of_rfc_8439() -> None:
    block = bytes.fromhex(
        "76b8e0ada0f13d90405d6ae55386bd28bdd219b8a08ded1aa836efcc8b770dc7"
        "da41597c5157488d7724e03fb8d84a376a43b8f41518a11cc387b669b2ee6586"
    )
    assert primitives.keystream(bytes(32), 8).tobytes() == block
    assert primitives.keystream(bytes(32), 3).tobytes() == block[:24]


def test_sealing_is_aes_256_gcm_of_nist() -> None:
    key = bytes.fromhex("feffe9928665731c6d6a8f9467308308" * 2)
    nonce = bytes.fromhex("cafebabefacedbaddecaf888")
    plain = bytes.fromhex(
        "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
        "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39"
    )
    bound = bytes.fromhex("feedfacedeadbeeffeedfacedeadbeefabaddad2")
    sealed = bytes.fromhex(
        "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa"
        "8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662"
        "76fc6ece0f4e1768cddf8853bb2d551b"
    )
    assert primitives.seal(key, nonce, plain, bound) == nonce + sealed
    assert primitives.unseal(key, nonce + sealed, bound) == plain
    assert primitives.unseal(key, nonce + sealed, bound + b"x") is None
    assert primitives.unseal(key, b"", bound) is None


def test_signatures_are_ecdsa_p384_of_rfc_6979() -> None:
    secret = 0x6B9D3DAD2E1B8C1C05B19875B6659F4DE23C3B667BF297BA9AA47740787137D896D5724E4C70A825F872C9EA60D2EDF5
    r = 0x94EDBB92A5ECB8AAD4736E56C691916B3F88140666CE9FA73D64C4EA95AD133C81A648152E44ACF96E36DD1E80FABE46
    s = 0x99EF4AEB15F178CEA1FE40DB2603138F130E740A19624526203B6351D0A3A94FA329C145786E679E7B82C71A38628AC8
    key = ec.derive_private_key(secret, ec.SECP384R1())
    assert primitives.sign(key, b"sample") == encode_dss_signature(r, s)
    assert primitives.verified(key.public_key(), encode_dss_signature(r, s), b"sample")
    assert not primitives.verified(key.public_key(), encode_dss_signature(r, s), b"other")
    assert not primitives.verified(key.public_key(), b"no signature", b"sample")


def test_shares_lie_on_a_polynomial_over_the_field_by_hand() -> None:
    random = stream("shares")
    secret = random(32)
    shares = primitives.split(secret, 3, 6, random)
    for half in (slice(16), slice(16, 32)):
        values = [int.from_bytes(share[half]) for share in shares]
        # three points and the secret fix a polynomial of degree 2; find it by its value at 0 and two differences
        c0 = int.from_bytes(secret[half])
        d1, d2 = values[0] ^ c0, values[1] ^ c0
        # d1 = c1 + c2, d2 = 2 c1 + 4 c2 (as field elements 1, x, x^2)
        inverse_of_6 = inverse(times(2, 1) ^ 4)
        c2 = times(d2 ^ times(2, d1), inverse_of_6)
        c1 = d1 ^ c2
        assert [polynomial([c0, c1, c2], place) for place in range(1, 7)] == values


def inverse(value: int) -> int:
    """value^(2^128 - 2)."""
    result, power = 1, (1 << 128) - 2
    while power:
        if power & 1:
            result = times(result, value)
        value, power = times(value, value), power >> 1
    return result


@pytest.mark.parametrize(("threshold", "count"), [(3, 3), (3, 5), (4, 5)])
def test_any_threshold_of_shares_gives_the_secret_and_one_fewer_does_not(threshold: int, count: int) -> None:
    secret = stream("secret")(32)
    points = list(enumerate(primitives.split(secret, threshold, count, stream("random")), 1))
    assert all(primitives.value_at(0, chosen) == secret for chosen in combinations(points, threshold))
    assert all(primitives.value_at(0, chosen) != secret for chosen in combinations(points, threshold - 1))


@given(st.lists(st.floats(-(2.0**20), 2.0**20), min_size=1, max_size=50))
def test_numbers_survive_the_ring_to_half_a_step(values: list[float]) -> None:
    ring = to_ring(np.array(values))
    assert not isinstance(ring, Refused)
    assert np.abs(from_ring(ring) - values).max() <= 2.0 ** -(FRACTION_BITS + 1)


RECORDED = {
    "keys": "5c4ec5ce325201c0f1dfbc5340f3136a6619f58835d57c943489fa0d51ae8a6f",
    "shares": "68c94ee872a6eccf76780179996e39bf5f29cf887002166a2b7d6b1a86f4a62b",
    "masked": "31f8cdef75a2735f960619ccadeaa14d5f046616c2f3df9b5e8e223c4cdb3355",
    "agree": "75134a65e8a343bb01e26a5fa155da59d8224b84bee9f9fdf4e74cea384f7ac3",
    "unmask": "4e73a849e58ea1697e0b6704bcc1fcc539ada1fb1f72d55a717355fa4624fd79",
}
"""SHA-256 over what goes down and what comes up in each stage, by site. A change here is a new protocol."""


def test_a_whole_round_with_fixed_randomness_sends_the_recorded_bytes() -> None:
    members = sites(4)
    for i, member in enumerate(members.values()):
        member.weight, member.loss = i + 1.0, i / 4
        member.update = {name: np.full_like(array, (i + 1) / 8) for name, array in model().items()}
    hashes = {stage: hashlib.sha256() for stage in RECORDED}
    wire_ = Wire(members, lost={"site02": "masked"})

    def record(stage: str, site: str, data: bytes) -> bytes:
        hashes[stage].update(primitives.pack(site.encode(), data))
        return data

    wire_.down = wire_.up = record
    total = wire_.run(setup(members))
    same_as_plain(total, members)
    found = {stage: digest.hexdigest() for stage, digest in hashes.items()}
    assert found == RECORDED


def test_a_masked_vector_is_the_one_worked_out_by_hand() -> None:
    members = sites(3)
    seen: dict[str, bytes] = {}

    def record(stage: str, site: str, data: bytes) -> bytes:
        if stage == "masked":
            seen[site] = data
        return data

    wire_ = Wire(members, up=record)
    assert isinstance(wire_.run(setup(members)), Total)
    reply = wire.unpack(MaskedReply, seen["site01"], 1 << 16)
    secrets = {}
    for name in members:
        random = stream(f"0{name}")
        secrets[name] = {"mask": random(32), "channel": random(32), "seed": random(32)}
    labels = b"deepsentry/secagg/1"

    def key(secret: bytes, *info: bytes) -> bytes:
        return hkdf(secret, primitives.pack(labels, *info))

    def pair(other: str) -> np.ndarray:  # type: ignore[type-arg]
        public = primitives.public_key(secrets[other]["mask"])
        secret = primitives.exchange(secrets["site01"]["mask"], public) or b""
        both = (name.encode() for name in sorted(["site01", other]))
        return primitives.keystream(key(secret, b"pair", reply.context, *both), size)

    words = np.frombuffer(reply.words, "<u8")
    size = len(words)
    own = primitives.keystream(key(secrets["site01"]["seed"], b"own", reply.context, b"site01"), size)
    bare = words - own - pair("site00") + pair("site02")
    vector = bare.view(np.int64) / 2**24
    member = members["site01"]
    update = np.concatenate([member.update[name].ravel() for name in sorted(model())])
    np.testing.assert_allclose(vector[0], member.weight, atol=1e-6)
    np.testing.assert_allclose(vector[1 : 1 + len(METRICS)], member.weight * member.loss, atol=1e-6)
    np.testing.assert_allclose(vector[1 + len(METRICS) :], member.weight * update, rtol=1e-4, atol=1e-3)

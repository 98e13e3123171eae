"""The pinned keys: read strictly, compared by people."""

from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

from aggregator.secagg import create_signing_key, public_pem, read_roster, roster, signing_key
from aggregator.secagg.primitives import sign
from aggregator.secagg.roster import MAX_BYTES, MAX_SITES
from deepsentry import wire
from deepsentry.errors import DataError
from tests.unit.aggregator.secagg.federation import key_of


def pems(*names: str) -> dict[str, str]:
    return {name: public_pem(key_of(name)) for name in names}


def test_a_key_is_made_at_the_site_and_its_public_half_goes_on_the_roster(tmp_path: Path) -> None:
    private = signing_key(create_signing_key())
    path = tmp_path / "roster.json"
    path.write_bytes(wire.encode({"sites": {"here": public_pem(private), **pems("there")}}))
    pinned = read_roster(path)
    signature = sign(private, b"statement")
    assert pinned.signed("here", signature, b"statement")
    assert not pinned.signed("there", signature, b"statement")
    assert not pinned.signed("nowhere", signature, b"statement")


def test_the_fingerprint_is_of_names_and_keys_in_any_order() -> None:
    assert roster(pems("a", "b")).fingerprint() == roster(pems("b", "a")).fingerprint()
    swapped = {"a": pems("b")["b"], "b": pems("a")["a"]}
    assert roster(pems("a", "b")).fingerprint() != roster(swapped).fingerprint()
    assert roster(pems("a")).fingerprint() != roster(pems("a", "b")).fingerprint()


def form(key: object) -> str:
    kind = serialization.PublicFormat.SubjectPublicKeyInfo
    return key.public_bytes(serialization.Encoding.PEM, kind).decode()  # type: ignore[attr-defined, no-any-return]


@pytest.mark.parametrize(
    ("sites", "said"),
    [
        ({"a": "no key"}, "the key of a is not a public key in PEM"),
        ({"a": form(ec.generate_private_key(ec.SECP256R1()).public_key())}, "not one on the curve P-384"),
        ({"a": form(ed25519.Ed25519PrivateKey.generate().public_key())}, "not one on the curve P-384"),
        ({"a": create_signing_key().decode()}, "the key of a is not a public key in PEM"),
        ({"a": pems("x")["x"], "b": pems("x")["x"]}, "b and a have the same key"),
        ({"A B": pems("x")["x"]}, "matching regex"),
        ({"x\n": pems("x")["x"]}, "matching regex"),
        ({f"s{i}": "" for i in range(MAX_SITES + 1)}, "length"),
    ],
)
def test_a_roster_that_is_not_one_is_refused(tmp_path: Path, sites: dict[str, str], said: str) -> None:
    path = tmp_path / "roster.json"
    path.write_bytes(wire.encode({"sites": sites}))
    with pytest.raises(DataError, match=said):
        read_roster(path)


def test_a_roster_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="No such file"):
        read_roster(tmp_path / "roster.json")
    (tmp_path / "roster.json").write_bytes(b" " * (MAX_BYTES + 1))
    with pytest.raises(DataError, match="more than"):
        read_roster(tmp_path / "roster.json")


@pytest.mark.parametrize("pem", [b"", b"secret words", public_pem(key_of("a")).encode()])
def test_a_private_key_that_is_none_is_refused_and_not_quoted(pem: bytes) -> None:
    with pytest.raises(DataError) as caught:
        signing_key(pem)
    assert "secret words" not in str(caught.value)


def test_a_private_key_on_another_curve_is_refused() -> None:
    pem = ec.generate_private_key(ec.SECP256R1()).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    with pytest.raises(DataError, match="P-384"):
        signing_key(pem)

"""The aggregator's own certificate authority, its server certificate, and the keys by which a site is known."""

import ipaddress
import os
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from aggregator.durable import write
from deepsentry.errors import FederationError

CA_CERT: Final = "ca.crt"
CA_KEY: Final = "ca.key"
CERT: Final = "server.crt"
KEY: Final = "server.key"
_CA_DAYS: Final = 3650
_DAYS: Final = 365
_RENEW_DAYS: Final = 30
_SECRET: Final = 0o600


def ensure(folder: Path, names: Sequence[str]) -> None:
    """Make the authority once, and the server certificate where there is none for these names or it runs out soon."""
    if not (folder / CA_CERT).exists():
        key = ec.generate_private_key(ec.SECP384R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "DeepSentry federation")])
        certificate = (
            _begun(subject, subject, key.public_key(), _CA_DAYS)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_usage(signs=True), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .sign(key, hashes.SHA384())
        )
        write(folder / CA_KEY, _private(key), _SECRET)
        write(folder / CA_CERT, certificate.public_bytes(serialization.Encoding.PEM))
    if not _serves(folder / CERT, names):
        _issue(folder, names)


def _issue(folder: Path, names: Sequence[str]) -> None:
    authority = x509.load_pem_x509_certificate((folder / CA_CERT).read_bytes())
    signer = serialization.load_pem_private_key((folder / CA_KEY).read_bytes(), None)
    if not isinstance(signer, ec.EllipticCurvePrivateKey):
        message = f"{folder / CA_KEY} is not a key on an elliptic curve"
        raise FederationError(message)
    key = ec.generate_private_key(ec.SECP384R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0][:64])])
    certificate = (
        _begun(subject, authority.subject, key.public_key(), _DAYS)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectAlternativeName([_alternative(name) for name in names]), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False)
        .sign(signer, hashes.SHA384())
    )
    write(folder / KEY, _private(key), _SECRET)
    write(folder / CERT, certificate.public_bytes(serialization.Encoding.PEM))


def _serves(path: Path, names: Sequence[str]) -> bool:
    if not path.exists():
        return False
    certificate = x509.load_pem_x509_certificate(path.read_bytes())
    found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    held = {str(value) for kind in (x509.DNSName, x509.IPAddress) for value in found.get_values_for_type(kind)}
    lasts = certificate.not_valid_after_utc - datetime.now(UTC) > timedelta(days=_RENEW_DAYS)
    return held == set(names) and lasts


def new_node_key(path: Path) -> str:
    """Make the private key by which a site connects, for its owner alone; return the public one in OpenSSH's format."""
    key = ec.generate_private_key(ec.SECP384R1())
    data = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.OpenSSH, serialization.NoEncryption()
    )
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _SECRET)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
    public = key.public_key().public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH)
    return public.decode()


def public_key(text: str) -> ec.EllipticCurvePublicKey:
    """Return the public key in OpenSSH's format. Raises FederationError."""
    try:
        key = serialization.load_ssh_public_key(text.strip().encode())
    except (ValueError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, ec.EllipticCurvePublicKey):
        message = "the key of the site is not one on an elliptic curve, as `deepsentry site init` makes it"
        raise FederationError(message)
    return key


def _begun(subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, days: int) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=5))
        .not_valid_after(now + timedelta(days=days))
    )


def _usage(*, signs: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs,
        crl_sign=signs,
        encipher_only=False,
        decipher_only=False,
    )


def _alternative(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _private(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )

"""The second factor: codes by time (TOTP, RFC 6238), and recovery codes for who lost the device."""

import base64
import hashlib
import hmac
import io
import secrets
from datetime import datetime
from typing import Final, NamedTuple

import pyotp
import segno

ISSUER: Final = "DeepSentry"
STEP: Final = 30
"""Seconds."""
AROUND: Final = (0, -1, 1)
"""Steps by which the clock of a telephone may be off."""
RECOVERY_CODES: Final = 10
RECOVERY_BYTES: Final = 10
GROUP: Final = 4
SEAL_ABOUT: Final = "totp:"


class Setup(NamedTuple):
    """What a person needs to set up an authenticator."""

    secret: str
    uri: str
    svg: str


def setup(secret: str, account: str) -> Setup:
    """Return the secret as text, as link and as picture."""
    uri = pyotp.TOTP(secret, interval=STEP).provisioning_uri(name=account, issuer_name=ISSUER)
    picture = io.BytesIO()
    segno.make(uri, error="m").save(picture, kind="svg", scale=5, border=4, xmldecl=False, svgns=True)
    return Setup(secret, uri, picture.getvalue().decode())


def new_secret() -> str:
    """Return 160 random bits in base32."""
    return pyotp.random_base32()


def step_of(secret: str, code: str, now: datetime) -> int | None:
    """Return the time step for which `code` is right, None where it is wrong; all steps are compared."""
    totp = pyotp.TOTP(secret, interval=STEP)
    current = int(now.timestamp()) // STEP
    found = None
    for step in (current + around for around in AROUND):
        if hmac.compare_digest(totp.generate_otp(step).encode(), code.encode()):
            found = step
    return found


def recovery_codes() -> tuple[list[str], tuple[bytes, ...]]:
    """Return codes for a person to write down, and what is kept of them; each holds 80 random bits."""
    codes = [base64.b32encode(secrets.token_bytes(RECOVERY_BYTES)).decode().lower() for _ in range(RECOVERY_CODES)]
    shown = ["-".join(code[i : i + GROUP] for i in range(0, len(code), GROUP)) for code in codes]
    return shown, tuple(map(recovery_digest, codes))


def recovery_digest(code: str) -> bytes:
    """Return what is kept of a recovery code; how it was typed does not matter."""
    plain = "".join(each for each in code.lower() if each.isalnum())
    return hashlib.sha256(f"recovery:{plain}".encode()).digest()

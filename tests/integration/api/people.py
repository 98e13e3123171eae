"""What people do with a control plane, step by step, as a program would."""

from datetime import timedelta
from typing import Any

import httpx
import pyotp

from tests.integration.api.house import PASSWORD, House, Someone

STEP = timedelta(seconds=30)


async def invited(house: House, email: str = "bob@example.org", role: str = "viewer") -> Someone:
    """Let somebody in by invitation, and sign in."""
    admin = await house.person("admin")
    new = await house.client.post("/invitations", json={"email": email, "role": role}, headers=admin.headers)
    accepted = {"token": new.json()["token"], "name": "Bob", "password": PASSWORD}
    user = await house.client.post("/invitations/acceptance", json=accepted)
    assert user.status_code == 201, user.text
    signed = await sign_in(house, email)
    return Someone(signed["user"], bearer(signed["access_token"]))


async def sign_in(house: House, email: str = "bob@example.org", password: str = PASSWORD) -> dict[str, Any]:
    answer = await try_to_sign_in(house, email, password)
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def try_to_sign_in(house: House, email: str = "bob@example.org", password: str = PASSWORD) -> httpx.Response:
    return await house.client.post("/sessions", json={"email": email, "password": password})


async def with_codes(house: House, someone: Someone) -> tuple[pyotp.TOTP, list[str]]:
    """Set up a second factor; return the authenticator, and the recovery codes."""
    setup = await house.client.post("/me/totp", json={"password": PASSWORD}, headers=someone.headers)
    assert setup.status_code == 201, setup.text
    device = pyotp.TOTP(setup.json()["secret"])
    done = await house.client.post(
        "/me/totp/confirmation", json={"code": device.at(house.now())}, headers=someone.headers
    )
    assert done.status_code == 201, done.text
    house.ahead += STEP  # the code of this step is used up
    return device, done.json()["recovery_codes"]


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}

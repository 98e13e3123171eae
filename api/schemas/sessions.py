"""Signing in, and what people change of themselves."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field

from api.schemas.common import Given, Shown
from api.schemas.people import Code, Email, Password, PersonName, Token


class SignIn(Given):
    """The first step."""

    email: Email
    password: Password


class CodeGiven(Given):
    """The second step: a code of the authenticator, or a recovery code."""

    token: Token
    code: Code


class Refresh(Given):
    """A refresh token; it is good once."""

    refresh_token: Token


class Tokens(Shown):
    """A session's tokens: send the access token with each request, the refresh token for the next two."""

    status: Literal["signed_in"] = "signed_in"
    access_token: str
    refresh_token: str
    token_type: Literal["Bearer"] = "Bearer"  # noqa: S105 - the name of a scheme
    expires_in: int = Field(ge=1, description="Seconds that the access token lives.", examples=[600])
    user: str
    session: str


class CodeWantedShown(Shown):
    """The password was right; now a code is wanted. This token is no access token."""

    status: Literal["code_wanted"] = "code_wanted"
    code_token: str
    expires_in: int = Field(ge=1, examples=[300])


SignInAnswer = Annotated[Tokens | CodeWantedShown, Field(discriminator="status")]


class SessionShown(Shown):
    """A session of yours."""

    id: str
    created_at: datetime
    refreshed_at: datetime
    ends_at: datetime
    address: str
    agent: str
    current: bool


class Sessions(Shown):
    """Your sessions, the newest first."""

    items: list[SessionShown]


class NameChange(Given):
    """What changes."""

    name: PersonName


class PasswordChange(Given):
    """The password of now, and the new one."""

    password: Password
    new_password: Password


class Confirmed(Given):
    """Your password, because this matters."""

    password: Password


class Proven(Given):
    """Your password and a code, because this matters."""

    password: Password
    code: Code


class CodeOnly(Given):
    """A code of the authenticator."""

    code: Code


class TotpSetup(Shown):
    """What the authenticator needs: scan the picture, or type the secret. It counts once a code confirms it."""

    secret: str
    uri: str
    svg: str = Field(description="A QR code, as an SVG document.")


class RecoveryCodes(Shown):
    """Codes for the day on which the device is lost; each is good once, and they are shown this once."""

    recovery_codes: list[str]

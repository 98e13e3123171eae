"""Commands for people and what they did: users, audit."""

import asyncio
import getpass
import sys
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from deepsentry import settings, wire
from deepsentry.commands.output import Json, out, print_json
from deepsentry.errors import DataError

users = typer.Typer(no_args_is_help=True, help="People who may sign in to the control plane.")
audit = typer.Typer(no_args_is_help=True, help="What was changed in the control plane, and by whom.")
T = TypeVar("T")

if TYPE_CHECKING:
    from api.parts import Parts

Email = Annotated[str, typer.Option(help="The address to sign in with.")]
PasswordFile = Annotated[
    Path | None, typer.Option(help="File with the password; otherwise it is asked for, or read from a pipe.")
]


@users.command("create-admin")
def create_admin(
    email: Email,
    name: Annotated[str, typer.Option(help="The person's name.")],
    password_file: PasswordFile = None,
    *,
    as_json: Json = False,
) -> None:
    """Make an admin of the house, who then invites the others."""
    from api.auth.passwords import acceptable  # noqa: PLC0415 - the control plane is slow to import
    from api.house import people  # noqa: PLC0415

    password = _password(password_file)
    acceptable(password, email, name, where="password")

    async def make(parts: "Parts") -> str:
        user = await people.add(parts, email, name, "admin", await parts.passwords.hash(password))
        await parts.audit.note("house", "user.created", user.id, facts={"role": "admin"})
        return user.id

    made = _run(make)
    if as_json:
        print_json({"user": made})
    else:
        out.print(f"created {made}; sign in with POST /api/v1/sessions")


@users.command("reset")
def reset(email: Email) -> None:
    """Print a token by which a person chooses a new password; for the day on which no admin can sign in."""
    from api.house import people  # noqa: PLC0415 - as above

    async def offer(parts: "Parts") -> str:
        user = await parts.users.by_email(email)
        if user is None:
            message = "nobody has this address"
            raise DataError(message)
        _, token = await people.reset(parts, "house", user.id)
        return people.link(parts, token)

    out.print(_run(offer), soft_wrap=True)


@audit.command("export")
def export() -> None:
    """Print the whole audit log as JSON, one entry a line."""

    async def write(parts: "Parts") -> None:
        async for entry in parts.audit.entries():
            sys.stdout.buffer.write(wire.encode(entry) + b"\n")

    _run(write)
    sys.stdout.flush()


@audit.command("verify")
def verify(*, as_json: Json = False) -> None:
    """Compare every entry with its hash, and with the one before; exit status 1 where one is not as it was."""

    async def look(parts: "Parts") -> int | None:
        return await parts.audit.first_broken()

    broken = _run(look)
    if as_json:
        print_json({"whole": broken is None, "first_broken": broken})
    else:
        out.print("the log is whole" if broken is None else f"entry {broken} is not as it was written")
    if broken is not None:
        raise typer.Exit(1)


def _run(work: Callable[["Parts"], Awaitable[T]]) -> T:
    from api.auth import keys as key_files  # noqa: PLC0415 - as above
    from api.parts import compose  # noqa: PLC0415

    effective, _ = settings.load()
    key_files.ensure(effective.api.keys, datetime.now(UTC))

    async def working() -> T:
        parts = compose(effective)
        try:
            return await work(parts)
        finally:
            await parts.close()

    return asyncio.run(working())


def _password(file: Path | None) -> str:
    """Return the password from where it cannot be seen: never from an argument or the environment."""
    if file is not None:
        try:
            return file.read_text(encoding="utf-8").removesuffix("\n")
        except (OSError, UnicodeDecodeError) as error:
            message = f"--password-file: cannot read {file}: {error}"
            raise DataError(message) from None
    if not sys.stdin.isatty():
        return sys.stdin.readline().removesuffix("\n")
    first = getpass.getpass("Password: ")
    if getpass.getpass("Once more: ") != first:
        message = "the two are not the same"
        raise DataError(message)
    return first

"""How late a cached read is, beside a route that returns a constant: `python -m benchmarks.api [--rate N] [--json]`.

One process of `deepsentry api` on the embedded store and cache, `GET /projects/{id}` by a signed-in person: who asks,
what they may do and the project come from the cache, the rate limit is counted there. The client is open: a request
leaves when it is due, however many are under way, and its time counts from then. Both servers run at once and are
asked in turn, so that what else the machine does befalls both.
"""

import argparse
import asyncio
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import aiohttp
from fastapi import FastAPI
from pydantic import SecretStr

from api.auth import keys
from api.parts import compose, utc_now
from api.store import migrations
from api.store.projects import Project
from api.store.sessions import Session
from api.store.users import User
from benchmarks.shown import show
from deepsentry.control import Api, Mongo, Redis
from deepsentry.local import free_port, servers
from deepsentry.settings import Settings

PATIENCE = 60.0
WARM = 2.0


def constant() -> FastAPI:
    """Return an app with one route, which does nothing."""
    app = FastAPI()

    @app.get("/")
    async def answer() -> dict[str, str]:
        return {"id": "0" * 32, "name": "shop", "title": "Shop"}

    return app


async def somebody(settings: Settings) -> tuple[str, str]:
    """Make an admin and a project; return the path of the project and a token."""
    parts = compose(settings)
    await migrations.migrate(parts.store, parts.now)  # type: ignore[arg-type] # the driver prepares, too
    user, session, project, now = parts.new_id(), parts.new_id(), parts.new_id(), parts.now()
    email, ends = "ann@example.org", now + timedelta(days=1)
    await parts.users.all.insert(
        User(id=user, email=email, email_key=email, name="Ann", role="admin", state="active", created_at=now)
    )
    await parts.sessions.all.insert(
        Session(id=session, user=user, number=1, created_at=now, refreshed_at=now, expires_at=ends, ends_at=ends)
    )
    await parts.projects.all.insert(Project(id=project, name="shop", title="Shop", created_at=now, created_by=user))
    token = parts.tokens.issue("access", user, session, timedelta(hours=1))
    await parts.close()
    return f"/api/v1/projects/{project}", token


async def asked(url: str, headers: dict[str, str], rate: float, seconds: float) -> tuple[list[float], float]:
    """Ask at a rate; return the milliseconds of each answer from when it was due, and the answers a second."""
    late: list[float] = []
    async with aiohttp.ClientSession(headers=headers, connector=aiohttp.TCPConnector(limit=0)) as client:

        async def ask(due: float) -> None:
            async with client.get(url) as found:
                await found.read()
                if found.status != 200:
                    message = f"{url} answered {found.status}"
                    raise RuntimeError(message)
            late.append(1000 * (time.perf_counter() - due))

        began = time.perf_counter()
        async with asyncio.TaskGroup() as group:
            for number in range(int(rate * seconds)):
                due = began + number / rate
                await asyncio.sleep(max(0.0, due - time.perf_counter()))
                group.create_task(ask(due))
        return late, len(late) / (time.perf_counter() - began)


async def compared(targets: dict[str, tuple[str, dict[str, str]]], rate: float, seconds: float, rounds: int) -> Any:
    """Ask each target in turn, `rounds` times."""
    times: dict[str, list[float]] = {name: [] for name in targets}
    rates: dict[str, list[float]] = {name: [] for name in targets}
    for url, headers in targets.values():
        await _up(url, headers)
        await asked(url, headers, rate, WARM)
    for _ in range(rounds):
        for name, (url, headers) in targets.items():
            late, answered = await asked(url, headers, rate, seconds / rounds)
            times[name] += late
            rates[name].append(answered)
    return {
        name: {
            "requests": len(late),
            "answers a second": round(sum(rates[name]) / rounds, 1),
            "p50 ms": round(_quantile(late, 0.5), 2),
            "p99 ms": round(_quantile(late, 0.99), 2),
        }
        for name, late in times.items()
    }


async def _up(url: str, headers: dict[str, str]) -> None:
    until = time.monotonic() + PATIENCE
    async with aiohttp.ClientSession(headers=headers) as client:
        while True:
            try:
                async with client.get(url) as found:
                    await found.read()
            except aiohttp.ClientConnectionError:
                if time.monotonic() > until:
                    raise
                await asyncio.sleep(0.2)
            else:
                return


def _quantile(values: list[float], share: float) -> float:
    return sorted(values)[min(len(values) - 1, int(share * len(values)))]


@contextmanager
def _process(*arguments: str, **environment: str) -> Iterator[None]:
    process = subprocess.Popen(  # noqa: S603 - our own programs
        [sys.executable, "-m", *arguments], env=os.environ | environment, stderr=subprocess.DEVNULL
    )
    try:
        yield
    finally:
        process.terminate()
        process.wait()


def measured(home: Path, rate: float, seconds: float, rounds: int) -> dict[str, Any]:
    """Start what is asked, and ask it."""
    keys.ensure(home / "keys", utc_now())
    with servers(wanted=("store", "cache")) as local:
        settings = Settings(
            api=Api(keys=home / "keys"),
            mongo=Mongo(url=SecretStr(local.store.url)),
            redis=Redis(url=SecretStr(local.cache.url)),
        )
        path, token = asyncio.run(somebody(settings))
        port, plain = free_port(), free_port()
        own = {
            "DEEPSENTRY_MONGO__URL": local.store.url,
            "DEEPSENTRY_REDIS__URL": local.cache.url,
            "DEEPSENTRY_API__KEYS": str(home / "keys"),
            "DEEPSENTRY_API__PORT": str(port),
            "DEEPSENTRY_API__REQUESTS_PER_MINUTE": str(int(120 * rate)),
        }
        started = ("--factory", "benchmarks.api:constant", "--port", str(plain), "--no-access-log", "--loop", "uvloop")
        with _process("deepsentry", "api", **own), _process("uvicorn", *started, "--http", "httptools"):
            targets = {
                "a cached read": (f"http://127.0.0.1:{port}{path}", {"Authorization": f"Bearer {token}"}),
                "a constant": (f"http://127.0.0.1:{plain}/", {}),
            }
            found: dict[str, Any] = asyncio.run(compared(targets, rate, seconds, rounds))
    read, beside = found.values()
    found["ratio"] = {each: round(read[each] / beside[each], 2) for each in ("p50 ms", "p99 ms")}
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rate", type=float, default=200.0, help="requests a second")
    parser.add_argument("--seconds", type=float, default=30.0, help="of each server")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="deepsentry-") as home:
        result = measured(Path(home), arguments.rate, arguments.seconds, arguments.rounds)
    show(result, as_json=arguments.json)


if __name__ == "__main__":
    main()

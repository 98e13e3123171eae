"""What benchmarks of the control plane share: processes, somebody who asks, and waiting for an answer."""

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta

import aiohttp
import psutil

from api.auth import keys
from api.parts import compose, utc_now
from api.store import migrations
from api.store.projects import Project
from api.store.sessions import Session
from api.store.users import User
from deepsentry.settings import Settings

PATIENCE = 60.0


async def somebody(settings: Settings) -> tuple[str, str]:
    """Make an admin and a project; return the path of the project and a token."""
    keys.ensure(settings.api.keys, utc_now())
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


async def answering(url: str, headers: dict[str, str]) -> None:
    """Return when somebody answers there."""
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


def quantile(values: Sequence[float], share: float) -> float:
    """Return the value below which that share of them lies."""
    return sorted(values)[min(len(values) - 1, int(share * len(values)))]


@contextmanager
def process(*arguments: str, **environment: str) -> Iterator[psutil.Process]:
    """Run a module of ours for as long as the block lasts."""
    process = subprocess.Popen(  # noqa: S603 - our own programs
        [sys.executable, "-m", *arguments], env=os.environ | environment, stderr=subprocess.DEVNULL
    )
    try:
        yield psutil.Process(process.pid)
    finally:
        process.terminate()
        process.wait()


def spent(process: psutil.Process) -> float:
    """Return the seconds of a processor, user and system, that a process has had."""
    times = process.cpu_times()
    return float(times.user + times.system)

"""How soon every worker judges with a version that was promoted over HTTP; part of `python -m benchmarks.api`.

The broker, the store, the cache, one worker that sanitizes, two that score and `deepsentry api`, each a process of its
own, without lines to work on. Two versions of one training are promoted in turn; the first promotion finds no champion,
and every connection that it needs is still to be made. Time counts from before the request; a worker follows when it
says so (`version_adopted` in its log), by the same clock.
"""

import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from typing import Any

import aiohttp
from pydantic import SecretStr

from benchmarks.serving import answering, process, quantile, somebody
from deepsentry.control import Api, Mongo, Redis
from deepsentry.demo.envelopes import as_record
from deepsentry.demo.processes import Worker
from deepsentry.demo.shop import Shop
from deepsentry.kafka import create_topics
from deepsentry.local import ALL, free_port, servers
from deepsentry.sections import Kafka, Models
from deepsentry.settings import Settings
from models.registry import Registry

MODEL = "detector"
STAGES = ("sanitize", "score", "score")
REQUESTS = 1500
"""Of the shop, from whose lines the version is learned."""
PATIENCE = 120.0
SITE_KEY = "a key of a benchmark and of nothing else"


def measured(home: Path, promotions: int) -> dict[str, dict[str, Any]]:
    """Start everything, promote so many times, and return the figures."""
    home.mkdir(parents=True)
    with ExitStack() as stack:
        local = stack.enter_context(servers(home / "servers", wanted=ALL))
        settings = Settings(
            kafka=Kafka(bootstrap=local.kafka.bootstrap, partitions=2),
            api=Api(keys=home / "keys"),
            mongo=Mongo(url=SecretStr(local.store.url)),
            redis=Redis(url=SecretStr(local.cache.url)),
            models=Models(registry=home / "registry", name=MODEL),
        )
        create_topics(settings.kafka)
        port = free_port()
        own = local.exports() | {
            "DEEPSENTRY_API__KEYS": str(home / "keys"),
            "DEEPSENTRY_API__PORT": str(port),
            "DEEPSENTRY_LOG__FORMAT": "json",
            "DEEPSENTRY_MODELS__NAME": MODEL,
            "DEEPSENTRY_MODELS__REGISTRY": str(home / "registry"),
            "DEEPSENTRY_REDACTION__SITE_KEY": SITE_KEY,
        }
        _learn(home, os.environ | own)
        path, token = asyncio.run(somebody(settings))
        workers = []
        for number, stage in enumerate(STAGES):
            folder = home / f"{stage}-{number}"
            folder.mkdir()
            workers.append(Worker(stage, os.environ | own, folder))
            stack.callback(workers[-1].wait)
            stack.callback(workers[-1].stop)
        stack.enter_context(process("deepsentry", "api", **own))
        headers = {"Authorization": f"Bearer {token}"}
        return asyncio.run(_promoted(f"http://127.0.0.1:{port}{path}", headers, workers, promotions))


def _learn(home: Path, environment: dict[str, str]) -> None:
    """Add one training as two versions, of which none is champion."""
    log = home / "shop.log"
    log.write_bytes(b"".join(as_record(line) + b"\n" for line in Shop(1).normal(1_790_000_000.0, REQUESTS)))
    subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-m", "deepsentry", "train", "--log", str(log)],
        env=environment | {"DEEPSENTRY_MODELS__REGISTRY": str(home / "trained")},
        check=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    trained, _ = Registry(home / "trained").read(MODEL, 1)
    for _ in range(2):
        Registry(home / "registry").add(MODEL, trained)


async def _promoted(
    url: str, headers: dict[str, str], workers: Sequence[Worker], promotions: int
) -> dict[str, dict[str, Any]]:
    await answering(url.partition("/api/")[0] + "/health/ready", {})
    await _until(lambda: asyncio.to_thread(lambda: all(worker.ready() for worker in workers)))
    answered, followed = [], []
    async with aiohttp.ClientSession(headers=headers, raise_for_status=True) as client:
        await client.post(f"{url}/grants", json={"kind": "model", "name": MODEL})
        for number in range(promotions):
            version, began = 1 + number % 2, time.time()
            async with client.post(f"{url}/models/{MODEL}/promote", json={"version": version}) as answer:
                await answer.read()
            answered.append(time.time() - began)

            async def followers(version: int = version, began: float = began) -> list[float]:
                times = [_adopted(worker, version, began) for worker in workers]
                return [at for at in times if at is not None] if None not in times else []

            followed.append(max(await _until(followers)) - began)
    return {
        "a promotion": {
            "promotions": promotions,
            "workers that follow": len(workers),
            "the first: answered s": round(answered[0], 2),
            "the first: until all follow s": round(followed[0], 2),
            "the others: answered p50 s": round(quantile(answered[1:], 0.5), 2),
            "the others: until all follow p50 s": round(quantile(followed[1:], 0.5), 2),
            "the others: until all follow max s": round(max(followed[1:]), 2),
        }
    }


def _adopted(worker: Worker, version: int, since: float) -> float | None:
    """Return when a worker adopted the champion `version`, None where it has not since then."""
    for line in reversed(worker.log.read_text(encoding="utf-8").splitlines()):
        if '"version_adopted"' in line:
            said = json.loads(line)
            at = datetime.fromisoformat(said["timestamp"]).timestamp()
            if said["alias"] == "champion" and said["version"] == version and at >= since:
                return at
    return None


async def _until(look: Callable[[], Awaitable[Any]]) -> Any:
    """Return the first answer that is one."""
    deadline = time.monotonic() + PATIENCE
    while not (found := await look()):
        if time.monotonic() > deadline:
            message = f"it took longer than {PATIENCE:g} seconds"
            raise TimeoutError(message)
        await asyncio.sleep(0.05)
    return found

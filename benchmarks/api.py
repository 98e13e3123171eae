"""How late a cached read is, beside a route that returns a constant: `python -m benchmarks.api [--rate N] [--json]`.

One process of `deepsentry api` on the embedded store and cache, `GET /projects/{id}` by a signed-in person: who asks,
what they may do and the project come from the cache, the rate limit is counted there. The client is open: a request
leaves when it is due, however many are under way, and its time counts from then. Both servers run at once and are
asked in turn, so that what else the machine does befalls both.
"""

import argparse
import asyncio
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import psutil
from fastapi import FastAPI
from pydantic import SecretStr

from benchmarks import promotion
from benchmarks.serving import answering, process, quantile, somebody, spent
from benchmarks.shown import show
from deepsentry.control import Api, Mongo, Redis
from deepsentry.local import free_port, servers
from deepsentry.settings import Settings

WARM = 2.0


def constant() -> FastAPI:
    """Return an app with one route, which does nothing."""
    app = FastAPI()

    @app.get("/")
    async def answer() -> dict[str, str]:
        return {"id": "0" * 32, "name": "shop", "title": "Shop"}

    return app


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


@dataclass(frozen=True, slots=True)
class Target:
    """What is asked, and the process that answers."""

    url: str
    headers: dict[str, str]
    process: psutil.Process


async def compared(targets: dict[str, Target], rate: float, seconds: float, rounds: int) -> Any:
    """Ask each target in turn, `rounds` times."""
    times: dict[str, list[float]] = {name: [] for name in targets}
    rates: dict[str, list[float]] = {name: [] for name in targets}
    cpu = dict.fromkeys(targets, 0.0)
    for target in targets.values():
        await answering(target.url, target.headers)
        await asked(target.url, target.headers, rate, WARM)
    for _ in range(rounds):
        for name, target in targets.items():
            before = spent(target.process)
            late, answered = await asked(target.url, target.headers, rate, seconds / rounds)
            cpu[name] += spent(target.process) - before
            times[name] += late
            rates[name].append(answered)
    return {
        name: {
            "requests": len(late),
            "answers a second": round(sum(rates[name]) / rounds, 1),
            "p50 ms": round(quantile(late, 0.5), 2),
            "p99 ms": round(quantile(late, 0.99), 2),
            "CPU ms a request": round(1000 * cpu[name] / len(late), 3),
        }
        for name, late in times.items()
    }


def measured(home: Path, rate: float, seconds: float, rounds: int) -> dict[str, Any]:
    """Start what is asked, and ask it."""
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
        with (
            process("deepsentry", "api", **own) as ours,
            process("uvicorn", *started, "--http", "httptools") as bare,
        ):
            targets = {
                "a cached read": Target(f"http://127.0.0.1:{port}{path}", {"Authorization": f"Bearer {token}"}, ours),
                "a constant": Target(f"http://127.0.0.1:{plain}/", {}, bare),
            }
            found: dict[str, Any] = asyncio.run(compared(targets, rate, seconds, rounds))
    read, beside = found.values()
    found["ratio"] = {each: round(read[each] / beside[each], 2) for each in ("p50 ms", "p99 ms", "CPU ms a request")}
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rate", type=float, default=200.0, help="requests a second")
    parser.add_argument("--seconds", type=float, default=30.0, help="of each server")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--promotions", type=int, default=10)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="deepsentry-") as home:
        result = measured(Path(home) / "read", arguments.rate, arguments.seconds, arguments.rounds)
        result |= promotion.measured(Path(home) / "promotion", arguments.promotions)
    show(result, as_json=arguments.json)


if __name__ == "__main__":
    main()

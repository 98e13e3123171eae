"""Stock Faust: a plain agent that takes one message at a time and sends the same bytes on.

Runs as a process of its own: `python -m deepsentry.bench.stock BROKER FROM TO LINES` prints its Cost.
"""

import asyncio
import sys
from collections.abc import Callable
from typing import Any

import faust

from deepsentry import wire
from deepsentry.bench.cost import Cost, of_this_process
from deepsentry.sections import Kafka


async def copy(kafka: Kafka, source: str, target: str, lines: int) -> Cost:
    """Copy at least `lines` records; start-up and the first record do not count."""
    app = faust.App(
        "deepsentry-bench-stock",
        broker=f"kafka://{kafka.bootstrap}",
        value_serializer="raw",
        key_serializer="raw",
        store="memory://",
        consumer_auto_offset_reset="earliest",
        topic_disable_leader=True,
        topic_allow_declare=False,
        web_enabled=False,
    )
    sink = app.topic(target)
    found: asyncio.Future[Cost] = asyncio.get_running_loop().create_future()

    async def one_by_one(stream: Any) -> None:
        measured: Callable[[int], Cost] | None = None
        done = 0
        async for value in stream:
            await sink.send(value=value)
            if measured is None:
                measured = of_this_process()
                continue
            done += 1
            if done == lines and not found.done():
                found.set_result(measured(done))

    app.agent(app.topic(source), name="copy")(one_by_one)
    await app.start()
    try:
        return await found
    finally:
        await app.stop()


def main() -> None:
    """Read the arguments, copy, print the Cost."""
    address, source, target, lines = sys.argv[1:]
    cost = asyncio.run(copy(Kafka(bootstrap=address), source, target, int(lines)))
    sys.stdout.write(wire.encode(cost).decode() + "\n")


if __name__ == "__main__":
    main()

"""A network between workers and a broker that can be slow, stall, or break: TCP through a thread of its own."""

import asyncio
import contextlib
import threading
from types import TracebackType
from typing import Self

from deepsentry.local import free_port

PIECE = 65_536


class Proxy:
    """Forwards a loopback port to the broker's; what it is told holds for all connections at once."""

    def __init__(self) -> None:
        self.port = free_port()
        self.target = free_port()
        self.latency = 0.0
        """Seconds that each piece of up to PIECE bytes is late."""
        self.rate = float("inf")
        """Bytes a second of each connection and direction."""
        self._loop = asyncio.new_event_loop()
        self._whole = asyncio.Event()
        self._whole.set()
        self._writers: set[asyncio.StreamWriter] = set()
        self._thread = threading.Thread(target=self._loop.run_until_complete, args=(self._serve(),), name="proxy")
        self._listens = threading.Event()
        self._ended = asyncio.Event()

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._listens.wait(10)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._loop.call_soon_threadsafe(self._ended.set)
        self._thread.join()
        self._loop.close()

    def cut(self) -> None:
        """Let nothing through, and tell nobody: connections stand, as where a cable was drawn."""
        self._loop.call_soon_threadsafe(self._whole.clear)

    def mend(self) -> None:
        """Let everything through again, also what waits."""
        self._loop.call_soon_threadsafe(self._whole.set)

    def reset(self) -> None:
        """Close every connection; new ones are taken."""
        self._loop.call_soon_threadsafe(self._close)

    async def _serve(self) -> None:
        server = await asyncio.start_server(self._accept, "127.0.0.1", self.port)
        self._listens.set()
        await self._ended.wait()
        server.close()
        self._whole.set()
        self._close()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    def _close(self) -> None:
        for writer in list(self._writers):
            writer.transport.abort()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        try:
            await self._whole.wait()
            answers, upstream = await asyncio.open_connection("127.0.0.1", self.target)
            self._writers.add(upstream)
            try:
                await asyncio.gather(self._pump(reader, upstream), self._pump(answers, writer))
            finally:
                self._writers.discard(upstream)
                upstream.transport.abort()
        except OSError:
            pass  # either side went away, and the other is told by the end of its connection
        finally:
            self._writers.discard(writer)
            writer.transport.abort()

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError):
            while piece := await reader.read(PIECE):
                await asyncio.sleep(self.latency + len(piece) / self.rate)
                await self._whole.wait()
                writer.write(piece)
                await writer.drain()
        writer.transport.abort()

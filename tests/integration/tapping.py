"""A proxy that ends TLS on both sides: it keeps every byte that sites send, can cut the line and hold requests back."""

import asyncio
import re
import ssl
import threading
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from aggregator import authority
from deepsentry.local import free_port


class Tap:
    """Stands before the SuperLink; its certificate is of the same authority, so that sites trust it."""

    def __init__(self, keys: Path, port: int) -> None:
        self.port = free_port()
        self._target = port
        self._server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._server.load_cert_chain(keys / authority.CERT, keys / authority.KEY)
        self._client = ssl.create_default_context(cafile=str(keys / authority.CA_CERT))
        self._loop = asyncio.new_event_loop()
        self._open: set[asyncio.StreamWriter] = set()
        self._cut = False
        self._held = b""
        self._free = asyncio.Event()
        self.sent = bytearray()
        """All that sites sent, in the clear: requests with their heads."""
        self.received = 0
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._listen(), self._loop).result(10)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    def cut(self) -> None:
        """Break all connections, and let none through until `mend`."""
        self._cut = True
        self._loop.call_soon_threadsafe(self._break)

    def mend(self) -> None:
        """Let connections through again."""
        self._cut = False

    def hold(self, path: bytes) -> None:
        """Let no request with this in it through until `release`; once."""
        self._held = path

    def release(self) -> None:
        """Let through what was held back."""
        self._loop.call_soon_threadsafe(self._free.set)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_forever()

    def _break(self) -> None:
        for writer in list(self._open):
            writer.transport.abort()

    async def _listen(self) -> None:
        self._listening = await asyncio.start_server(self._serve, "127.0.0.1", self.port, ssl=self._server)

    async def _close(self) -> None:
        self._listening.close()
        self._break()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        await asyncio.sleep(0.1)  # until aborted transports have let go of their sockets

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._cut:
            writer.transport.abort()
            return
        try:
            there, here = await asyncio.open_connection("127.0.0.1", self._target, ssl=self._client)
        except OSError:
            writer.transport.abort()
            return
        self._open |= {writer, here}
        try:
            await asyncio.gather(self._pump(reader, here, up=True), self._pump(there, writer, up=False))
        finally:
            self._open -= {writer, here}
            for each in (writer, here):
                each.transport.abort()

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, up: bool) -> None:
        with suppress(OSError, asyncio.IncompleteReadError):
            while data := await reader.read(1 << 16):
                if up:
                    self.sent += data
                    if self._held and self._held in data:
                        await self._free.wait()
                else:
                    self.received += len(data)
                writer.write(data)
                await writer.drain()
        with suppress(OSError, RuntimeError):
            writer.close()


def words(lines: Iterable[bytes]) -> set[bytes]:
    """Return every word of six letters and more in lines, in small letters.

    Shorter ones stand among megabytes of weights by chance: one of four letters once in 20 runs, of six in 400,000.
    """
    return {word for line in lines for word in re.findall(rb"[a-z]{6,}", line.lower())}

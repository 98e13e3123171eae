"""A control plane that is asked over HTTP, by uvicorn in a thread: the app of a `House`."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn

from tests.integration.api.house import House


@contextmanager
def served(house: House) -> Iterator[str]:
    """Serve; give the address. The house's parts live in the server's thread alone, and end with it."""
    listening = socket.create_server(("127.0.0.1", 0), backlog=256)
    config = uvicorn.Config(
        house.app,
        loop="uvloop",
        http="httptools",
        log_config=None,
        access_log=False,
        proxy_headers=True,  # each case comes from an address of its own
        forwarded_allow_ips="127.0.0.1",
        timeout_graceful_shutdown=1,
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, args=([listening],), name="control plane")
    thread.start()
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()
        listening.close()

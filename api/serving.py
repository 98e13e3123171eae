"""The control plane's process: uvicorn on uvloop."""

import gc

import uvicorn

from api.app import create_app
from deepsentry import logs
from deepsentry.settings import Settings

log = logs.get("api")
BACKLOG = 2048


def serve(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT; then requests that are being answered are finished."""
    api = settings.api
    app = create_app(settings)
    config = uvicorn.Config(
        app,
        host=api.host,
        port=api.port,
        loop="uvloop",
        http="httptools",
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=True,
        proxy_headers=bool(api.trusted_proxies),
        forwarded_allow_ips=[str(network) for network in api.trusted_proxies],
        timeout_graceful_shutdown=int(api.shutdown_seconds),
        h11_max_incomplete_event_size=65_536,
        backlog=BACKLOG,
    )
    listening = config.bind_socket()
    listening.listen(BACKLOG)  # who reads the line below can connect at once
    # what stands now stands for ever: looking through it for garbage again and again would hold up requests
    gc.collect()
    gc.freeze()
    log.info("api_listens", host=api.host, port=listening.getsockname()[1], url=api.public_url)
    try:
        uvicorn.Server(config).run([listening])
    finally:
        listening.close()

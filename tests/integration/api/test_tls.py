"""Store and cache behind TLS: who shows the right certificate is used, and of any other it is said why not."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from api.cache import connect
from deepsentry.control import Mongo, Redis
from deepsentry.errors import SettingsError
from deepsentry.local import LocalCache, LocalStore
from tests.certificates import Certificates, certificates
from tests.integration.api.house import House

SECRET = "a-password-in-a-url"


@pytest.fixture
def pem(tmp_path: Path) -> Certificates:
    return made(tmp_path, "right")


def made(home: Path, name: str, host: str = "localhost") -> Certificates:
    folder = home / name
    folder.mkdir()
    return certificates(folder, host)


def shown(pem: Certificates) -> Path:
    """Return certificate and key in one file, as a client shows them."""
    both = pem.certificate.with_name("client.pem")
    both.write_bytes(pem.certificate.read_bytes() + pem.key.read_bytes())
    return both


@asynccontextmanager
async def terminated(port: int, context: ssl.SSLContext) -> AsyncIterator[int]:
    """Take TLS, and pass on what is in it to a server on this machine; give the port."""

    async def passed(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()
        except OSError:
            pass
        finally:
            writer.close()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        back, on = await asyncio.open_connection("127.0.0.1", port)
        await asyncio.gather(passed(reader, on), passed(back, writer))

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    async with server:
        yield server.sockets[0].getsockname()[1]


@asynccontextmanager
async def behind(
    context: ssl.SSLContext,
    mongo: Mongo,
    redis: Redis,
    store: LocalStore,
    cache: LocalCache,
    user: str = "",
    **tls: Path,
) -> AsyncIterator[tuple[Mongo, Redis]]:
    """Give settings of the same store and cache, through TLS."""
    async with terminated(store.port, context) as first, terminated(cache.port, context) as second:
        yield (
            mongo.model_copy(
                update={
                    "url": SecretStr(f"mongodb://{user}localhost:{first}/?directConnection=true"),
                    "select_timeout": 1.0,
                    **tls,
                }
            ),
            redis.model_copy(update={"url": SecretStr(f"rediss://{user}localhost:{second}/0"), **tls}),
        )


async def looked(house: House) -> tuple[int, dict[str, Any], str]:
    answer = await house.client.get("http://testserver/health/ready")
    return answer.status_code, answer.json()["dependencies"], answer.text


async def test_both_are_reached_through_tls_and_are_shown_who_asks(
    tmp_path: Path, pem: Certificates, mongo: Mongo, redis: Redis, store: LocalStore, cache: LocalCache
) -> None:
    context = pem.server()
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(pem.authority)
    files = {"tls_ca_file": pem.authority, "tls_client_file": shown(pem)}
    async with (
        behind(context, mongo, redis, store, cache, **files) as (kept, cached),
        House(tmp_path, kept, cached) as house,
    ):
        status, each, _ = await looked(house)
        assert (status, each["store"]["ok"], each["cache"]["ok"]) == (200, True, True)
        ann = await house.person("operator")
        assert (await house.client.get("/me", headers=ann.headers)).status_code == 200


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ("authority", "shows a certificate of an authority that is not trusted here"),
        ("host", "shows a certificate of another host name"),
        ("client", ""),  # the alert that says so may be lost with the connection
    ],
)
async def test_who_shows_another_certificate_is_not_spoken_to_and_readiness_says_why(
    wrong: str,
    why: str,
    tmp_path: Path,
    pem: Certificates,
    mongo: Mongo,
    redis: Redis,
    store: LocalStore,
    cache: LocalCache,
) -> None:
    server = made(tmp_path, "other", "elsewhere.example") if wrong == "host" else pem
    trusted = made(tmp_path, "stranger") if wrong == "authority" else server
    context = server.server()
    if wrong == "client":
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(server.authority)
    own = behind(context, mongo, redis, store, cache, f"ann:{SECRET}@", tls_ca_file=trusted.authority)
    async with own as (kept, cached):
        house = House(tmp_path, kept, cached)
        try:
            status, each, text = await looked(house)
        finally:
            await house.client.aclose()
            await house.parts.close()
    assert (status, each["store"]["ok"], each["cache"]["ok"]) == (503, False, False)
    assert each["store"]["reason"].startswith(f"the store {why}")
    assert each["cache"]["reason"].startswith(f"the cache {why}")
    assert not {word for word in (SECRET, "ann", "localhost", "elsewhere", str(tmp_path)) if word in text}


@pytest.mark.parametrize(
    ("url", "setting", "remedy"),
    [
        ("redis://127.0.0.1/0", "tls_ca_file", "rediss://"),
        ("rediss://127.0.0.1/0", "tls_ca_file", "PEM"),
        ("rediss://127.0.0.1/0", "tls_client_file", "PEM"),
    ],
)
def test_files_that_cannot_be_used_are_refused_at_the_start(url: str, setting: str, remedy: str) -> None:
    redis = Redis(url=SecretStr(url)).model_copy(update={setting: Path("/nowhere.pem")})
    with pytest.raises(SettingsError, match=f"redis.{setting}: .*{remedy}"):
        connect(redis)

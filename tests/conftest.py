"""One Hypothesis profile, without a deadline: machines are shared. `make fuzz` repeats properties."""

import os
import signal
import time
import uuid
from collections.abc import Iterator

import pytest
from hypothesis import is_hypothesis_test, settings
from pydantic import SecretStr

from deepsentry.control import Mongo, Redis
from deepsentry.local import LocalCache, LocalStore, servers

# a shell's background job ignores the interrupt, and so would every process that a test starts and interrupts
signal.signal(signal.SIGINT, signal.default_int_handler)

settings.register_profile("deepsentry", deadline=None)
settings.load_profile("deepsentry")


def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Where FUZZ_SECONDS is set, try a property with new examples for so long."""
    seconds = float(os.environ.get("FUZZ_SECONDS", "0"))
    if not seconds or not is_hypothesis_test(pyfuncitem.obj):
        return None
    until = time.monotonic() + seconds
    parameters = {name: pyfuncitem.funcargs[name] for name in pyfuncitem._fixtureinfo.argnames}
    while time.monotonic() < until:
        pyfuncitem.obj(**parameters)
    return True


@pytest.fixture(scope="session")
def store() -> Iterator[LocalStore]:
    """A store for all tests that leave it alone; each takes a database of its own."""
    with servers(wanted=("store",)) as running:
        yield running.store


@pytest.fixture(scope="session")
def cache() -> Iterator[LocalCache]:
    """A cache for all tests that leave it alone; each takes a prefix of its own."""
    with servers(wanted=("cache",)) as running:
        yield running.cache


@pytest.fixture
def mongo(store: LocalStore) -> Mongo:
    """A database of this test's own: on the operator's MongoDB where DEEPSENTRY_MONGO__URL names one."""
    url = os.environ.get("DEEPSENTRY_MONGO__URL") or store.url
    return Mongo(url=SecretStr(url), database=f"test-{uuid.uuid4().hex}")


@pytest.fixture
def redis(cache: LocalCache) -> Redis:
    """A prefix of this test's own."""
    return Redis(url=SecretStr(cache.url), prefix=f"{uuid.uuid4().hex}:")

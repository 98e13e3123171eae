"""One broker, one version and one undisturbed run for all faults; and a table of what they did."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from deepsentry.local import LocalKafka, free_port
from tests.faults.outcome import Outcome
from tests.faults.proxy import Proxy
from tests.faults.run import IDLE, Difference, Run, Site, shop_lines
from tests.integration.stream import Stream, train_on_the_shop

Finish = Callable[[Run], Difference]
FOUND = pytest.StashKey[list[str]]()


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    home = tmp_path_factory.mktemp("site")
    with Proxy() as proxy:
        kafka = behind(proxy, home / "kafka")
        try:
            kafka.start()
            yield Site(kafka, proxy, train_on_the_shop(home / "registry"))
        finally:
            kafka.stop()


def behind(proxy: Proxy, home: Path) -> LocalKafka:
    """Return a broker that tells clients of its second listener to come through the proxy, and other ones not to."""
    direct, controller = free_port(), f"127.0.0.1:{free_port()}"
    return LocalKafka(
        home,
        direct,
        {
            "controller.quorum.voters": f"1@{controller}",
            "listeners": f"PLAINTEXT://127.0.0.1:{direct},BEHIND://127.0.0.1:{proxy.target},CONTROLLER://{controller}",
            "advertised.listeners": f"PLAINTEXT://127.0.0.1:{direct},BEHIND://127.0.0.1:{proxy.port}",
            "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,BEHIND:PLAINTEXT",
        },
    )


@pytest.fixture
def run(tmp_path: Path, site: Site) -> Iterator[Run]:
    """Fresh topics and a registry of its own; nothing is published yet."""
    shutil.copytree(site.registry, tmp_path / "registry")
    with Stream(tmp_path, site.kafka, IDLE) as stream:
        yield Run(stream, shop_lines())


@pytest.fixture(scope="session")
def undisturbed(tmp_path_factory: pytest.TempPathFactory, site: Site) -> Outcome:
    """What the lines lead to where nothing happens."""
    home = tmp_path_factory.mktemp("undisturbed")
    shutil.copytree(site.registry, home / "registry")
    with Stream(home, site.kafka, IDLE) as stream:
        run = Run(stream, shop_lines())
        run.work("sanitize", "score")
        run.publish()
        found = run.outcome()
    assert run.places() <= found.handled
    assert len(found.anomalies) >= 8  # of 10 faults: there is something to compare
    return found


@pytest.fixture
def finish(undisturbed: Outcome, request: pytest.FixtureRequest) -> Finish:
    """End a run, note for the table at the end what the fault did, and return it."""

    def end(run: Run) -> Difference:
        difference = run.end(undisturbed)
        line = (
            f"{difference.lost} lines lost, {len(difference.missing)} ids missing, {len(difference.extra)} extra, "
            f"all handled {difference.seconds:.0f} s later: {request.node.name}"
        )
        request.config.stash.setdefault(FOUND, []).append(line)
        return difference

    return end


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    lines = config.stash.get(FOUND, [])
    if lines:
        terminalreporter.section("what the faults did")
        for line in lines:
            terminalreporter.line(line)

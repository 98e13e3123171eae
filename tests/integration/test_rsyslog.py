"""A real shipper: rsyslog follows a file and sends its lines to Kafka as they are; the alert names the planted one."""

import gzip
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from deepsentry import topics
from deepsentry.events import Alert
from tests.integration.stream import Stream, eventually

MODULE = Path("/usr/lib/x86_64-linux-gnu/rsyslog/omkafka.so")
LEARNED = 1500
PLANTED = "Dec 10 11:04:47 LabSZ sshd[25555]: fatal: mm_request_receive: read: Input/output error on /dev/sda1 sector 7"

CONFIGURATION = """
module(load="imfile")
module(load="omkafka")
template(name="line" type="string" string="%msg%")
input(type="imfile" file="{log}" tag="sshd:" ruleset="ship")
ruleset(name="ship") {{
  action(type="omkafka" broker=["{broker}"] topic="{topic}" template="line" confParam=["queue.buffering.max.ms=20"])
}}
"""


def openssh() -> list[bytes]:
    folder = os.environ.get("DEEPSENTRY_DATA")
    path = Path(folder or "/nonexistent", "loghub_2k", "OpenSSH_2k.log.gz")
    if not path.exists():
        pytest.skip("the OpenSSH log is not here: DEEPSENTRY_DATA names no folder with loghub_2k/OpenSSH_2k.log.gz")
    return [line.rstrip(b"\r\n") for line in gzip.decompress(path.read_bytes()).splitlines()]


@pytest.fixture
def shipped(stream: Stream) -> Iterator[Path]:
    """A file whose lines rsyslog sends to the raw topic."""
    program = shutil.which("rsyslogd")
    if program is None or not MODULE.exists():
        pytest.skip("rsyslogd or its omkafka module is not installed (Debian: rsyslog, rsyslog-kafka)")
    log, configuration = stream.home / "auth.log", stream.home / "rsyslog.conf"
    log.touch()
    configuration.write_text(
        f'global(workDirectory="{stream.home}")'
        + CONFIGURATION.format(log=log, broker=stream.kafka.bootstrap, topic=topics.RAW.name)
    )
    command = [program, "-n", "-f", str(configuration), "-i", str(stream.home / "rsyslog.pid")]
    with (stream.home / "rsyslog.log").open("wb") as sink:
        shipper = subprocess.Popen(command, stdout=sink, stderr=sink)
    yield log
    shipper.terminate()
    shipper.wait(10)


def append(log: Path, lines: list[bytes]) -> None:
    with log.open("ab") as file:
        file.write(b"".join(line + b"\n" for line in lines))


def test_a_planted_line_in_a_file_that_rsyslog_follows_becomes_an_alert_with_its_explanation(
    stream: Stream, shipped: Path
) -> None:
    lines = openssh()
    learned = stream.home / "learned.log"
    append(learned, lines[:LEARNED])
    train = [sys.executable, "-m", "deepsentry", "train", "--log", str(learned), "--json"]
    subprocess.run(train, check=True, env=stream.environment, capture_output=True, timeout=300)
    for stage in ("sanitize", "score", "alert"):
        stream.work(stage)
    append(shipped, [*lines[LEARNED:], PLANTED.encode(), *lines[:20]])

    def told() -> list[Alert]:
        return [
            alert for alert in stream.alerts() if any("mm_request_receive" in x.message for x in alert.anomaly.lines)
        ]

    [*_, alert] = eventually(told)
    anomaly = alert.anomaly
    [line] = [each for each in anomaly.lines if "mm_request_receive" in each.message]
    assert line.deviates
    assert (anomaly.view, anomaly.host, anomaly.service) == ("novelty", "LabSZ", "sshd")
    assert "never seen before" in anomaly.explanation.summary
    assert anomaly.explanation.views[0].score > 1
    assert line.clean.offset in anomaly.positions
    [raw] = [
        r for r in stream.stored(topics.RAW.name) if (r.partition, r.offset) == (line.raw.partition, line.raw.offset)
    ]
    assert raw.value.decode().strip() == PLANTED

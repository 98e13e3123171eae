"""Real shippers: what kcat, syslog-ng and OpenTelemetry's SDK publish is read back from the clean topic."""

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Producer
from opentelemetry._logs import SeverityNumber
from opentelemetry.exporter.otlp.proto.common._log_encoder import encode_logs
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import InMemoryLogRecordExporter, SimpleLogRecordProcessor
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider

from deepsentry import topics
from deepsentry.events import CleanEntry
from deepsentry.local import LocalKafka
from tests.integration.stream import Stream, eventually
from tests.integration.workers import Worker

UNPACKED = Path(__file__).parents[2] / ".tools" / "syslog-ng"
"""Where .ci/run unpacks Debian's syslog-ng: as a package it would put rsyslog out."""
SYSLOG = "Jan  2 03:04:05 web-1 sshd[311]: Failed password for root from 192.0.2.9"
RFC5424 = "<$PRI>1 $ISODATE $HOST $PROGRAM ${PID:--} ${MSGID:--} ${SDATA:--} $MSG"
TIME_NS = 1_735_783_445_678_000_000
ERROR = SeverityNumber.ERROR
TEMPLATES = {
    "default": "",
    "json": 'message("$(format-json --scope rfc5424 --exclude DATE --key ISODATE)")',
    "rfc5424": f'message("{RFC5424}")',
}
CONFIGURATION = """@version: 3.35
options {{ keep-hostname(yes); time-zone("UTC"); }};
source lines {{ file("{log}" follow-freq(0.1) read-old-records(yes)); }};
destination topic {{
  kafka-c(bootstrap-servers("{broker}") topic("{topic}") {template} config(queue.buffering.max.ms("20")));
}};
log {{ source(lines); destination(topic); }};
"""


@pytest.fixture(scope="module")
def sanitizing(tmp_path_factory: pytest.TempPathFactory, kafka: LocalKafka) -> Iterator[tuple[Stream, Worker]]:
    """A stream with a sanitize worker."""
    with Stream(tmp_path_factory.mktemp("shippers"), kafka) as stream:
        yield stream, stream.work("sanitize")


@pytest.fixture
def stream(sanitizing: tuple[Stream, Worker]) -> Stream:
    return sanitizing[0]


@pytest.fixture
def kcat(stream: Stream) -> Callable[..., None]:
    """Publish standard input with kcat."""
    program = shutil.which("kcat")
    if program is None:
        pytest.skip("kcat is not installed (Debian: kcat)")

    def publish(data: bytes, *options: str | bytes) -> None:
        command = [program, "-P", "-b", stream.kafka.bootstrap, "-t", topics.RAW.name, "-p", "0", *options]
        subprocess.run(command, input=data, check=True, capture_output=True, timeout=60)

    return publish


def found(stream: Stream, text: str, count: int = 1) -> list[CleanEntry]:
    """Return the clean entries with `text`, in raw order, as soon as there are so many of them."""

    def look() -> list[CleanEntry]:
        entries = [entry for entry in stream.clean() if text in entry.message]
        return sorted(entries, key=lambda entry: (entry.raw.offset, entry.raw.index)) if len(entries) >= count else []

    return eventually(look)


@contextmanager
def syslog_ng(stream: Stream, log: Path, template: str) -> Iterator[None]:
    """Let syslog-ng follow `log` and send its lines as `template` says."""
    program = shutil.which("syslog-ng") or shutil.which("syslog-ng", path=UNPACKED / "usr" / "sbin")
    if program is None:
        pytest.skip("syslog-ng is not installed (Debian: syslog-ng-core, syslog-ng-mod-rdkafka; .ci/run unpacks them)")
    root = Path(program).parents[2]
    (modules,) = [path.parent for path in root.glob("usr/lib/syslog-ng/*/libkafka.so")] or [None]
    if modules is None:
        pytest.skip("syslog-ng is here without its kafka module (Debian: syslog-ng-mod-rdkafka)")
    log.touch()
    configuration = log.with_suffix(".conf")
    configuration.write_text(
        CONFIGURATION.format(log=log, broker=stream.kafka.bootstrap, topic=topics.RAW.name, template=template)
    )
    names = {"-f": "conf", "-R": "persist", "-p": "pid", "-c": "control"}
    places = [text for option, name in names.items() for text in (option, str(log.with_suffix(f".{name}")))]
    command = [program, "--foreground", "--no-caps", f"--module-path={modules}", *places]
    with log.with_suffix(".err").open("wb") as sink:
        shipper = subprocess.Popen(
            command, env={**os.environ, "LD_LIBRARY_PATH": str(modules.parent)}, stdout=sink, stderr=sink
        )
    try:
        yield
    finally:
        shipper.terminate()
        shipper.wait(20)


@pytest.mark.parametrize("name", TEMPLATES)
def test_what_syslog_ng_sends(stream: Stream, tmp_path: Path, name: str) -> None:
    log = tmp_path / f"{name}.log"
    with syslog_ng(stream, log, TEMPLATES[name]):
        with log.open("a") as file:
            file.write(SYSLOG.replace("password", f"password-{name}") + "\n")
        [entry] = found(stream, f"password-{name}")

    assert entry.message == f"Failed password-{name} for root from 192.0.2.9"
    assert (entry.host, entry.service, entry.shipper) == ("web-1", "sshd", "syslog")
    assert entry.time_source == ("ISODATE" if name == "json" else "header")
    assert entry.attributes.get("procid", entry.attributes.get("PID")) == "311"
    assert entry.level == ("" if name == "default" else "info")


def test_lines_that_kcat_sends(stream: Stream, kcat: Callable[..., None]) -> None:
    kcat(
        b"2025-01-02 03:04:05 ERROR kcat: disk full\n",
        "-k",
        "web-7",
        "-H",
        "traceparent=00-" + "ab" * 16 + "-" + "cd" * 8 + "-01",
    )

    [entry] = found(stream, "kcat: disk full")

    assert (entry.host, entry.level, entry.trace, entry.shipper) == ("web-7", "error", "ab" * 16, "plain")


def test_records_of_a_file_that_kcat_sends_whole(stream: Stream, kcat: Callable[..., None], tmp_path: Path) -> None:
    path = tmp_path / "records.json"
    path.write_bytes(b'{"msg":"from kcat, one","level":"warn"}\n{"msg":"from kcat, two","level":"info"}\n')

    kcat(b"", str(path))

    assert [(entry.raw.index, entry.level) for entry in found(stream, "from kcat", 2)] == [(0, "warn"), (1, "info")]


def test_a_long_line_that_a_container_runtime_split(stream: Stream, kcat: Callable[..., None]) -> None:
    time = b"2025-01-02T02:04:05.678123456Z stdout "
    kcat(time + b"P a long line of carol@exam\n")
    kcat(time + b"F ple.com that was split\n")

    [entry] = found(stream, "a long line")

    assert entry.message.startswith("a long line of <")
    assert entry.message.endswith(" that was split")


def test_a_part_whose_others_do_not_come_is_given_up_and_committed(stream: Stream, kcat: Callable[..., None]) -> None:
    kcat(b"2025-01-02T02:04:05.678123456Z stdout P the container died here\n")

    [entry] = found(stream, "the container died")

    assert entry.flags == ("unjoined",)
    raw = len(stream.stored(topics.RAW.name))
    eventually(lambda: stream.handled("sanitize", topics.RAW.name) == raw)


def test_an_export_of_the_opentelemetry_sdk(stream: Stream) -> None:
    kept = InMemoryLogRecordExporter()
    provider = LoggerProvider(resource=Resource({"service.name": "checkout", "host.name": "web-9"}))
    provider.add_log_record_processor(SimpleLogRecordProcessor(kept))
    logger = provider.get_logger("orders")
    with TracerProvider().get_tracer("t").start_as_current_span("order") as span:
        attributes: dict[str, Any] = {"order": 4711, "tags": ["a", "b"]}
        logger.emit(timestamp=TIME_NS, severity_number=ERROR, body="sdk: payment failed", attributes=attributes)
    logger.emit(observed_timestamp=TIME_NS, severity_text="WARN", body={"message": "sdk: retry", "seconds": 5})
    value = encode_logs(kept.get_finished_logs()).SerializeToString()
    provider.shutdown()

    producer = Producer({"bootstrap.servers": stream.kafka.bootstrap})
    producer.produce(topics.RAW.name, value, headers=[("content-type", b"application/x-protobuf")])
    assert producer.flush(30) == 0
    first, second = found(stream, "sdk: ", 2)

    assert [first.message, second.message] == ["sdk: payment failed", "sdk: retry"]
    assert [first.raw.index, second.raw.index] == [0, 1]
    assert (first.host, first.service, first.level, first.shipper) == ("web-9", "checkout", "error", "otlp")
    assert (first.trace, second.trace) == (f"{span.get_span_context().trace_id:032x}", "")
    assert (first.attributes["order"], first.attributes["tags"]) == ("4711", '["a","b"]')
    assert (first.timestamp, first.time_source) == (1735783445.678, "timeUnixNano")
    assert (second.level, second.attributes["seconds"], second.time_source) == ("warn", "5", "observedTimeUnixNano")


def test_a_header_whose_name_is_not_utf8_stops_nobody(
    sanitizing: tuple[Stream, Worker], kcat: Callable[..., None]
) -> None:
    stream, worker = sanitizing
    kcat(b"before the odd header\n")
    kcat(b"with the odd header\n", "-H", b"\xff\xfename=\xff\xfe")
    kcat(b"behind the odd header\n")

    assert len(found(stream, "the odd header", 3)) == 3
    assert worker.lives
    assert any(record.value == b"with the odd header" for record in stream.stored(topics.RAW.name))


def test_a_part_that_waits_when_its_worker_dies_is_joined_by_the_next(tmp_path: Path, kafka: LocalKafka) -> None:
    time = b"2025-01-02T02:04:05.678123456Z stdout "
    with Stream(tmp_path, kafka) as stream:
        first = stream.work("sanitize")
        stream.publish([b"a whole line"], partition=0)
        found(stream, "a whole line")
        stream.publish([time + b"P begun before ", b"another whole line"], partition=0)
        found(stream, "another whole line")
        first.kill()
        stream.publish([time + b"F and ended behind"], partition=0)
        stream.work("sanitize")
        [entry] = found(stream, "begun before")
        eventually(lambda: stream.handled("sanitize", topics.RAW.name) == 4)

    assert (entry.message, entry.raw.offset, entry.flags) == ("begun before and ended behind", 1, ())

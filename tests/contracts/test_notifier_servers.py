"""Notifiers against servers that others wrote: Alertmanager, rsyslog and an SMTP server with TLS and a login."""

import asyncio
import json
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiosmtpd.smtp
import msgspec
import pytest
from rich.console import Console

from deepsentry.errors import DeliveryError, TargetAway
from deepsentry.targets import Alertmanager, Email, Syslog, Target
from streams.alerting.receipts import HeldReceipts
from streams.alerts.notice import Notice
from streams.alerts.notifiers.compose import build
from streams.alerts.notifiers.delivery import Surroundings
from streams.alerts.notifiers.notifier import Notifier
from tests.certificates import Certificates, certificates
from tests.contracts import vendors
from tests.unit.streams.alerts.builders import alert, hostile
from tests.unit.streams.alerts.receiver import receiving

HOST = "127.0.0.1"
DRIVER = Path("/usr/lib/x86_64-linux-gnu/rsyslog/lmnsd_ossl.so")


def notifier_of(target: Target) -> Notifier:
    async def at_once(_: float) -> None:
        await asyncio.sleep(0)

    surroundings = Surroundings(lambda: datetime.now(UTC), at_once, source="/deepsentry", host="worker-1")
    return build({"mine": target}, Console(), surroundings, HeldReceipts(), time.monotonic)["mine"]


@pytest.fixture(scope="module")
def pem(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return certificates(tmp_path_factory.mktemp("pem"))


def free_port(kind: int = socket.SOCK_STREAM) -> int:
    with socket.socket(type=kind) as one:
        one.bind((HOST, 0))
        return int(one.getsockname()[1])


@contextmanager
def running(command: list[str], log: Path) -> Iterator[None]:
    with log.open("wb") as sink:
        process = subprocess.Popen(command, stdout=sink, stderr=sink)
    try:
        yield
    finally:
        process.terminate()
        process.wait(20)


async def until(look: Any, within: float = 30.0) -> Any:
    deadline = time.monotonic() + within
    while not (found := look()):
        assert time.monotonic() < deadline, "it did not come"
        await asyncio.sleep(0.1)
    return found


def now(notice: Notice, **changes: Any) -> Notice:
    """Return `notice` as one of this minute: a real server knows what time it is."""
    moment = datetime.now(UTC)
    fresh = msgspec.structs.replace(
        notice.alert, first_seen=moment - timedelta(seconds=5), last_seen=moment, updated_at=moment, **changes
    )
    return Notice(fresh, notice.occasion)


# Alertmanager


def tool(port: int, *arguments: str) -> Any:
    command = ["amtool", f"--alertmanager.url=http://{HOST}:{port}", *arguments, "-o", "json"]
    return json.loads(subprocess.run(command, check=True, capture_output=True, timeout=20).stdout)


def accepts(port: int) -> bool:
    with socket.socket() as one:
        return one.connect_ex((HOST, port)) == 0


async def test_alertmanager_shows_an_alert_once_follows_its_severity_and_lets_it_go(tmp_path: Path) -> None:
    program = shutil.which("prometheus-alertmanager") or shutil.which("alertmanager")
    if program is None or shutil.which("amtool") is None:
        pytest.skip("Alertmanager or amtool is not installed (Debian: prometheus-alertmanager)")
    async with receiving() as receiver:
        configuration = tmp_path / "alertmanager.yml"
        configuration.write_text(
            "route: {receiver: mine, group_by: [fingerprint], group_wait: 0s, group_interval: 1s}\n"
            f"receivers: [{{name: mine, webhook_configs: [{{url: '{receiver.url}', send_resolved: true}}]}}]\n"
        )
        port = free_port()
        command = [
            program,
            f"--config.file={configuration}",
            f"--storage.path={tmp_path}",
            f"--web.listen-address={HOST}:{port}",
            "--cluster.listen-address=",
        ]
        with running(command, tmp_path / "log"):
            await until(lambda: accepts(port))

            def states() -> list[str]:
                return [json.loads(request.body)["status"] for request in receiver.received]

            target = Alertmanager(kind="alertmanager", url=f"http://{HOST}:{port}", allow_private=True)
            notifier = notifier_of(target)
            for _ in range(3):
                await notifier.notify(now(alert()))
            [one] = tool(port, "alert", "query")
            assert one["labels"]["alertname"] == "LogAnomaly"
            assert "payment declined" in one["annotations"]["lines"]
            worse = Notice(now(alert(), severity="critical").alert, "escalated")
            await notifier.notify(worse)
            [one] = tool(port, "alert", "query")
            assert one["labels"]["severity"] == "critical"
            await notifier.notify(Notice(msgspec.structs.replace(worse.alert, status="resolved"), "resolved"))
            assert tool(port, "alert", "query") == []
            await until(lambda: states()[-1:] == ["resolved"])
            await notifier.notify(now(hostile()))
            [one] = tool(port, "alert", "query")
            vendors.harmless(one["annotations"]["summary"])


# rsyslog

RULES = """
global(workDirectory="{home}" net.enableDNS="off" maxMessageSize="16k"
  defaultNetstreamDriver="ossl" defaultNetstreamDriverCAFile="{ca}"
  defaultNetstreamDriverCertFile="{certificate}" defaultNetstreamDriverKeyFile="{key}")
module(load="imudp")
module(load="imtcp" {tls})
template(name="seen" type="string" string="%pri%|%hostname%|%app-name%|%msgid%|%structured-data%|%msg%\\n")
ruleset(name="keep") {{ action(type="omfile" file="{file}" template="seen" flushOnTXEnd="on") }}
input(type="imudp" address="127.0.0.1" port="{udp}" ruleset="keep")
input(type="imtcp" address="127.0.0.1" port="{tcp}" ruleset="keep")
"""


DRIVEN = 'streamDriver.name="ossl" streamDriver.mode="1" streamDriver.authMode="anon"'


@pytest.fixture
def rsyslog(request: pytest.FixtureRequest, tmp_path: Path, pem: Certificates) -> Iterator[tuple[Path, str, int]]:
    """A file in which rsyslog keeps what comes over the transport of the test, and the port."""
    transport = str(request.param)
    program = shutil.which("rsyslogd")
    if program is None or not DRIVER.exists():
        pytest.skip("rsyslogd or its TLS driver is not installed (Debian: rsyslog, rsyslog-openssl)")
    udp, tcp = free_port(socket.SOCK_DGRAM), free_port()
    file, configuration = tmp_path / "seen", tmp_path / "rsyslog.conf"
    configuration.write_text(
        RULES.format(
            home=tmp_path,
            ca=pem.authority,
            certificate=pem.certificate,
            key=pem.key,
            file=file,
            udp=udp,
            tcp=tcp,
            tls=DRIVEN if transport == "tls" else "",
        )
    )
    with running([program, "-n", "-f", str(configuration), "-i", str(tmp_path / "pid")], tmp_path / "log"):
        deadline = time.monotonic() + 20
        while not accepts(tcp):
            assert time.monotonic() < deadline, (tmp_path / "log").read_text()
            time.sleep(0.1)
        yield file, transport, udp if transport == "udp" else tcp


@pytest.mark.parametrize("rsyslog", ["udp", "tcp", "tls"], indirect=True)
async def test_rsyslog_takes_an_alert_its_end_and_hostile_text_each_as_one_record(
    rsyslog: tuple[Path, str, int], pem: Certificates
) -> None:
    file, transport, port = rsyslog
    target = Syslog.model_validate(
        {
            "kind": "syslog",
            "host": "localhost",
            "port": port,
            "transport": transport,
            "ca_file": pem.authority if transport == "tls" else None,
            "allow_private": True,
        }
    )
    notifier = notifier_of(target)
    for notice in (alert(), alert("resolved"), hostile()):
        await notifier.notify(notice)

    def lines() -> list[str]:
        return file.read_text(encoding="utf-8").splitlines() if file.exists() else []

    await until(lambda: len(lines()) >= 3)
    opened, resolved, odd = lines()
    assert opened.startswith("132|worker-1|deepsentry|opened|[deepsentry@32473 key=")
    assert "payment declined" in opened
    assert resolved.startswith("133|worker-1|deepsentry|resolved|")
    vendors.harmless(odd.replace("\ufeff", ""))  # the mark of UTF-8 that RFC 5424 asks for


@pytest.mark.parametrize("rsyslog", ["tls"], indirect=True)
async def test_an_rsyslog_that_nobody_vouches_for_gets_nothing(rsyslog: tuple[Path, str, int]) -> None:
    file, _, port = rsyslog
    target = Syslog(kind="syslog", host="localhost", port=port, transport="tls", allow_private=True)
    with pytest.raises(TargetAway, match="certificate is not trusted"):
        await notifier_of(target).notify(alert())
    assert not file.exists()


# SMTP


@pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")
@pytest.mark.parametrize("tls", ["starttls", "tls"])
async def test_a_mail_server_with_tls_and_a_login_takes_a_letter_with_its_picture(tls: str, pem: Certificates) -> None:
    letters: list[bytes] = []

    class Desk:
        async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802, ARG002
            letters.append(envelope.content)
            return "250 2.0.0 queued"

    def login(_server: Any, _session: Any, _envelope: Any, _mechanism: str, data: Any) -> aiosmtpd.smtp.AuthResult:
        return aiosmtpd.smtp.AuthResult(success=(data.login, data.password) == (b"ds", b"s3cret"), handled=False)

    def desk() -> aiosmtpd.smtp.SMTP:
        return aiosmtpd.smtp.SMTP(
            Desk(),
            loop=loop,
            authenticator=login,
            auth_required=True,
            auth_require_tls=tls == "starttls",
            tls_context=pem.server() if tls == "starttls" else None,
            require_starttls=tls == "starttls",
        )

    loop = asyncio.get_running_loop()
    server = await loop.create_server(desk, HOST, 0, ssl=pem.server() if tls == "tls" else None)
    async with server:
        settings = {
            "kind": "email",
            "host": "localhost",
            "port": server.sockets[0].getsockname()[1],
            "tls": tls,
            "ca_file": pem.authority,
            "user": "ds",
            "password": "s3cret",
            "sender": "deepsentry@example.org",
            "recipients": ["oncall@example.org"],
            "allow_private": True,
        }
        await notifier_of(Email.model_validate(settings)).notify(alert())
        told = vendors.letter(letters[0])
        assert told.status == "firing"
        assert b"image/png" in letters[0]
        with pytest.raises(DeliveryError, match="refused with SMTP 535"):
            await notifier_of(Email.model_validate({**settings, "password": "wrong"})).notify(alert())
        with pytest.raises(TargetAway, match="certificate is not trusted"):
            await notifier_of(Email.model_validate({**settings, "ca_file": None})).notify(alert())
    assert len(letters) == 1

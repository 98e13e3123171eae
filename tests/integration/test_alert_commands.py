"""Alerts on the terminal and silences, on a real broker, as a person and as a pipe use them."""

import asyncio
import json
import os
import pty
import re
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from typer.testing import CliRunner

from deepsentry import topics, wire
from deepsentry.__main__ import app
from deepsentry.errors import DeepSentryError
from deepsentry.events import Alert, Anomaly, CleanEntry, Position
from streams.alerting.raising import _outgoing
from streams.alerts.lifecycle import observe, tick
from streams.alerts.policy import Policy
from streams.alerts.state import Alerts
from streams.transport.outbox import Outbox
from tests.integration.stream import Stream, eventually
from tests.unit.streams.alerts.builders import HOSTILE, anomaly

NOW = datetime.now(UTC)
OTHER = "b" * 16


def strange(name: str, **changes: Any) -> Anomaly:
    return anomaly(name, observed_at=NOW, detected_at=NOW, **changes)


def told() -> list[Alert]:
    """Return what the topic gets of two alerts: one opens, grows and gets worse; another is over."""
    state, updates = Alerts(Policy(incident_after=0)), []
    for step, each in enumerate(
        [
            strange("o1", fingerprint=OTHER, service="billing", host="db-1"),
            strange("a1"),
            strange("a2"),
            strange("a3", severity="critical"),
        ]
    ):
        state, new = observe(state, each, NOW + timedelta(seconds=step))
        updates += new
    over = msgspec.structs.replace(state.groups[OTHER], status="resolved", updated_at=NOW + timedelta(seconds=9))
    return [*(update.alert for update in updates), over]


def publish(stream: Stream, alerts: list[Alert]) -> None:
    async def send() -> None:
        outbox = Outbox(stream.settings.kafka)
        await outbox.publish(_outgoing(alert, 0) for alert in alerts)
        await outbox.stop()

    asyncio.run(send())


def run(stream: Stream, *arguments: str, code: int = 0) -> str:
    """Return what a command prints; where it fails, its error."""
    done = CliRunner().invoke(app, arguments, env=stream.environment)
    assert done.exit_code == code, done.output
    return str(done.exception) if isinstance(done.exception, DeepSentryError) else done.stdout


@pytest.fixture
def shown(stream: Stream) -> Stream:
    publish(stream, told())
    return stream


def test_tail_prints_what_people_are_told_in_lines_that_a_pipe_can_take(shown: Stream) -> None:
    lines = run(shown, "alerts", "tail", "-n", "10").splitlines()
    assert [line.split()[3] for line in lines] == ["opened", "opened", "escalated", "resolved"]
    assert "\x1b" not in "".join(lines)
    assert lines[0].endswith(told()[0].id)


def test_tail_filters_by_severity_and_label_and_number(shown: Stream) -> None:
    assert run(shown, "alerts", "tail", "--severity", "critical").count("\n") == 1
    assert run(shown, "alerts", "tail", "--match", "service=billing").count("\n") == 2
    assert run(shown, "alerts", "tail", "-n", "1", "--since", "").count("\n") == 1
    assert run(shown, "alerts", "tail", "-n", "0") == ""
    assert run(shown, "alerts", "tail", "--since", "1h", "--all").count("\n") == 5
    assert "none of info, warning" in run(shown, "alerts", "tail", "--severity", "odd", code=1)
    assert "--format" in run(shown, "alerts", "tail", "--format", "xml", code=1)


@pytest.mark.parametrize("kind", ["json", "ecs", "ocsf", "cloudevents"])
def test_tail_renders_for_programs_one_value_a_line(shown: Stream, kind: str) -> None:
    values = [json.loads(line) for line in run(shown, "alerts", "tail", "--format", kind).splitlines()]
    assert len(values) == 4
    found = values[0]
    match kind:
        case "json":
            assert wire.decode(Alert, wire.encode(found)) == told()[0]
        case "ecs":
            assert found["event"]["kind"] == "alert"
        case "ocsf":
            assert found["class_uid"] == 2004
        case _:
            required = {"specversion": "1.0", "type": "io.deepsentry.alert.changed.v1", "source": "/deepsentry/alert"}
            assert required.items() <= found.items()
            assert wire.decode(Alert, wire.encode(found["data"])) == told()[0]
            assert len({value["id"] for value in values}) == 4


def test_tail_follows_what_comes_and_ends_quietly_by_ctrl_c(shown: Stream) -> None:
    command = [sys.executable, "-m", "deepsentry", "alerts", "tail", "-f", "-n", "1"]
    environ = {**os.environ, **shown.environment}
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environ) as tail:
        assert tail.stdout is not None
        assert tail.stderr is not None
        assert "resolved" in tail.stdout.readline()
        later = strange("n1", fingerprint="c" * 16, service="search")
        _, [update] = observe(Alerts(Policy()), later, NOW + timedelta(minutes=1))
        publish(shown, [update.alert])
        assert "opened" in (line := tail.stdout.readline())
        assert line.strip().endswith(update.alert.id)
        tail.send_signal(signal.SIGINT)
        assert tail.wait(20) == 130
        assert tail.stderr.read() == ""


def test_tail_ends_quietly_where_its_reader_has_enough(shown: Stream) -> None:
    command = [sys.executable, "-m", "deepsentry", "alerts", "tail", "-f", "--all"]
    environ = {**os.environ, **shown.environment}
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environ) as tail:
        assert tail.stdout is not None
        assert tail.stderr is not None
        tail.stdout.readline()
        tail.stdout.close()
        publish(shown, told())
        publish(shown, [msgspec.structs.replace(told()[0], updated_at=NOW + timedelta(hours=1))])
        assert tail.wait(20) == 141
        assert tail.stderr.read() == ""


def on_a_terminal(stream: Stream, *arguments: str, **environment: str) -> str:
    """Return what a terminal of 24 rows and 100 columns gets."""
    leader, follower = pty.openpty()
    command = [sys.executable, "-m", "deepsentry", *arguments]
    environ = {**os.environ, **stream.environment, "TERM": "xterm-256color", "COLUMNS": "100", **environment}
    with subprocess.Popen(command, stdin=follower, stdout=follower, stderr=follower, env=environ) as process:
        os.close(follower)
        data = b""
        while True:
            try:
                piece = os.read(leader, 65_536)
            except OSError:  # the other side is closed
                break
            if not piece:
                break
            data += piece
        assert process.wait(30) == 0, data
    os.close(leader)
    return data.decode()


def test_a_terminal_gets_colours_unless_it_asks_for_none(shown: Stream) -> None:
    colour = re.compile(r"\x1b\[(?:\d+;)*3\d(?:;\d+)*m")
    assert colour.search(on_a_terminal(shown, "alerts", "tail", "--no-pager"))
    assert not colour.search(on_a_terminal(shown, "alerts", "tail", "--no-pager", NO_COLOR="1"))


def test_a_terminal_pages_through_what_pager_names(shown: Stream) -> None:
    said = on_a_terminal(shown, "alerts", "tail", PAGER="sed s/escalated/PAGED/")
    assert "PAGED" in said
    assert "opened" in on_a_terminal(shown, "alerts", "tail", PAGER="no-such-pager-is-installed")


def test_list_and_show_know_an_alert_by_the_first_digits_of_its_id(shown: Stream) -> None:
    listed = json.loads(run(shown, "alerts", "list", "--json"))
    [open_one] = listed["alerts"]
    assert (open_one["severity"], open_one["count"]) == ("critical", 3)
    assert json.loads(run(shown, "alerts", "list", "--all", "--json"))["found"] == 2
    found = json.loads(run(shown, "alerts", "show", open_one["id"][:6], "--json"))
    assert found["alert"]["id"] == open_one["id"]
    assert found["context"]["alerts"] == 1
    assert "payment declined" in run(shown, "alerts", "show", open_one["id"])
    assert "no alert" in run(shown, "alerts", "show", "zzz", code=1)


def test_show_tells_what_stood_around_and_what_was_said_of_earlier_ones(stream: Stream) -> None:
    at = time.time()
    raw = Position(topics.RAW.name, 0, 0)
    entries = [
        CleanEntry(msgspec.structs.replace(raw, offset=n), at - 30 + n, text, f"s{n}", host="web-9", service="checkout")
        for n, text in enumerate(
            ["pool exhausted " + HOSTILE, "payment declined for order 9", "payment declined for order 81"]
        )
    ]
    stream.publish_clean(entries)
    [odd] = [record for record, entry in stream.clean_records() if entry.raw.offset == 2]
    line = msgspec.structs.replace(
        anomaly().lines[2], timestamp=at, clean=Position(topics.CLEAN.name, odd.partition, odd.offset), raw=raw
    )
    line = msgspec.structs.replace(line, raw=entries[2].raw)
    earlier = strange("e1")
    state, [past] = observe(Alerts(Policy()), earlier, NOW - timedelta(days=1))
    state, [over] = tick(state, NOW - timedelta(hours=20))
    _, [now] = observe(state, strange("e2", lines=(line,), partition=odd.partition, positions=(odd.offset,)), NOW)
    publish(stream, [past.alert, over.alert, now.alert])
    run(stream, "verdict", past.alert.id, "--false-alarm", "--note", "a drill", "--by", "kim")
    context = json.loads(run(stream, "alerts", "show", now.alert.id, "--json"))["context"]
    assert [found["message"][:14] for found in context["lines"]] == ["pool exhausted", "payment declin"]
    assert sum(context["histogram"]) == 2
    [before] = context["past"]
    assert (before["alert"], before["judgement"], before["note"]) == (past.alert.id, "false_alarm", "a drill")
    said = " ".join(run(stream, "alerts", "show", now.alert.id).split())
    assert "a false alarm by kim: a drill" in said
    assert "pool exhausted \\x1b" in said


def test_a_silence_ends_an_alert_that_fires_keeps_new_ones_quiet_and_can_be_taken_back(stream: Stream) -> None:
    worker = stream.work("alert", DEEPSENTRY_ALERTS__GROUP_WAIT="0", DEEPSENTRY_ALERTS__QUIET="1000")

    def emit(name: str) -> None:
        stream.publish([wire.encode(strange(name))], topics.ANOMALIES.name, strange(name).fingerprint.encode())

    def status() -> list[str]:
        return [alert.status for alert in stream.alerts()]

    emit("s1")
    eventually(lambda: status() == ["firing"])
    alert = stream.alerts()[0].id
    silence = json.loads(
        run(
            stream,
            "silences",
            "add",
            "--alert",
            alert[:8],
            "--for",
            "2h",
            "--reason",
            "drill",
            "--owner",
            "kim",
            "--json",
        )
    )
    eventually(lambda: status()[-1] == "resolved")
    emit("s2")
    eventually(lambda: status()[-1] == "suppressed")
    assert stream.alerts()[-1].reason == "drill"
    [listed] = json.loads(run(stream, "silences", "list", "--json"))["silences"]
    assert (listed["id"], listed["owner"], listed["reason"]) == (silence["id"], "kim", "drill")
    run(stream, "silences", "expire", silence["id"][:6], "--owner", "lou")
    assert json.loads(run(stream, "silences", "list", "--json"))["silences"] == []
    [ended] = json.loads(run(stream, "silences", "list", "--all", "--json"))["silences"]
    assert ended["ended_by"] == "lou"
    time.sleep(2)
    emit("s3")
    eventually(lambda: status()[-1] == "firing")
    assert worker.lives


REFUSED = [
    (["--for", "2h", "--reason", "r"], "say what is silenced"),
    (["--for", "2h", "--reason", "r", "--everything", "--match", "host=a"], "say what is silenced"),
    (["--for", "soon", "--reason", "r", "--everything"], "neither a duration"),
    (["--for", "2020-01-01T00:00:00Z", "--reason", "r", "--everything"], "later than now"),
    (["--for", "2099-01-01T00:00:00", "--reason", "r", "--everything"], "needs its zone"),
    (["--for", "999999d", "--reason", "r", "--everything"], "366 days"),
    (["--for", "2h", "--reason", " ", "--everything"], "--reason"),
    (["--for", "2h", "--reason", "r", "--match", "mood=odd"], "a condition is LABEL=VALUE"),
    (["--for", "2h", "--reason", "r", "--alert", "zz"], "no alert"),
]


def test_a_silence_that_is_none_is_refused_with_the_reason(stream: Stream) -> None:
    for arguments, complaint in REFUSED:
        assert complaint in run(stream, "silences", "add", *arguments, code=1)
    assert stream.stored(topics.FEEDBACK.name) == []

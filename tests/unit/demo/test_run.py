"""The demo keeps to itself, and what it recommends works."""

from pathlib import Path

import pytest
import typer

from deepsentry import settings
from deepsentry.__main__ import app
from deepsentry.commands.demo import suggestions
from deepsentry.demo.processes import Worker
from deepsentry.demo.run import environment_of
from deepsentry.errors import LocalServerError


def test_settings_of_the_reader_do_not_reach_the_demo(tmp_path: Path) -> None:
    mine = {"PATH": "/bin", "DEEPSENTRY_ALERTS__TARGETS": '{"chat": {"kind": "webhook"}}', "DEEPSENTRY_CONFIG": "no"}
    environment = environment_of(mine, "127.0.0.1:1", tmp_path, idle=10.0)
    effective, _ = settings.load(environment)
    assert effective.alerts.targets == {}
    assert environment["PATH"] == "/bin"
    assert effective.kafka.bootstrap == "127.0.0.1:1"


def test_every_run_has_a_site_key_of_its_own(tmp_path: Path) -> None:
    keys = {environment_of({}, "127.0.0.1:1", tmp_path, idle=10.0)["DEEPSENTRY_REDACTION__SITE_KEY"] for _ in range(2)}
    assert len(keys) == 2


def test_a_worker_that_ended_is_an_error_that_says_why(tmp_path: Path) -> None:
    worker = Worker("sanitize", {"DEEPSENTRY_KAFKA__NONSENSE": "1"}, tmp_path)
    worker.wait()
    with pytest.raises(LocalServerError, match=r"sanitize worker ended with status 1; .*nonsense"):
        worker.check()


def test_a_worker_that_does_not_answer_has_no_figures(tmp_path: Path) -> None:
    worker = Worker("sanitize", {"DEEPSENTRY_KAFKA__NONSENSE": "1"}, tmp_path)
    worker.wait()
    assert not worker.ready()
    assert worker.metric("deepsentry_records_total") is None


@pytest.mark.parametrize(("command", "purpose"), suggestions(4, "my.log"))
def test_what_is_recommended_exists(command: str, purpose: str) -> None:
    program, name, *_ = command.split()
    known = typer.main.get_command(app)
    assert program == "deepsentry"
    assert name in known.commands  # type: ignore[attr-defined]
    assert purpose

import gzip
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer.main

from deepsentry.__main__ import app, main

LINES = b"2025-01-02T03:04:05Z login of ann@example.org\n2025-01-02T03:04:06Z up\n"


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DEEPSENTRY_REDACTION__SITE_KEY", "a key for tests, long enough")


def run(*arguments: str) -> int:
    """Run the command line in this process and return its exit status."""
    before, sys.argv = sys.argv, ["deepsentry", *arguments]
    try:
        main()
    except SystemExit as ended:
        return int(ended.code or 0)
    finally:
        sys.argv = before
    return 0


def commands() -> Iterator[tuple[str, ...]]:
    def walk(command: object, path: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
        yield path
        for name, below in getattr(command, "commands", {}).items():
            yield from walk(below, (*path, name))

    return walk(typer.main.get_command(app), ())


@pytest.mark.parametrize("command", sorted(commands()), ids=" ".join)
def test_every_command_explains_itself(command: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(*command, "--help") == 0
    shown = capsys.readouterr().out
    assert "Usage:" in shown
    assert len(shown.splitlines()) > 5


def test_the_commands_are_those_that_were_promised() -> None:
    promised = {"demo", "up", "topics", "worker", "train", "score", "sanitize", "models", "explain", "config", "doctor"}
    assert promised | {"rejected"} <= {path[0] for path in commands() if path}


def fails(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """Return the one line that a command which cannot do its work leaves on stderr."""
    assert run(*arguments) == 1
    said = capsys.readouterr()
    assert said.out == ""
    assert "Traceback" not in said.err
    [line] = said.err.splitlines()
    assert line.startswith("deepsentry: ")
    return line


def test_an_unknown_setting_names_the_nearest(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DEEPSENTRY_KAFKA__BOOTSTAP", "a:1")
    assert "'kafka.bootstrap'" in fails(capsys, "config", "show")


@pytest.mark.parametrize("command", ["sanitize missing.log -", "score missing.log", "train --log missing.log"])
def test_a_missing_file_is_named(capsys: pytest.CaptureFixture[str], command: str) -> None:
    assert "missing.log: No such file" in fails(capsys, *command.split())


@pytest.mark.parametrize(
    "command",
    [
        "topics create",
        "topics show",
        "explain abc",
        "train --topic raw",
        "rejected list",
        "rejected show 0-1",
        "rejected replay 0-1",
    ],
)
def test_a_broker_that_is_away_is_named_with_the_remedy(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    monkeypatch.setenv("DEEPSENTRY_KAFKA__BOOTSTRAP", "127.0.0.1:1")
    monkeypatch.setattr("deepsentry.kafka.ANSWER_WITHIN", 0.2)
    assert "127.0.0.1:1" in fails(capsys, *command.split())


def test_what_to_learn_from_must_be_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert "--log FILE, or --topic NAME" in fails(capsys, "train")


@pytest.mark.parametrize("command", ["rejected show x\x1b[2J", "rejected list --before deepsentry.logs.raw.v1-0-1"])
def test_what_is_no_id_is_said_without_harm(capsys: pytest.CaptureFixture[str], command: str) -> None:
    said = fails(capsys, *command.split(" "))
    assert "is no id" in said
    assert said.isprintable()


def test_an_unknown_reason_is_answered_with_the_known(capsys: pytest.CaptureFixture[str]) -> None:
    assert "malformed" in fails(capsys, "rejected", "list", "--reason", "broken")


def test_what_to_replay_must_be_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert "--reason, --since or --topic" in fails(capsys, "rejected", "replay")


def test_too_few_lines_are_said(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "a.log").write_bytes(LINES)
    assert "too few to learn from" in fails(capsys, "train", "--log", "a.log")


@pytest.mark.parametrize("command", ["models show", "models promote 7", "score a.log --model none"])
def test_a_version_that_does_not_exist_is_named_with_the_remedy(
    capsys: pytest.CaptureFixture[str], command: str
) -> None:
    assert "deepsentry" in fails(capsys, *command.split()).removeprefix("deepsentry: ")


def test_a_worker_without_a_site_key_does_not_start(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DEEPSENTRY_REDACTION__SITE_KEY_FILE", "missing.key")
    assert "SITE_KEY_FILE: cannot read missing.key" in fails(capsys, "worker", "sanitize")


def test_config_show_masks_secrets_and_names_where_values_came_from(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "key").write_text("from a file, and long enough\n", encoding="utf-8")
    (tmp_path / "deepsentry.toml").write_text("[models]\nbudget = 3\n", encoding="utf-8")
    monkeypatch.delenv("DEEPSENTRY_REDACTION__SITE_KEY")
    monkeypatch.setenv("DEEPSENTRY_REDACTION__SITE_KEY_FILE", str(tmp_path / "key"))
    assert run("config", "show", "--json") == 0
    rows = {row["setting"]: row for row in json.loads(capsys.readouterr().out)}
    assert rows["redaction.site_key"]["value"] == "********"
    assert rows["redaction.site_key"]["from"] == "DEEPSENTRY_REDACTION__SITE_KEY_FILE"
    assert rows["models.budget"] == {"setting": "models.budget", "value": "3.0", "from": "deepsentry.toml"}
    assert rows["kafka.replication"]["from"] == "default"


def test_models_list_as_json_is_json_where_there_are_none(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("models", "list", "--json") == 0
    assert json.loads(capsys.readouterr().out) == []


def test_the_doctor_says_in_json_what_is_wrong_and_how_to_mend_it(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DEEPSENTRY_KAFKA__BOOTSTRAP", "127.0.0.1:1")
    monkeypatch.setattr("deepsentry.kafka.ANSWER_WITHIN", 0.2)
    monkeypatch.setattr("deepsentry.commands.examination.ANSWER_WITHIN", 0.2)
    assert run("doctor", "--json") == 1
    found = {row["check"]: row for row in json.loads(capsys.readouterr().out)}
    assert not found["broker"]["ok"]
    assert all(row["ok"] or row["remedy"] for row in found.values())
    assert found["redaction"]["ok"]


def test_lines_are_sanitized_from_a_file_to_a_file(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "in.log").write_bytes(LINES)
    assert run("sanitize", "in.log", "out.log", "--json") == 0
    assert json.loads(capsys.readouterr().out) == {"lines": 2, "rejected": 0, "masked": {"email": 1}}
    written = (tmp_path / "out.log").read_bytes()
    assert b"example.org" not in written
    assert written.count(b"\n") == 2


def test_gzip_goes_in_and_out(tmp_path: Path) -> None:
    (tmp_path / "in.log.gz").write_bytes(gzip.compress(LINES))
    assert run("sanitize", "in.log.gz", "out.log.gz") == 0
    written = gzip.decompress((tmp_path / "out.log.gz").read_bytes())
    assert b"<email:" in written
    assert written.count(b"\n") == 2


def test_a_gzip_file_that_ends_too_early_is_said_and_leaves_no_half_file(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "in.log.gz").write_bytes(gzip.compress(LINES * 100)[:-20])
    assert "in.log.gz: " in fails(capsys, "sanitize", "in.log.gz", "out.log")
    assert [path.name for path in tmp_path.glob("out.log*")] == []


def piped(*arguments: str, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-m", "deepsentry", *arguments], input=stdin, capture_output=True, check=False, timeout=120
    )


def test_sanitize_pipes_and_says_its_figures_on_stderr() -> None:
    done = piped("sanitize", "-", "-", stdin=LINES)
    assert done.returncode == 0
    assert done.stdout.count(b"\n") == 2
    assert b"<email:" in done.stdout
    assert b"2 lines, 0 rejected, 1 masked" in done.stderr


def test_an_error_in_a_process_of_its_own_is_one_line_and_status_1() -> None:
    done = piped("sanitize", "missing.log", "-")
    assert (done.returncode, done.stdout) == (1, b"")
    assert done.stderr.decode().splitlines() == ["deepsentry: missing.log: No such file or directory"]


def test_a_wrong_option_is_status_2_without_a_traceback() -> None:
    done = piped("sanitize", "--nonsense")
    assert done.returncode == 2
    assert b"Traceback" not in done.stderr

"""`deepsentry redaction` and `deepsentry sanitize` as a person runs them."""

import io
import json
import sys
from pathlib import Path

import cramjam
import pytest

from deepsentry.__main__ import main

OWN = """
[[rule]]
id = "badge"
kind = "badge"
keywords = ["badge"]
pattern = 'badge ([0-9]{4})\\b'
matches = ["badge «1234»"]
"""


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DEEPSENTRY_REDACTION__SITE_KEY", "a key for tests, long enough")


def _run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", ["deepsentry", *arguments])
    try:
        main()
    except SystemExit as ended:
        return int(ended.code or 0)
    return 0


def _own(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    Path("own.toml").write_text(text, encoding="utf-8")
    monkeypatch.setenv("DEEPSENTRY_REDACTION__RULES_FILE", "own.toml")


def test_all_examples_pass_yours_included(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    _own(monkeypatch, OWN)
    assert _run(monkeypatch, "redaction", "test", "--json") == 0
    tested = json.loads(capsys.readouterr().out)
    assert tested["failures"] == []
    assert tested["rules"] > 450
    assert tested["examples"] > tested["rules"]


def test_every_failing_example_is_named_with_its_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    _own(monkeypatch, OWN.replace("«1234»", "12345") + 'misses = ["badge 9999"]\n')
    assert _run(monkeypatch, "redaction", "test") == 1
    said = capsys.readouterr()
    assert "own.toml, line 7: rule 'badge': example 1" in said.err
    assert "own.toml, line 8: rule 'badge': near miss 1" in said.err
    assert "9999" not in said.err
    assert "2 failures" in said.out


def test_an_example_that_the_allow_list_lets_through_fails(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    _own(monkeypatch, '[allow]\nvalues = ["1234"]\n' + OWN)
    assert _run(monkeypatch, "redaction", "test") == 1
    assert "allow list" in capsys.readouterr().err


def test_explain_names_rule_and_place_and_prints_no_secret(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _run(monkeypatch, "redaction", "explain", "login password=hunter2 to ann@example.org") == 0
    said = capsys.readouterr().out
    assert "characters 15 to 22: password (password), beside 'password'" in said
    assert "secrets.toml, line " in said
    assert "contact.toml, line " in said
    assert "hunter2" not in said
    assert "ann@" not in said


def test_explain_says_which_guard_refused(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert _run(monkeypatch, "redaction", "explain", "card 4111 1111 1111 1112") == 0
    said = capsys.readouterr().out
    assert "left    characters 5 to 24: card" in said
    assert "nothing is masked" in said


def test_explain_says_that_a_secret_was_encoded(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _run(monkeypatch, "redaction", "explain", "b64 eyJ1c2VyIjogImJvYkBleGFtcGxlLmNvbSJ9 end", "--json") == 0
    [reason] = json.loads(capsys.readouterr().out)["masked"]
    assert (reason["start"], reason["end"], reason["rule"]) == (4, 40, "email")
    assert "after decoding" in reason["why"]


def test_explain_knows_names_of_attributes(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert _run(monkeypatch, "redaction", "explain", "a b", "--name", "db.password", "--json") == 0
    [reason] = json.loads(capsys.readouterr().out)["masked"]
    assert (reason["start"], reason["end"], reason["rule"]) == (0, 3, "field-password")


def test_explain_reads_lines_and_shows_no_control_characters(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"\x1b[2Jone\ntwo \xff ann@example.org\n")))
    assert _run(monkeypatch, "redaction", "explain", "-") == 0
    said = capsys.readouterr().out
    assert "\x1b" not in said
    assert said.count("nothing is masked") == 1
    assert said.count("  masked  ") == 1


def test_zstd_goes_in_and_out(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    lines = b"".join(b"%d from ann@example.org\n" % number for number in range(3000))
    (tmp_path / "in.zst").write_bytes(bytes(cramjam.zstd.compress(lines)))
    assert _run(monkeypatch, "sanitize", "in.zst", "out.zst") == 0
    written = bytes(cramjam.zstd.decompress((tmp_path / "out.zst").read_bytes()))
    assert written.count(b"<email:") == written.count(b"\n") == 3000
    assert b"ann@" not in written


def test_a_zstd_file_that_ends_too_early_is_said(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "in.zst").write_bytes(bytes(cramjam.zstd.compress(b"line\n" * 1000))[:-5])
    assert _run(monkeypatch, "sanitize", "in.zst", "out.log") == 1
    assert "in.zst: " in capsys.readouterr().err
    assert not (tmp_path / "out.log").exists()

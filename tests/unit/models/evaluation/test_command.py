import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from deepsentry.commands.evaluate import evaluate
from deepsentry.commands.public_sets import files_of
from deepsentry.errors import DataError

app = typer.Typer()
app.command()(evaluate)


def invoke(*arguments: str) -> str:
    return CliRunner().invoke(app, arguments, catch_exceptions=False).stdout


@pytest.fixture(autouse=True)
def no_settings_of_the_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DEEPSENTRY_DATA", raising=False)


@pytest.mark.parametrize("arguments", [(), ("bgl", "--log", "x.log")])
def test_a_set_or_a_log_is_named_but_not_both(arguments: tuple[str, ...]) -> None:
    with pytest.raises(DataError, match="name a set"):
        invoke(*arguments)


def test_an_unknown_set_is_answered_with_those_there_are() -> None:
    with pytest.raises(DataError, match="'hdsf' is no set; there are hdfs-logdeep"):
        invoke("hdsf")


@pytest.mark.parametrize("name", ["hdfs-logdeep", "hdfs-raw", "bgl"])
def test_where_the_data_is_absent_it_says_what_the_public_original_is(name: str) -> None:
    with pytest.raises(DataError, match="Loghub project"):
        invoke(name)


def test_a_log_without_labels_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="--log needs --labels"):
        invoke("--log", str(tmp_path))


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("a,b\n1,2\n", "needs the columns"),
        ("\ufeffkey,anomalous\nk,maybe\n", "0 or 1"),
        ("key,anomalous\nk,maybe\n", "0 or 1"),
        ("line,anomalous\nx,1\n", "numbers"),
    ],
)
def test_labels_that_cannot_be_read_are_refused_with_the_reason(tmp_path: Path, text: str, why: str) -> None:
    (tmp_path / "log").write_text("request 1 opened\n")
    (tmp_path / "labels.csv").write_text(text)
    with pytest.raises(DataError, match=why):
        invoke("--log", str(tmp_path / "log"), "--labels", str(tmp_path / "labels.csv"))


@pytest.mark.parametrize(
    ("labels", "options", "why"),
    [
        ("key,anomalous\nblk_7,1\n", ("--key", "request ([0-9]+)"), "none of its keys .* such as '00000'.*--key"),
        ("key,anomalous\n00000,1\n", ("--window", "5"), "--window needs the columns line,anomalous"),
        ("line,anomalous\n9000,1\n", ("--window", "5"), "line 9000 .* has 2000"),
    ],
)
def test_labels_of_another_log_are_refused(tmp_path: Path, labels: str, options: tuple[str, ...], why: str) -> None:
    (tmp_path / "log").write_text("\n".join(line for n in range(400) for line in request(n, broken=False)))
    (tmp_path / "labels.csv").write_text(labels)
    with pytest.raises(DataError, match=why):
        invoke("--log", str(tmp_path / "log"), "--labels", str(tmp_path / "labels.csv"), *options)


def test_a_folder_is_read_with_all_folders_in_it(tmp_path: Path) -> None:
    for name in ("b/2.log", "a/deep/1.log", "0.log", "a/.hidden", ".git/x"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    assert [str(path.relative_to(tmp_path)) for path in files_of(tmp_path)] == ["0.log", "a/deep/1.log", "b/2.log"]


def request(number: int, *, broken: bool) -> list[str]:
    steps = ["opened", "was checked", "was charged", "was packed", "was answered"]
    if broken:
        steps[2] = "lost its ledger entry"
    at = f"2026-01-0{1 + number // 240} {number % 240 // 10:02d}:{number % 10 * 6:02d}"
    return [f"{at}:{second:02d} INFO request {number:05d} {step}" for second, step in enumerate(steps)]


def test_ones_own_log_is_measured_with_the_simple_detectors_beside(tmp_path: Path) -> None:
    broken = {n for n in range(400) if n > 300 and n % 9 == 0}
    lines = [line for n in range(400) for line in request(n, broken=n in broken)]
    (tmp_path / "shop.log").write_text("\n".join(lines))
    (tmp_path / "labels.csv").write_text(
        "key,anomalous\n" + "".join(f"{n:05d},{int(n in broken)}\n" for n in range(400))
    )
    page = tmp_path / "report.html"
    printed = invoke(
        *("--log", str(tmp_path / "shop.log"), "--labels", str(tmp_path / "labels.csv"), "--key", "request ([0-9]+)"),
        *("--seeds", "1", "--json", "--report", str(page)),
    )
    found = json.loads(printed)
    assert found["protocol"]["test_anomalies"] == len(broken)
    assert found["results"]["deepsentry"]["f1"] == 1.0
    assert found["results"]["new-template"]["recall"] == 1.0
    assert found["results"]["length"]["recall"] == 0.0
    assert page.read_text().count("<svg") == 3

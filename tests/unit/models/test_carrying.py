"""The commands that carry a version from one registry into another."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from deepsentry.__main__ import app
from models.artifact import TrainedVersion
from models.registry import Registry


def call(registry: Path, *arguments: str) -> str:
    done = CliRunner().invoke(app, ["models", *arguments], env={"DEEPSENTRY_MODELS__REGISTRY": str(registry)})
    if done.exception and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done.output


def test_an_exported_version_is_imported_elsewhere(
    tmp_path: Path, trained: TrainedVersion, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    exported = Registry(tmp_path / "here").save("detector", trained)
    call(tmp_path / "here", "export", "1", "detector.tar")
    assert "detector 1 has what is in detector.tar" in call(tmp_path / "there", "import", "detector.tar")
    assert Registry(tmp_path / "there").read("detector", 1)[1] == exported
    assert [path.name for path in tmp_path.glob("detector*")] == ["detector.tar"]

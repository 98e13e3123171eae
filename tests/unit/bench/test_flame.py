import subprocess
import sys
from pathlib import Path

import pytest

from deepsentry.bench import flame


def test_without_a_folder_nobody_looks_into_the_process() -> None:
    said: list[str] = []
    with flame.graph(1, "score", None, said.append):
        pass
    assert said == []


def test_a_process_that_cannot_be_looked_into_is_said_with_the_reason(tmp_path: Path) -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    said: list[str] = []
    with flame.graph(gone.pid, "score", tmp_path, said.append):
        pass
    assert len(said) == 1
    assert said[0].startswith("score: no flame graph")


def test_without_py_spy_the_remedy_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flame.shutil, "which", lambda *_, **__: None)
    said: list[str] = []
    with flame.graph(1, "score", tmp_path, said.append):
        pass
    assert "deepsentry[dev]" in said[0]

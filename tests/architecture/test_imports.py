"""Which room may know which: the contracts of pyproject.toml, and who names a codec."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.architecture.files import ROOT, sources

CODECS = {"json", "msgspec.json", "msgspec.msgpack", "msgspec.yaml", "msgspec.toml", "orjson", "msgpack"}
UNSAFE = {"pickle", "marshal", "shelve", "dill", "yaml"}
READS_OTHERS_TEXT = {"streams/redaction/checks.py", "streams/redaction/jsontext.py"}
"""Redaction asks of text in a log line whether it is JSON, as its author's library would read it; it codes nothing."""


def imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        match node:
            case ast.Import(names=names):
                yield from (alias.name for alias in names)
            case ast.ImportFrom(module=str(module), names=names, level=0):
                yield from (f"{module}.{alias.name}" for alias in names)
                yield module
            case ast.Attribute(value=ast.Name(id="msgspec"), attr=attribute):
                yield f"msgspec.{attribute}"


def test_every_import_contract_is_kept() -> None:
    linter = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run([linter, "--no-cache"], cwd=ROOT, check=False, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout
    assert " 0 broken" in done.stdout


@pytest.mark.parametrize("path", sources("deepsentry", "streams", "models", "aggregator", "api"), ids=str)
def test_only_the_wire_names_a_codec(path: Path) -> None:
    named = CODECS & set(imported(ROOT / path))
    assert not named or path == Path("deepsentry/wire.py") or path.as_posix() in READS_OTHERS_TEXT


@pytest.mark.parametrize("path", sources("deepsentry", "streams", "models", "aggregator", "api"), ids=str)
def test_nothing_that_runs_what_it_reads_is_imported(path: Path) -> None:
    assert not UNSAFE & {name.partition(".")[0] for name in imported(ROOT / path)}

"""What an operator reads in docs/operations.md is what the code says."""

import ast
import re
from collections.abc import Iterator

import pytest

from deepsentry.settings import known_keys
from streams.monitoring.health import HEARTBEAT_WITHIN, PROGRESS_WITHIN, Progress
from tests.architecture.files import ROOT, sources

RUNBOOK = (ROOT / "docs/operations.md").read_text(encoding="utf-8")
SPANS = set(re.findall(r"`([^`]+)`", RUNBOOK))


def complaints() -> Iterator[str]:
    """Yield the name of each event that a worker logs as a warning or an error."""
    for path in sources("streams"):
        for node in ast.walk(ast.parse((ROOT / path).read_text(encoding="utf-8"))):
            match node:
                case ast.Call(func=ast.Attribute(value=ast.Name("log"), attr="warning" | "error" | "exception")):
                    named = ast.walk(node.args[0])
                    yield from (part.value for part in named if isinstance(part, ast.Constant) and part.value)


@pytest.mark.parametrize("event", sorted(set(complaints())))
def test_every_complaint_of_a_worker_has_a_remedy(event: str) -> None:
    assert event in SPANS


def test_every_reason_not_to_be_ready_has_a_remedy() -> None:
    now = [0.0]
    progress = Progress(clock=lambda: now[0])
    progress.beat(7)
    now[0] = PROGRESS_WITHIN + HEARTBEAT_WITHIN
    reasons = [re.sub(r"\d+", "N", reason) for reason in progress.ready()]
    assert len(reasons) == 3
    assert set(reasons) <= SPANS


def test_every_setting_that_is_explained_exists() -> None:
    [table] = re.findall(r"^\| setting \|.*\n(?:\|.*\n)+", RUNBOOK, re.MULTILINE)
    named = {name for row in table.splitlines()[2:] for name in re.findall(r"`([a-z]+\.[a-z_]+)`", row.split("|")[1])}
    assert named
    assert named <= set(known_keys())


def test_every_setting_of_store_and_cache_is_explained() -> None:
    assert {key for key in known_keys() if key.startswith(("mongo.", "redis."))} <= SPANS

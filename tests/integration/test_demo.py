"""The demo as a reader runs it, smaller: a real broker, real workers, a real training."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil

TIME_LIMIT = 300.0
DEMO = [sys.executable, "-m", "deepsentry", "demo", "--json", "--seed", "1", "--requests", "4000", "--judged", "400"]


def left(folder: Path) -> list[str]:
    return [path.name for path in folder.glob("deepsentry-*")]


def test_the_demo_finds_the_faults_keeps_the_secrets_and_leaves_nothing_behind(tmp_path: Path) -> None:
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    done = subprocess.run(DEMO, check=False, capture_output=True, timeout=TIME_LIMIT, env=environment)
    assert done.returncode == 0, done.stderr.decode()
    report = json.loads(done.stdout)
    assert report["injected"] == 5
    assert report["found"] >= 4
    assert report["false_alarms"] <= 1
    assert report["secrets_raw"] > 0
    assert report["secrets_after"] == 0
    assert report["lines_per_s"] > 0
    assert report["cpu_us_per_line"] > 0
    assert left(tmp_path) == []


def test_an_interrupt_ends_every_process_and_removes_the_folder(tmp_path: Path) -> None:
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    with subprocess.Popen(DEMO, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment) as demo:
        assert demo.stderr is not None
        assert any("publishing" in line for line in demo.stderr)
        children = psutil.Process(demo.pid).children(recursive=True)
        demo.send_signal(signal.SIGINT)
        said, _ = demo.communicate(timeout=TIME_LIMIT)
    assert len(children) == 4  # Kafka and three workers
    assert demo.returncode != 0
    assert said == ""
    _, alive = psutil.wait_procs(children, timeout=5)
    assert alive == []
    assert left(tmp_path) == []

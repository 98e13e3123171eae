"""Flame graphs of a running process, by py-spy where it is installed and may look."""

import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

SAMPLES: Final = "200"
"""Looks a second."""
WRITES_WITHIN: Final = 30.0
LONGEST: Final = "600"


@contextmanager
def graph(pid: int, name: str, folder: Path | None, say: Callable[[str], None]) -> Iterator[None]:
    """Write `folder`/`name`.svg: where the process spent its time during the block; nothing without a folder."""
    spy = shutil.which("py-spy", path=str(Path(sys.executable).parent)) or shutil.which("py-spy")
    if folder is None:
        yield
        return
    if spy is None:
        say(f"{name}: no flame graph, py-spy is not installed: it comes with deepsentry[dev]")
        yield
        return
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / f"{name}.svg"
    target.unlink(missing_ok=True)
    process = subprocess.Popen(  # noqa: S603 - our own arguments, no shell
        [spy, "record", "--pid", str(pid), "--output", str(target), "--rate", SAMPLES, "--duration", LONGEST],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    try:
        yield
    finally:
        process.send_signal(signal.SIGINT)
        said = _ended(process)
        if target.exists():
            say(f"{name}: flame graph in {target}; figures of a profiled round are not to be quoted")
        else:
            why = " ".join(said.decode("utf-8", "replace").split())[:300]
            say(f"{name}: no flame graph, py-spy could not look into the worker (it needs ptrace, often root): {why}")


def _ended(process: "subprocess.Popen[bytes]") -> bytes:
    try:
        return process.communicate(timeout=WRITES_WITHIN)[0]
    except subprocess.TimeoutExpired:
        process.kill()
        return process.communicate()[0]

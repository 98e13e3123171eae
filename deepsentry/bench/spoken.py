"""Measurements that need a process of their own: what they print last is their Cost."""

import os
import subprocess
import sys
from collections.abc import Sequence
from typing import Final

from deepsentry import wire
from deepsentry.bench.cost import Cost
from deepsentry.errors import LocalServerError

WITHIN: Final = 300.0


def spoken(module: str, arguments: Sequence[str], given: bytes = b"", within: float = WITHIN) -> Cost:
    """Run a module of ours on the bytes `given` and return the Cost that it prints. Raises LocalServerError."""
    try:
        done = subprocess.run(  # noqa: S603 - ourselves
            [sys.executable, "-m", module, *arguments],
            input=given,
            capture_output=True,
            env=dict(os.environ),
            timeout=within,
            check=False,
        )
    except subprocess.TimeoutExpired:
        message = f"{module} did not end within {within:.0f} s"
        raise LocalServerError(message) from None
    if done.returncode:
        end = done.stderr.decode("utf-8", "replace").strip().splitlines()[-1:]
        message = f"{module} ended with status {done.returncode}: {' '.join(end)}"
        raise LocalServerError(message)
    return wire.decode(Cost, done.stdout.splitlines()[-1])

"""Real log lines without planted secrets: what is masked in them is known and argued."""

import gzip
import os
from pathlib import Path

import pytest

from streams.redaction import Redactor

# E-mail addresses that people left in these logs: a build host in a kernel banner, an account in Mac's calendar agent.
TRUE_FINDINGS = {"email": 13}


def test_nothing_but_true_addresses_is_masked_in_32000_lines(redactor: Redactor) -> None:
    if "DEEPSENTRY_DATA" not in os.environ:
        pytest.skip("DEEPSENTRY_DATA names no folder of data sets")
    found: dict[str, int] = {}
    for path in sorted(Path(os.environ["DEEPSENTRY_DATA"], "loghub_2k").glob("*.gz")):
        lines = gzip.decompress(path.read_bytes()).decode("utf-8", "replace").splitlines()
        for result in redactor.redact(lines):
            for finding in result.findings:
                found[finding.rule] = found.get(finding.rule, 0) + 1
    assert found == TRUE_FINDINGS

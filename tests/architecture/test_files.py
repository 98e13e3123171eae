"""What no file of the project may hold: places of one machine, addresses to download from, unfinished work."""

import re

import pytest

from tests.architecture.files import ROOT, sources, texts

# put together here, so that this file does not hold what it looks for
HOSTS = [
    ".".join(parts) for parts in [("pypi", "org"), ("pythonhosted", "org"), ("maven", "org"), ("npmjs", "org")]
] + [".".join(parts) for parts in [("maven", "apache", "org"), ("ghcr", "io"), ("quay", "io"), ("docker", "io")]]
UNFINISHED = re.compile("|".join(rf"\b{a}{b}\b" for a, b in [("TO", "DO"), ("FIX", "ME"), ("XX", "X")]))
HOMES = re.compile(r"(?<![\w.$}~-])/(?:work|root|tmp|home/[a-z]+|Users/[A-Za-z]+)/[\w.]")
TEXT_OF_A_LOG = "PWD=/" + "root/app"
"""An example of a redaction rule, not a place."""
LONGEST = 300


def found(pattern: re.Pattern[str]) -> list[str]:
    return [
        f"{path}:{number}"
        for path, text in texts()
        for number, line in enumerate(text.splitlines(), 1)
        if pattern.search(line.replace(TEXT_OF_A_LOG, ""))
    ]


@pytest.mark.parametrize("host", HOSTS)
def test_no_file_names_a_host_to_download_from(host: str) -> None:
    assert found(re.compile(re.escape(host))) == []


def test_no_file_names_a_place_of_one_machine() -> None:
    assert found(HOMES) == []


def test_no_file_says_that_it_is_unfinished() -> None:
    assert found(UNFINISHED) == []


def test_no_module_is_longer_than_one_sitting() -> None:
    everywhere = ("deepsentry", "streams", "models", "aggregator", "api", "tests", "benchmarks")
    lengths = {path: len((ROOT / path).read_text(encoding="utf-8").splitlines()) for path in sources(*everywhere)}
    assert {str(path): lines for path, lines in lengths.items() if lines > LONGEST} == {}


def test_there_are_files_to_look_at() -> None:
    assert len(texts()) > 100

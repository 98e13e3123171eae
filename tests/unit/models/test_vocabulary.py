import gzip
import os
from collections import Counter
from pathlib import Path

import pytest

from models.masking import Masker, line_key
from models.vocabulary import MAX_TEMPLATES, Vocabulary, learn

DATA = os.environ.get("DEEPSENTRY_DATA")


def test_values_of_an_open_class_become_a_wildcard() -> None:
    names = [f"host-{chr(97 + i)}" for i in range(20)]
    assert learn({f"connection from {name} closed": 1 for name in names}) == ["connection from <*> closed"]


def test_values_of_a_closed_class_stay_statements_of_their_own() -> None:
    texts = {f"task moved to state {state}": 50 for state in ("waiting", "running", "done")}
    assert sorted(learn(texts)) == sorted(texts)


def test_an_unseen_value_matches_the_wildcard() -> None:
    vocabulary = Vocabulary(["user <*> logged in", "user root logged in"])
    assert vocabulary.match("user anna logged in") == 0
    assert vocabulary.match("user root logged in") == 1
    assert vocabulary.match("user anna logged out") is None


def test_the_number_of_templates_is_bounded() -> None:
    texts = {f"{'x' * (i % 7 + 1)}{i} a{i} b{i} c{i}": 1 for i in range(MAX_TEMPLATES + 500)}
    assert len(learn(texts)) <= MAX_TEMPLATES


@pytest.mark.skipif(DATA is None, reason="DEEPSENTRY_DATA names no folder with the public log samples")
@pytest.mark.parametrize(
    ("name", "most"), [("Apache", 10), ("HDFS", 20), ("OpenSSH", 40), ("Spark", 40), ("OpenStack", 60), ("BGL", 150)]
)
def test_real_logs_have_few_templates_and_every_line_has_one(name: str, most: int) -> None:
    path = Path(str(DATA)) / "loghub_2k" / f"{name}_2k.log.gz"
    masker = Masker()
    lines = gzip.decompress(path.read_bytes()).decode("utf-8", "replace").splitlines()
    texts = Counter(masker.mask(line_key(line)) for line in lines)
    templates = learn(texts)
    vocabulary = Vocabulary(templates)
    assert len(templates) <= most
    assert all(vocabulary.match(text) is not None for text in texts)

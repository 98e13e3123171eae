"""The corpus of planted secrets, and that redaction finds it."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.planting.corpus import corpus, kinds
from benchmarks.planting.negatives import negatives
from benchmarks.planting.shapes import shapes
from benchmarks.planting.survivors import survives
from benchmarks.redaction_recall import harmless, recall
from benchmarks.redaction_search import Search
from deepsentry.sections import Ingest
from streams.batch.offline import BUILT_IN
from streams.redaction import Redactor
from streams.redaction.checks import CHECKS
from streams.sanitizing.sanitize import Sanitizer
from streams.shippers import create_decoder
from streams.windowing.keying import Keyer

FEW = 21
"""Values of a kind: each of its sentences once."""
CHECKED = {
    "IBAN": "iban",
    "UK NHS number": "nhs",
    "German tax id": "german-tax",
    "French NIR": "nir",
    "Italian codice fiscale": "codice-fiscale",
    "Indian Aadhaar": "aadhaar",
    "Indian GSTIN": "gstin",
    "Chinese resident number": "china",
    "Norwegian birth number": "norwegian",
    "Turkish identity number": "turkish",
    "Russian INN": "inn",
    "bitcoin segwit address": "bech32",
    "card visa": "card",
    "JWT": "jwt",
}


def test_a_seed_gives_the_same_lines_and_another_seed_others() -> None:
    once = list(corpus(1, 2))
    assert once == list(corpus(1, 2))
    assert not {each.hidden[0] for each in once} & {each.hidden[0] for each in corpus(2, 2) if len(each.hidden[0]) > 9}


def test_every_kind_has_ten_sentences_at_least_and_more_than_fifty_are_no_vendors() -> None:
    assert min(len(shapes(kind)) for kind in kinds()) >= 10
    assert sum(kind.group != "vendor keys" for kind in kinds()) >= 50


def test_all_shippers_carry_it() -> None:
    assert len(Counter(each.shipper for each in corpus(0, FEW))) >= 14


@pytest.fixture(scope="module")
def values() -> dict[str, list[str]]:
    drawn: dict[str, list[str]] = {}
    for each in corpus(3, FEW):
        drawn.setdefault(each.kind, []).append(each.hidden[0])
    return drawn


@pytest.mark.parametrize(("kind", "check"), CHECKED.items())
def test_check_digits_that_were_made_pass_the_checks_that_were_written_apart_from_them(
    values: dict[str, list[str]], kind: str, check: str
) -> None:
    assert len(values[kind]) == FEW
    assert all(CHECKS[check](value) for value in values[kind])


def test_what_is_planted_is_masked(redactor: Redactor) -> None:
    found = recall(corpus(4, FEW), Sanitizer(create_decoder(Ingest()), redactor, Keyer(BUILT_IN)))
    assert [kind.kind for kind in found if kind.missed_in and kind.group != "vendor keys"] == []
    assert sum(kind.masked for kind in found) / sum(kind.planted for kind in found) >= 0.998


def test_what_only_looks_like_a_secret_is_left(redactor: Redactor) -> None:
    found = harmless(negatives(5, 20), redactor)
    assert found.lines >= 800
    assert found.found == []


def test_a_secret_survives_where_eight_of_its_characters_do() -> None:
    assert survives(["abcdefghijkl"], "x=cdefghij;")
    assert not survives(["abcdefghijkl"], "x=abcdefg;fghijkl")
    assert survives(["123"], "code 123.")
    assert not survives(["123"], "code 1234")


SECRET = st.text("abcXYZ019!_", min_size=12, max_size=40).map(str.encode)


@given(SECRET, st.binary(max_size=50), st.binary(max_size=50), st.data())
def test_any_twelve_bytes_of_a_secret_are_found_anywhere(
    secret: bytes, before: bytes, behind: bytes, data: st.DataObject
) -> None:
    start = data.draw(st.integers(0, len(secret) - 12))
    search = Search([secret], [])
    assert list(search.find("there", [before + secret[start : start + 12] + behind]))


@given(st.binary(max_size=200))
def test_nothing_is_found_where_no_part_stands(text: bytes) -> None:
    assert list(Search([b"Zq9_Zq9_Zq9_Zq9"], []).find("there", [text])) == []


def test_what_harmless_texts_say_too_is_no_leak() -> None:
    search = Search([b"fatima91@mail-x.org"], [b"user fatima91 came"])
    assert list(search.find("there", [b"user fatima91 left"])) == []
    assert [found.part for found in search.find("there", [b"to 1@mail-x.o"])] == ["1@mail-x.o"]


def test_short_digits_count_as_a_word_only() -> None:
    search = Search([b"123456789"], [])
    assert list(search.find("there", [b"id 991234567890"])) == []
    assert len(list(search.find("there", [b"id 123456789."]))) == 1


def test_a_time_with_a_fraction_is_no_part_of_a_number_with_points() -> None:
    search = Search([rb"\u00346.05.24-315.63"], [])
    assert list(search.find("there", [b'"timestamp":1790000346.05,'])) == []
    assert len(list(search.find("there", [b"said 346.05.24-3"]))) == 1

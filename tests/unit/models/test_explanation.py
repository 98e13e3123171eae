from dataclasses import replace

import numpy as np
import pytest

from deepsentry.events import View, ViewScore
from models.artifact import Limits
from models.calibration import Calibration
from models.explanation import Evidence, explain
from models.novelty import UNKNOWN
from models.precedence import Disorder
from models.prepare import Verdict

LONG = "<*> INFO shop.Warehouse$Worker: " + "a very long statement about stock " * 9
TEXTS = {0: "<*> INFO request opened", 1: "[WARN] stock of <*> is low", 2: LONG, 7: "ledger rejected <*>"}
LIMIT = Calibration(threshold=3.0, rate=0.001, samples=1000, needed=0, greatest=2.0)
LIMITS = Limits(LIMIT, LIMIT, LIMIT, LIMIT, tolerance=0, strongest=1)


def evidence(
    *templates: int, surprises: tuple[float, ...] = (), neighbour: tuple[tuple[int, int], ...] = ()
) -> Evidence:
    usual = tuple(i for i, t in enumerate(templates) if t < 3)
    return Evidence(
        templates=templates,
        known=tuple(t if t < 3 else UNKNOWN for t in templates),
        usual=usual,
        expected=np.log(np.tile([0.1, 0.2, 0.6, 0.1], (len(usual) + 1, 1))),
        surprises=np.array(surprises),
        neighbour=neighbour,
        distance=0.5,
        complete=True,
    )


def told(found: Evidence, view: View, text: dict[int, str] | None = None) -> str:
    texts = text or TEXTS
    explanation = explain(found, Verdict(2.0, (ViewScore(view, 2.0),)), lambda t: texts[t], LIMITS)
    assert explanation.summary == explanation.views[0].detail
    return explanation.summary


def test_a_new_statement_is_named_with_its_line() -> None:
    assert told(evidence(0, 1, 7), "novelty") == "line 3 was never seen before: ledger rejected <*>"


def test_a_line_out_of_place_is_named_with_what_was_expected() -> None:
    sentence = told(evidence(0, 1, surprises=(0.1, 6.0, 0.0)), "sequence", {**TEXTS, 2: "request answered"})
    assert sentence == "line 2 is not what comes there: [WARN] stock of <*> is low; expected request answered (60%)"


def test_an_order_that_never_was_names_both_lines_and_the_evidence() -> None:
    found = replace(evidence(1, 0, surprises=(0.1, 0.1, 0.0)), disorder=Disorder(0, 1, sessions=4_812, otherwise=4_812))
    came = "line 1 came before line 2 (request opened), but after it in all 4,812 normal sessions"
    assert told(found, "sequence") == f"{came}: [WARN] stock of <*> is low"


def test_an_order_that_hardly_ever_was_says_how_often() -> None:
    found = replace(evidence(0, 1, surprises=(0.1, 0.1, 0.0)), disorder=Disorder(1, 0, sessions=4_812, otherwise=4_811))
    assert told(found, "sequence").startswith(
        "line 2 came after line 1 (request opened), but before it in 4,811 of 4,812"
    )


def test_a_sequence_that_stops_says_after_which_line() -> None:
    found = evidence(0, 1, surprises=(0.1, 0.1, 9.0))
    assert told(found, "sequence").startswith("stops after line 2; expected ")


def test_what_goes_on_and_on_is_counted() -> None:
    found = evidence(0, 1, 1, 1, 1, surprises=(0.0, 1.0, 0.9, 0.9, 0.9, 0.0))
    assert told(found, "sequence").startswith("from line 2 on 4 times: [WARN] stock of <*> is low; expected ")


def test_what_is_missing_is_named_without_times_and_everyday_levels() -> None:
    assert told(evidence(1, 1, neighbour=((0, 1), (1, 1))), "profile") == (
        "missing: 1 x request opened; too much: 1 x [WARN] stock of <*> is low"
    )


@pytest.mark.parametrize("view", ["novelty", "profile", "sequence"])
def test_no_sentence_is_longer_than_a_screen_line_or_two(view: View) -> None:
    texts = dict.fromkeys(range(8), LONG)
    found = evidence(2, 1, 7, 7, surprises=(9.0, 9.0, 0.0), neighbour=((0, 2), (1, 5), (2, 3)))
    assert len(told(found, view, texts)) <= 200
    assert len(told(replace(found, disorder=Disorder(1, 0, 199_999, 198_765)), view, texts)) <= 200

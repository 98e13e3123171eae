import numpy as np

from deepsentry.events import Judgement, Shape
from models.known import Judged
from models.lessons import TRUE, set_aside
from models.prepare import Observed
from models.trimming import Trimmed
from models.vocabulary import Vocabulary

VOCABULARY = Vocabulary(["opened <*>", "closed <*>", "error <*>"])


def judged(*texts: str, judgement: Judgement = "true", complete: bool = True) -> Judged:
    distinct = tuple(dict.fromkeys(texts))
    shape = Shape(distinct, tuple(map(distinct.index, texts)))
    return Judged("-".join(texts), judgement, shape, "session", complete)


def observed(*templates: int) -> Observed:
    return Observed(templates, complete=True, kind="session")


ORDINARY = [observed(0, 1)] * 20


def kept(*verdicts: Judged, first: Observed) -> tuple[bool, dict[str, int]]:
    before = Trimmed(np.ones(21, np.bool_), {"breaks off": 0})
    after = set_aside(before, [first, *ORDINARY], verdicts, VOCABULARY)
    assert after.keep[1:].all()
    return bool(after.keep[0]), after.reasons


def test_what_was_right_is_set_aside_and_counted() -> None:
    assert kept(judged("opened <*>", "opened <*>"), first=observed(0, 0)) == (False, {"breaks off": 0, TRUE: 1})


def test_what_was_judged_as_it_went_is_known_by_its_beginning() -> None:
    begun = judged("opened <*>", "error <*>", complete=False)
    assert kept(begun, first=observed(0, 2, 1))[0] is False
    assert kept(judged("opened <*>", "error <*>"), first=observed(0, 2, 1))[0] is True


def test_a_false_alarm_is_left_to_the_trimming() -> None:
    false = judged("opened <*>", "error <*>", judgement="false_alarm")
    assert kept(false, first=observed(0, 2))[0] is True
    trimmed = Trimmed(np.zeros(1, np.bool_), {})
    assert set_aside(trimmed, [observed(0, 2)], [false], VOCABULARY) is trimmed


def test_a_true_verdict_on_what_has_become_usual_counts_no_more() -> None:
    before = Trimmed(np.ones(20, np.bool_), {})
    assert set_aside(before, ORDINARY, [judged("opened <*>", "closed <*>")], VOCABULARY) is before


def test_a_verdict_on_statements_that_the_data_has_not_teaches_nothing() -> None:
    assert kept(judged("opened <*>", "gone since"), first=observed(0, 2))[0] is True

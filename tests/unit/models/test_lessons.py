import numpy as np

from deepsentry.events import Judgement, Shape
from models.known import Judged
from models.lessons import TRUE, Lessons
from models.prepare import Observed
from models.trimming import Trimmed
from models.vocabulary import Vocabulary

VOCABULARY = Vocabulary(["opened <*>", "closed <*>", "error <*>"])


def judged(texts: tuple[str, ...], judgement: Judgement, *, complete: bool = True) -> Judged:
    return Judged("-".join(texts), judgement, Shape(texts, tuple(range(len(texts)))), "session", complete)


def observed(*templates: int, complete: bool = True) -> Observed:
    return Observed(templates, complete, "session")


def trimmed(*keep: bool) -> Trimmed:
    return Trimmed(np.array(keep), {"breaks off": keep.count(False)})


ORDINARY = [observed(0, 1)] * 20


def test_what_was_called_a_false_alarm_is_kept_though_it_names_a_failure() -> None:
    lessons = Lessons.of([judged(("opened <*>", "error <*>"), "false_alarm")], VOCABULARY)
    found = lessons.correct(trimmed(False, False, True), [observed(0, 2), observed(2, 1), observed(0, 1)])
    assert found.keep.tolist() == [True, False, True]


def test_what_was_right_is_set_aside_and_counted() -> None:
    lessons = Lessons.of([judged(("opened <*>", "opened <*>"), "true")], VOCABULARY)
    found = lessons.correct(trimmed(*[True] * 21), [observed(0, 0), *ORDINARY])
    assert found.keep.tolist() == [False, *[True] * 20]
    assert found.reasons[TRUE] == 1


def test_what_was_judged_as_it_went_is_known_by_its_beginning() -> None:
    lessons = Lessons.of([judged(("opened <*>", "error <*>"), "true", complete=False)], VOCABULARY)
    found = lessons.correct(trimmed(*[True] * 21), [observed(0, 2, 1), *ORDINARY])
    assert found.keep.tolist() == [False, *[True] * 20]


def test_what_was_called_both_is_set_aside() -> None:
    both = [judged(("opened <*>", "error <*>"), each) for each in ("true", "false_alarm")]
    lessons = Lessons.of(both, VOCABULARY)
    assert lessons.normal == frozenset()
    found = lessons.correct(trimmed(*[True] * 21), [observed(0, 2), *ORDINARY])
    assert found.keep.tolist()[0] is False


def test_a_true_verdict_on_what_has_become_usual_is_passed_over() -> None:
    lessons = Lessons.of([judged(("opened <*>", "closed <*>"), "true")], VOCABULARY)
    assert lessons.correct(trimmed(*[True] * 20), ORDINARY).keep.all()


def test_false_alarms_older_than_the_data_are_added_where_their_statements_are_known() -> None:
    lessons = Lessons.of(
        [
            judged(("opened <*>", "error <*>"), "false_alarm"),
            judged(("opened <*>", "gone since"), "false_alarm"),
            judged(("opened <*>",), "false_alarm", complete=False),
        ],
        VOCABULARY,
    )
    assert lessons.missing(ORDINARY) == [observed(0, 2)]
    assert lessons.missing([observed(0, 2)]) == []


def test_without_verdicts_nothing_changes() -> None:
    before = trimmed(True, False)
    assert Lessons.of([], VOCABULARY).correct(before, [observed(0), observed(1)]) is before

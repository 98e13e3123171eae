from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deepsentry.errors import DataError
from deepsentry.events import Job, JobKind, JobReport, JobState
from streams.batch.jobs import MOST_TRIES, Ledger, Standing, TrainParameters, given_back, next_report, parameters_of

NOW = datetime(2026, 1, 1, tzinfo=UTC)
AT = NOW.timestamp()
LOST = 60.0


def job(name: str = "j", *, stopped: bool = False, kind: JobKind = "train", **parameters: str | float | bool) -> Job:
    return Job(name, kind, "shop", "web", "ann", "detector", NOW, parameters, stopped)


def ledger(*jobs: Job) -> Ledger:
    made = Ledger(frozenset({"train"}))
    for each in jobs or (job(),):
        made.job(each)
    return made


def taken(made: Ledger, worker: str, at: float = AT) -> bool:
    """Tell whether `worker` gets the job, as if its report were the next on the topic."""
    [standing] = made.free(at, LOST)
    return made.report(next_report(standing, worker, NOW), at)


def report(number: int, state: JobState = "running") -> JobReport:
    return JobReport("j", number, state, NOW)


def test_of_two_workers_that_want_a_job_the_first_gets_it() -> None:
    made = ledger()
    [standing] = made.free(AT, LOST)
    first, second = (next_report(standing, worker, NOW) for worker in ("a", "b"))
    assert made.report(first, AT)
    assert not made.report(second, AT)
    assert made.standing["j"].worker == "a"
    assert list(made.free(AT, LOST)) == []


def test_a_job_whose_worker_fell_silent_is_taken_anew_and_then_lost() -> None:
    made = ledger()
    for tried in range(MOST_TRIES):
        assert taken(made, f"worker {tried}", AT + tried * (LOST + 1))
    [standing] = made.free(AT + MOST_TRIES * (LOST + 1), LOST)
    last = next_report(standing, "another", NOW)
    assert last.state == "lost"
    assert "fell silent" in last.message
    assert made.report(last, AT)
    assert made.standing == {}


def test_a_worker_that_is_heard_of_keeps_its_job() -> None:
    made = ledger()
    taken(made, "a")
    made.report(report(2), AT + LOST)
    assert list(made.free(AT + LOST + 1, LOST)) == []


def test_a_job_that_was_given_back_is_free_at_once_and_that_was_no_try() -> None:
    made = ledger()
    taken(made, "a")
    assert made.report(given_back(made.standing["j"], NOW), AT)
    [standing] = made.free(AT, LOST)
    assert (standing.tries, standing.worker) == (0, "")


def test_a_job_that_is_stopped_before_anybody_took_it_ends_so() -> None:
    made = ledger(job(), job(stopped=True))
    [standing] = made.free(AT, LOST)
    assert next_report(standing, "a", NOW).state == "stopped"


def test_the_wish_for_its_end_is_not_taken_back_by_an_older_record() -> None:
    assert ledger(job(), job(stopped=True), job()).standing["j"].job.stopped


def test_jobs_of_other_kinds_and_ended_ones_are_left_alone() -> None:
    made = ledger(job(kind="federate"))
    assert made.standing == {}
    made = ledger()
    taken(made, "a")
    made.report(report(2, "failed"), AT)
    made.job(job())
    assert made.standing == {}


@given(st.data())
def test_it_does_not_matter_which_topic_is_read_first(data: st.DataObject) -> None:
    reports = [report(1, "starting"), report(2), report(3)]
    place = data.draw(st.integers(0, 3))
    made = Ledger(frozenset({"train"}))
    for number in range(4):
        if number == place:
            made.job(job())
        if number < len(reports):
            made.report(reports[number], AT)
    assert made.standing["j"].number == 3


@given(st.lists(st.integers(1, 6), max_size=40))
def test_numbers_grow_without_gaps_whatever_comes(numbers: list[int]) -> None:
    made, last = ledger(), 0
    for number in numbers:
        assert made.report(report(number), AT) == (number == last + 1)
        last += number == last + 1
    assert made.standing["j"].number == last


def test_the_oldest_job_is_first() -> None:
    early = Job("z", "train", "shop", "web", "ann", "detector", datetime(2025, 1, 1, tzinfo=UTC))
    assert [each.job.id for each in ledger(job(), early).free(AT, LOST)] == ["z", "j"]


def test_parameters_are_taken_as_they_are() -> None:
    assert parameters_of(job(budget=5.0, promote=True)) == TrainParameters(budget=5.0, promote=True)


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        ({"epoch": 3}, r"unknown field `epoch`.*a train job takes topic, since, budget, key, seed, epochs, promote"),
        ({"epochs": "many"}, r"\$\.epochs"),
        ({"budget": -1.0}, r"\$\.budget"),
    ],
)
def test_a_parameter_that_is_unknown_or_out_of_range_is_named(parameters: dict[str, str | float], said: str) -> None:
    with pytest.raises(DataError, match=said):
        parameters_of(job(**parameters))


def test_a_kind_that_nobody_here_takes_is_refused() -> None:
    with pytest.raises(DataError, match="federate"):
        parameters_of(job(kind="federate"))


def test_a_fresh_job_stands_as_queued() -> None:
    assert Standing(job()).state == "queued"

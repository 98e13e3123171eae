import pytest

from benchmarks.detection import Outcome, baselines, outcome

NORMAL = (1, 2, 2, 3)


@pytest.mark.parametrize(
    ("alarms", "anomalous", "expected"),
    [
        ({"a", "b"}, {"a", "c"}, Outcome(0.5, 0.5, 0.5, alarms=2, missed=1)),
        (set(), {"a"}, Outcome(0.0, 0.0, 0.0, alarms=0, missed=1)),
        ({"a"}, {"a"}, Outcome(1.0, 1.0, 1.0, alarms=1, missed=0)),
    ],
)
def test_alarms_are_counted_against_the_truth(alarms: set[str], anomalous: set[str], expected: Outcome) -> None:
    assert outcome(alarms, anomalous) == expected


@pytest.mark.parametrize(
    ("detector", "session"),
    [
        ("new-template", (1, 2, 2, 9)),
        ("length", (1, 2)),
        ("set-unseen", (1, 2)),
        ("counts-unseen", (1, 2, 3, 3)),
        ("ecvc", (1, 2, 3, 3)),
        ("two-gram", (3, 2, 2, 1)),
    ],
)
def test_a_simple_detector_flags_what_it_looks_at_and_passes_what_it_has_seen(
    detector: str, session: tuple[int, ...]
) -> None:
    assert baselines([NORMAL] * 10, [NORMAL, session])[detector] == [False, True]


def test_a_yes_or_no_detector_learns_from_the_validation_part_too() -> None:
    late = (1, 2, 4)
    assert baselines([*[NORMAL] * 9, late], [late])["new-template"] == [False]

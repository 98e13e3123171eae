import pytest

from models.evaluation.simple import SIMPLE, limits

TRAINING = [(0, 1, 2, 3), (0, 1, 1, 2, 3), (0, 2, 3)]


@pytest.mark.parametrize("name", sorted(SIMPLE))
def test_a_training_sequence_is_not_strange(name: str) -> None:
    assert SIMPLE[name](TRAINING)((0, 1, 2, 3)) == 0.0


@pytest.mark.parametrize(
    ("name", "strange"),
    [
        ("new-template", (0, 1, 9, 3)),
        ("length", (0, 1)),
        ("set-unseen", (0, 1, 3)),
        ("counts-unseen", (0, 1, 1, 1, 2, 3)),
        ("ecvc", (0, 1, 1, 1, 2, 3)),
        ("ecvc-log", (0, 9, 2, 3)),
        ("two-gram", (0, 3, 2, 1)),
    ],
)
def test_what_a_detector_looks_for_is_strange_to_it(name: str, strange: tuple[int, ...]) -> None:
    assert SIMPLE[name](TRAINING)(strange) > 0


def test_a_yes_or_no_detector_has_no_threshold_and_a_graded_one_the_quantile() -> None:
    fitted = {name: SIMPLE[name](TRAINING) for name in ("new-template", "ecvc")}
    found = limits(fitted, [(0, 1, 1, 1, 2, 3)] * 1000, 0.001)
    assert found["new-template"] == 0.5
    assert found["ecvc"] == pytest.approx(1 / 6, abs=1e-6)

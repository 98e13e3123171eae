"""What every detector promises the stream, whatever learned inside it."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from models.detector import Detector
from models.prepare import LoggedSequence, Observed
from models.registry import Registry
from models.training import TrainingOptions, train

NORMAL = ("request 1 opened", "stock reserved in warehouse 2", "card charged under 3", "parcel label 4 printed")
END = "request 1 answered in 9 ms"


def shop(count: int) -> list[LoggedSequence]:
    rng = np.random.default_rng(0)
    found = []
    for i in range(count):
        lines = [*NORMAL, END] if rng.random() < 0.6 else [NORMAL[0], "cart 1 loaded with 2 items", "item 3 added", END]
        lines = [line.replace("1", str(i)) for line in lines]
        times = tuple(1e9 + 10 * i + 0.1 * k for k in range(len(lines)))
        found.append(LoggedSequence(f"r{i}", "session", times[0], times[-1], tuple(lines), complete=True, times=times))
    return found


@pytest.fixture(scope="module")
def detector(tmp_path_factory: pytest.TempPathFactory) -> Detector:
    registry = Registry(tmp_path_factory.mktemp("registry"))
    options = TrainingOptions(budget=100.0, encoder_steps=40, key_pattern="request ([0-9]+)")
    reference = registry.save("detector", train(shop(400), options, lambda _stage, _done, _total: None))
    return registry.load("detector", reference.version)


def observe(detector: Detector, *messages: str, complete: bool = True) -> Observed:
    return Observed(tuple(detector.template(m) for m in messages), complete, "session")


def score(detector: Detector, *messages: str, complete: bool = True) -> float:
    return detector.judge([observe(detector, *messages, complete=complete)])[0].score


def test_a_normal_sequence_is_below_the_threshold(detector: Detector) -> None:
    assert score(detector, *NORMAL, END) <= 1


@pytest.mark.parametrize(
    "messages",
    [
        (*NORMAL, "ledger rejected the entry, balances differ", END),
        (NORMAL[0], NORMAL[3], END),
        (NORMAL[0], NORMAL[3], NORMAL[2], NORMAL[1], END),
        (*NORMAL[:2], *NORMAL[2:3] * 9, NORMAL[3], END),
        NORMAL[:2],
    ],
    ids=["new statement", "missing steps", "wrong order", "burst", "cut off"],
)
def test_a_strange_sequence_is_above_the_threshold(detector: Detector, messages: tuple[str, ...]) -> None:
    assert score(detector, *messages) > 1


def test_an_unfinished_sequence_does_not_score_for_what_may_still_come(detector: Detector) -> None:
    for length in range(1, len(NORMAL) + 1):
        assert score(detector, *NORMAL[:length], complete=False) <= 1


def test_a_new_statement_is_seen_in_an_unfinished_sequence(detector: Detector) -> None:
    assert score(detector, NORMAL[0], "ledger rejected the entry, balances differ", complete=False) > 1


def test_the_same_sequence_has_the_same_verdict_whatever_is_judged_beside_it(detector: Detector) -> None:
    again = Detector(detector_version(detector), detector.reference)
    target = observe(detector, *NORMAL[::-1], END)
    others = [observe(detector, *NORMAL[i:], *NORMAL[:i]) for i in range(4)]
    alone = detector.judge([target])[0]
    assert again.judge([*others, Observed(target.templates, target.complete, target.kind)])[-1] == alone


def detector_version(detector: Detector):  # noqa: ANN201  (the version behind the fixture, trained the same way)
    options = TrainingOptions(budget=100.0, encoder_steps=40, key_pattern="request ([0-9]+)")
    assert detector.metadata.seed == options.seed
    return train(shop(400), options, lambda _stage, _done, _total: None)


def test_a_statement_outside_the_version_is_new_and_keeps_its_id(detector: Detector) -> None:
    first = detector.template("volume 3 is mounted read-only")
    assert detector.is_new(first)
    assert detector.template("volume 4 is mounted read-only") == first
    assert detector.template_text(first) == "volume <*> is mounted read-only"
    assert not detector.is_new(detector.template(END))


REWORDED = "the stock is now reserved at warehouse 2"


def test_a_statement_reworded_in_its_place_is_not_news(detector: Detector) -> None:
    assert score(detector, NORMAL[0], REWORDED, *NORMAL[2:], END) <= 1


def test_the_same_statement_out_of_its_place_is_news(detector: Detector) -> None:
    assert score(detector, NORMAL[0], "cart 1 loaded with 2 items", REWORDED, "item 3 added", END) > 1


def test_a_new_statement_leads_the_verdict_however_strange_the_rest_is(detector: Detector) -> None:
    observed = observe(detector, *[NORMAL[1]] * 30, "ledger rejected the entry, balances differ")
    verdict = detector.judge([observed])[0]
    assert verdict.views[0].view == "novelty"
    assert verdict.score == max(view.score for view in verdict.views)
    assert detector.explain(observed, verdict).deviation == 30


def test_an_explanation_names_the_line_and_what_was_expected(detector: Detector) -> None:
    observed = observe(detector, *NORMAL[:2], "ledger rejected the entry, balances differ", *NORMAL[2:], END)
    explanation = detector.explain(observed, detector.judge([observed])[0])
    assert explanation.views[0].view == "novelty"
    assert explanation.deviation == 2
    assert explanation.expected[0].template == "card charged under <*>"
    assert explanation.neighbour is not None


def test_what_stops_early_deviates_at_no_line(detector: Detector) -> None:
    observed = observe(detector, *NORMAL[:2])
    explanation = detector.explain(observed, detector.judge([observed])[0])
    assert explanation.deviation is None
    assert explanation.neighbour is not None
    assert explanation.neighbour.missing


def test_any_sequence_gets_a_finite_verdict(detector: Detector) -> None:
    rng = np.random.default_rng(0)
    odd = [Observed((), complete=True, kind="session"), Observed((10**9,), complete=False, kind="window")]
    odd += [Observed(tuple(rng.integers(0, 12, n).tolist()), complete=True, kind="window") for n in (1, 40, 5000)]
    for observed, verdict in zip(odd, detector.judge(odd), strict=True):
        assert np.isfinite(verdict.score)
        assert detector.explain(observed, verdict).views


def test_metadata_passes_through(detector: Detector) -> None:
    assert detector.key_pattern == "request ([0-9]+)"
    assert detector.budget == 100.0
    assert detector.patience(detector.template(NORMAL[0])) > 0


def test_a_reworded_statement_is_waited_for_as_its_old_self(detector: Detector) -> None:
    assert detector.patience(detector.template(REWORDED)) >= detector.patience(detector.template(NORMAL[1])) > 0
    assert detector.patience(detector.template("ledger rejected the entry, balances differ")) == 0


def test_judging_does_not_load_tensorflow() -> None:
    code = (
        "import sys, models.registry, models.training; sys.exit('tensorflow' in sys.modules or 'keras' in sys.modules)"
    )
    root = Path(__file__).parents[2]
    assert subprocess.run([sys.executable, "-c", code], cwd=root, check=False).returncode == 0

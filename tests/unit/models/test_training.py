from collections.abc import Callable

import numpy as np
import pytest

from deepsentry.errors import TrainingError
from deepsentry.events import ModelReference
from models.artifact import TrainedVersion
from models.detector import Detector
from models.prepare import LoggedSequence, Observed
from models.training import TrainingOptions, train

START = 1_700_000_000.0

Visits = Callable[..., list[LoggedSequence]]


def silent(_stage: str, _done: int, _total: int) -> None:
    """Hear no progress."""


def test_the_same_seed_gives_the_same_bytes_of_weights(visits_of: Visits, trained: TrainedVersion) -> None:
    options = TrainingOptions(budget=100.0, encoder_steps=40, key_pattern="request ([0-9]+)")
    again = train(visits_of(400), options, silent)
    assert {n: a.tobytes() for n, a in again.arrays.items()} == {n: a.tobytes() for n, a in trained.arrays.items()}
    assert again.thresholds == trained.thresholds


def test_too_few_sequences_are_refused_with_what_is_missing(visits_of: Visits) -> None:
    with pytest.raises(TrainingError, match="10 sequences are too few"):
        train(visits_of(10), TrainingOptions(), silent)


def test_sessions_still_open_when_the_log_ends_do_not_count_as_normal_endings(
    visits_of: Visits, trained: TrainedVersion
) -> None:
    whole = visits_of(400)
    cut = [
        LoggedSequence(s.key, s.kind, s.start, s.times[1], s.messages[:2], complete=True, times=s.times[:2])
        if s.end > whole[-1].end - 0.3
        else s
        for s in whole
    ]
    options = TrainingOptions(budget=100.0, encoder_steps=1)
    version = train(cut, options, silent)
    assert version.metadata.counts["incomplete"] == 1
    assert trained.metadata.counts["incomplete"] == 0
    assert np.isfinite(version.thresholds.session.profile.threshold)


def refund(place: int) -> LoggedSequence:
    """A request that is refunded, with a word in it that names a failure."""
    at = START + 10.0 * place + 5.0
    lines = (f"request {place} opened", f"refund {place} booked after an error", f"request {place} answered in 7 ms")
    return LoggedSequence(f"f{place}", "session", at, at + 0.2, lines, complete=True, times=(at, at + 0.1, at + 0.2))


@pytest.mark.parametrize(("refunds", "normal"), [(6, False), (60, True)], ids=["rare", "frequent"])
def test_rare_behaviour_is_strange_until_a_training_finds_it_frequent(
    visits_of: Visits,
    refunds: int,
    normal: bool,  # noqa: FBT001
) -> None:
    log = [*visits_of(340), *(refund(340 * i // refunds) for i in range(refunds))]
    detector = Detector(train(log, TrainingOptions(budget=100.0, encoder_steps=10), silent), ModelReference("d", 1, ""))
    seen = Observed(tuple(detector.template(m) for m in refund(341).messages), complete=True, kind="session")
    assert (detector.judge([seen])[0].score <= 1) is normal

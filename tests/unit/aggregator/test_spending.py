"""Private training is paid for before it begins, with the rate that it is then drawn by."""

from collections.abc import Callable
from pathlib import Path

from aggregator.ledger import Ledger, OverBudget
from aggregator.privacy import Budget, Spent, epsilon
from aggregator.spending import CLIP, RATE, Bought, Purse
from models.federated import Ask, Privacy
from models.private import KEY, Unit
from models.shared import Weights, initial


class Site:
    """Learns nothing, and shows what it was asked for and what the ledger said then."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger
        self.asked: list[tuple[str, Privacy, int]] = []

    def records(self, unit: Unit) -> int:
        return 800 if unit == "sequence" else 80

    def train_privately(
        self, weights: Weights, ask: Ask, privacy: Privacy, _stopped: Callable[[], bool]
    ) -> tuple[Weights, int]:
        self.asked.append(("sequence", privacy, len(self.ledger.spent())))
        return weights, ask.steps

    def train_encoder_privately(
        self, weights: Weights, ask: Ask, privacy: Privacy, _stopped: Callable[[], bool]
    ) -> tuple[Weights, int]:
        self.asked.append(("encoder", privacy, len(self.ledger.spent())))
        return weights, ask.steps


def purse(folder: Path, unit: Unit = "sequence", limit: float = 8.0) -> tuple[Purse, Site, Ledger]:
    ledger = Ledger(folder)
    return Purse(ledger, Budget(limit), unit, lambda: "2026-01-01T00:00:00Z"), Site(ledger), ledger


def test_every_step_is_paid_for_before_the_first_is_taken(tmp_path: Path) -> None:
    made, site, ledger = purse(tmp_path)
    weights = initial(0)
    found = made.train(site, weights, Ask(20, 0.01), "sequence", 2.0, "job", 4)
    assert isinstance(found, Bought)
    assert ledger.spent() == (Spent("job", 4, "sequence", 2.0, RATE, 20),)
    [(phase, privacy, entries)] = site.asked
    assert (phase, entries) == ("sequence", 1)
    assert privacy.protection.rate(800) == RATE
    assert privacy.protection.noise == 2.0
    assert privacy.protection.clip == CLIP["sequence"]
    assert found.job == found.total == epsilon(ledger.spent(), 1e-5)


def test_the_encoder_and_other_jobs_draw_on_the_same_budget(tmp_path: Path) -> None:
    made, site, _ = purse(tmp_path)
    first = made.train(site, initial(0), Ask(20, 0.01), "encoder", 2.0, "one", 1)
    second = made.train(site, initial(0), Ask(20, 0.01), "sequence", 2.0, "two", 1)
    assert isinstance(first, Bought)
    assert isinstance(second, Bought)
    assert second.total.value > second.job.value == first.job.value
    assert [phase for phase, *_ in site.asked] == ["encoder", "sequence"]


def test_past_the_budget_nothing_is_trained(tmp_path: Path) -> None:
    made, site, ledger = purse(tmp_path, limit=1.0)
    assert isinstance(made.train(site, initial(0), Ask(500, 0.01), "sequence", 0.8, "job", 1), OverBudget)
    assert site.asked == []
    assert ledger.spent() == ()


def test_what_a_record_is_decides_how_many_are_drawn(tmp_path: Path) -> None:
    made, site, _ = purse(tmp_path, "key")
    found = made.train(site, initial(0), Ask(5, 0.01), "sequence", 2.0, "job", 1)
    assert isinstance(found, Bought)
    assert found.total.unit == "key"
    assert site.asked[0][1].protection.batch == 80 * RATE


def test_no_two_trainings_have_the_same_noise(tmp_path: Path) -> None:
    asked: list[int] = []

    def random(size: int) -> bytes:
        asked.append(size)
        return bytes([len(asked)] * size)

    ledger = Ledger(tmp_path)
    made, site = Purse(ledger, Budget(8.0), "sequence", lambda: "now", random), Site(ledger)
    for number in (1, 2):
        made.train(site, initial(0), Ask(5, 0.01, seed=7), "sequence", 3.0, "job", number)
    assert asked == [KEY, KEY]
    one, other = (privacy.randomness.uniform(4).tolist() for _, privacy, _ in site.asked)
    assert one != other

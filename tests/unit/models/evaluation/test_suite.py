from collections.abc import Callable

from models.calibration import MOST
from models.evaluation.protocol import Benchmark, Case
from models.evaluation.suite import standard
from models.prepare import LoggedSequence


def silent(_stage: str, _done: int, _total: int) -> None:
    """Hear no progress."""


def test_each_budget_says_what_is_used_of_it_and_the_f1_it_gives(
    visits_of: Callable[..., list[LoggedSequence]],
) -> None:
    normal = visits_of(120)
    broken = LoggedSequence(
        "x", "session", 1e9, 1e9, ("request 1 opened", "disk lost"), complete=True, times=(1e9, 1e9)
    )
    tests = [*(Case(sequence, anomalous=False) for sequence in normal[100:]), Case(broken, anomalous=True)]
    benchmark = Benchmark("b", normal[:100], 0.2, tests, float("inf"), MOST)
    found = standard(benchmark, 1, silent, (0.005, 0.05)).found
    f1 = found["results"]["deepsentry"]["f1"]
    assert {budget: row["f1"] for budget, row in found["budgets"].items()} == {"0.005": f1, "0.05": f1}
    assert all(row["used"] == MOST for row in found["budgets"].values())

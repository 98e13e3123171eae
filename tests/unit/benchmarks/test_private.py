from aggregator.privacy import Budget
from benchmarks.private import Row, report


def test_the_cost_is_the_difference_of_the_means() -> None:
    def row(training: str, f1: float) -> Row:
        return Row(training, 0, f1, {}, 0.5, 1.0)

    rows = [row("untrained", 0.5), row("plain", 0.9), row("private", 0.87), row("plain", 0.92), row("private", 0.89)]
    found = report(Budget(8.0), 2_762, 1.23456, rows)
    assert (found.untrained, found.plain, found.private, found.cost) == (0.5, 0.91, 0.88, 0.03)
    assert (found.epsilon, found.delta, found.noise) == (8.0, 1e-5, 1.2346)

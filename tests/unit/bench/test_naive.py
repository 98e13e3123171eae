from typing import Any

from deepsentry.bench.naive import classes, loop


class Counting:
    """A network that only counts how often it is asked."""

    def __init__(self) -> None:
        self.asked = 0

    def predict(self, rows: Any, verbose: int) -> Any:  # noqa: ARG002 - Keras's signature
        self.asked += 1
        return rows


def test_its_expressions_mask_what_they_are_for() -> None:
    text = "mail of ada@example.com from AKIAIOSFODNN7EXAMPLE"
    for kind, rule in classes().items():
        text = rule.sub(f"<{kind}>", text)
    assert "ada@example.com" not in text
    assert "AKIAIOSFODNN7EXAMPLE" not in text


def test_the_network_is_asked_once_for_every_line_and_the_first_lines_are_not_measured() -> None:
    network = Counting()
    cost = loop([f"line {number}" for number in range(20)], network, classes())
    assert network.asked == 20
    assert cost.lines == 15

import pytest

from deepsentry.events import Severity
from deepsentry.handling import Tier
from streams.alerts.impact import MANY, severity


@pytest.mark.parametrize(
    ("strange", "tier", "count", "expected"),
    [
        ("warning", "normal", 1, "warning"),
        ("warning", "high", 1, "error"),
        ("warning", "low", 1, "info"),
        ("info", "low", 1, "info"),
        ("critical", "high", 1, "critical"),
        ("warning", "normal", MANY, "error"),
        ("error", "normal", 10 * MANY, "error"),
        ("error", "high", MANY, "critical"),
    ],
)
def test_severity_follows_what_depends_on_the_service_and_how_often_it_comes(
    strange: Severity, tier: Tier, count: int, expected: Severity
) -> None:
    assert severity(strange, tier, count) == expected

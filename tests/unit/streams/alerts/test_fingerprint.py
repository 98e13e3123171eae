import math
import re
from typing import get_args

from hypothesis import given
from hypothesis import strategies as st

from deepsentry.events import Level
from streams.alerts.fingerprint import fingerprint, rank, severity

LEVELS: st.SearchStrategy[Level] = st.sampled_from(get_args(Level))


@given(st.text(), st.text())
def test_a_fingerprint_is_short_and_always_the_same(service: str, template: str) -> None:
    assert re.fullmatch("[0-9a-f]{16}", fingerprint(service, "profile", template))
    assert fingerprint(service, "profile", template) == fingerprint(service, "profile", template)


def test_service_view_and_template_each_tell_problems_apart() -> None:
    known = fingerprint("api", "profile", "disk full on <*>")
    others = {
        fingerprint("web", "profile", "disk full on <*>"),
        fingerprint("api", "sequence", "disk full on <*>"),
        fingerprint("api", "profile", "disk full"),
    }
    assert len(others | {known}) == 4


def test_text_that_moves_from_the_template_to_the_service_is_another_problem() -> None:
    assert fingerprint("api", "profile", "x,y") != fingerprint('api","profile', "profile", "x,y")
    assert fingerprint("ab", "profile", "c") != fingerprint("a", "profile", "bc")


@given(st.floats(), st.floats(), LEVELS)
def test_a_higher_score_is_never_milder(one: float, other: float, level: Level) -> None:
    low, high = sorted([one, other])
    if not math.isnan(one + other):
        assert rank(severity(low, level)) <= rank(severity(high, level))


def test_a_score_alone_is_never_critical_and_an_error_line_raises_it() -> None:
    assert severity(1000.0, "info") == "error"
    assert severity(1.2, "info") == "warning"
    assert severity(1.2, "error") == "error"
    assert severity(2.5, "error") == "critical"
    assert severity(1.2, "fatal") == "critical"
    assert severity(1.2, "debug") == "info"


def test_what_stays_below_its_threshold_is_info() -> None:
    assert severity(0.99, "fatal") == "info"
    assert severity(1.0, "error") == "info"

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deepsentry.errors import SettingsError
from deepsentry.targets import Route
from streams.alerts.routes import Labels, Routes, assignments, labels_of, parse
from tests.unit.streams.alerts.builders import alert, anomaly

SHOP = {"service": ("shop",), "severity": ("critical",), "host": ("web-1", "web-2"), "view": ("sequence",)}


def route(*targets: str, match: tuple[str, ...] = (), go_on: bool = False) -> Route:
    return Route(match=match, targets=targets, go_on=go_on)


def chosen(routes: list[Route], labels: Labels = SHOP) -> list[str]:
    return [choice.target for choice in Routes(routes, ("oncall", "chat", "log")).choices(labels)]


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        ("service=shop", True),
        ("service=sho", False),
        ("service!=shop", False),
        ('service = "shop"', True),
        ("severity=~error|critical", True),
        ("severity=~crit", False),
        ("severity!~info|warning", True),
        ("host=web-2", True),
        ("host!=web-2", False),
        ("host=~web-.*", True),
        ("host!~.*-2", False),
        ("template=", True),
        ("template=~.+", False),
        ("model!=detector", True),
    ],
)
def test_a_condition_holds_for_a_whole_value_of_its_label(condition: str, holds: bool) -> None:  # noqa: FBT001
    assert parse(condition, "here").holds(SHOP) is holds


def test_the_first_route_that_matches_decides() -> None:
    assert chosen(
        [route("log", match=("service=other",)), route("oncall", match=("service=shop",)), route("chat")]
    ) == ["oncall"]


def test_all_conditions_of_a_route_must_hold() -> None:
    assert chosen([route("oncall", match=("service=shop", "severity=info")), route("chat")]) == ["chat"]


def test_a_route_may_let_the_following_ones_have_their_say_and_nobody_is_told_twice() -> None:
    assert chosen([route("log", "chat", go_on=True), route("chat", "oncall")]) == ["log", "chat", "oncall"]


def test_where_no_route_matches_every_target_is_told() -> None:
    assert chosen([]) == chosen([route("log", match=("service=other",))]) == ["oncall", "chat", "log"]


def test_a_route_without_targets_tells_nobody() -> None:
    assert chosen([route(match=("service=shop",)), route("chat")]) == []


def test_a_choice_says_which_route_made_it() -> None:
    [choice] = Routes([route("chat", match=("service=shop", "host=~web.*"))], ("chat",)).choices(SHOP)
    assert choice.why == "route 0 matches: service=shop, host=~web.*"


def test_an_alert_has_the_labels_that_routes_ask_for() -> None:
    told = alert("opened", anomaly(host="web-1"), anomaly("a2", host="web-2"))
    assert labels_of(told.alert) == {
        "service": ("checkout",),
        "severity": ("warning",),
        "host": ("web-1", "web-2"),
        "view": ("sequence",),
        "template": ("payment declined for order <*>",),
        "model": ("detector",),
    }


@pytest.mark.parametrize("condition", ["", "service", "colour=red", "service==~x(", "service=~(", "service=~(?=a)"])
def test_a_condition_that_is_none_is_a_settings_error(condition: str) -> None:
    try:
        parse(condition, "alerts.routes.0.match")
    except SettingsError as error:
        assert str(error).startswith("alerts.routes.0.match: ")  # noqa: PT017
    else:
        assert condition == "service==~x("


def test_a_route_to_an_unknown_target_is_a_settings_error() -> None:
    with pytest.raises(SettingsError, match=r"^alerts\.routes\.1\.targets: there is no target 'pager'"):
        Routes([route("chat"), route("pager")], ("chat",))


def test_labels_of_the_command_line() -> None:
    assert assignments("service=shop, host=a,host=b,") == {"service": ("shop",), "host": ("a", "b")}
    with pytest.raises(SettingsError, match=r"^labels: severity needs a value"):
        assignments("severity=~crit")


@given(st.text(), st.dictionaries(st.sampled_from(sorted(SHOP)), st.lists(st.text()).map(tuple)))
def test_any_text_is_a_condition_or_a_settings_error(text: str, labels: dict[str, tuple[str, ...]]) -> None:
    for condition in (text, f"service=~{text}", f'host!="{text}"'):
        try:
            matcher = parse(condition, "here")
        except SettingsError:
            continue
        assert matcher.holds(labels) in {True, False}

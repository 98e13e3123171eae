from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from deepsentry import wire
from deepsentry.events import Alert, Neighbour
from streams.alerts.notice import Notice
from streams.alerts.notifiers import cloudevent
from tests.unit.streams.alerts.builders import EXPLANATION, alert, anomaly, line

SOURCE = "/deepsentry/prod/alerts"


def notice(**changes: Any) -> Notice:
    return alert("opened", anomaly(**changes))


def event(told: Notice) -> dict[str, Any]:
    body = wire.from_json(cloudevent.encode(told, SOURCE))
    assert isinstance(body, dict)
    return body


def test_an_event_has_what_the_specification_requires_and_the_whole_alert() -> None:
    told = notice()
    found = event(told)
    data = found.pop("data")
    assert found == {
        "specversion": "1.0",
        "id": told.key,
        "source": SOURCE,
        "type": "io.deepsentry.alert.opened.v1",
        "subject": "checkout",
        "time": "2025-01-02T02:04:08Z",
        "datacontenttype": "application/json",
    }
    assert wire.decode(Alert, wire.encode(data)) == told.alert


def test_an_event_without_a_service_has_no_empty_subject() -> None:
    assert "subject" not in event(notice(service=""))


def test_an_event_that_is_too_large_keeps_its_lines_and_says_that_it_was_cut() -> None:
    data = event(notice(lines=tuple(line("x" * 100_000, n, deviates=n == 19) for n in range(20))))["data"]
    assert data["truncated"] is True
    assert [shown["message"][-1] for shown in data["anomaly"]["lines"]] == ["…"] * 20
    assert data["anomaly"]["lines"][-1]["deviates"] is True


@given(
    st.text(max_size=50_000),
    st.integers(0, 100_000),
    st.dictionaries(st.text(max_size=500), st.integers(1, 9), max_size=100),
)
def test_no_alert_makes_an_event_that_intermediaries_may_drop(text: str, length: int, counts: dict[str, int]) -> None:
    explanation = msgspec.structs.replace(EXPLANATION, summary=text, neighbour=Neighbour(0.5, counts, counts))
    told = notice(
        explanation=explanation,
        service=text,
        host=text,
        sequence=text,
        lines=tuple(line(text, n, template=text) for n in range(20)),
        positions=tuple(range(10**12, 10**12 + length)),
    )
    assert len(cloudevent.encode(told, SOURCE)) <= cloudevent.LIMIT

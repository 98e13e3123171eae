from datetime import timedelta
from email.message import EmailMessage
from typing import Any

import msgspec
import pytest
from pydantic import SecretStr

from deepsentry import wire
from deepsentry.errors import SettingsError
from deepsentry.handling import Links
from deepsentry.links import verify
from streams.alerts.asking import Asking
from streams.alerts.notice import Notice
from streams.alerts.notifiers import blocks, cloudevent, letter
from tests.unit.streams.alerts.builders import alert, anomaly, hostile

KEY = "k" * 32
LINKS = Links(url="https://deepsentry.example.com/base/", key=SecretStr(KEY))
PREFIX = "https://deepsentry.example.com/base/verdicts/"


def asked(notice: Notice) -> Notice:
    return Notice(notice.alert, notice.occasion, links=Asking(LINKS).links(notice.alert, "ops"))


def test_each_link_says_its_verdict_of_the_alert_until_its_days_are_over() -> None:
    notice = asked(alert())
    for said, address in notice.links:
        link = verify(address.removeprefix(PREFIX), KEY.encode(), notice.alert.updated_at)
        assert (link.judgement, link.anomaly, link.alert, link.target) == (said, "a1", notice.alert.id, "ops")
        assert abs(link.until - notice.alert.updated_at - timedelta(days=14)) < timedelta(seconds=1)
    assert [said for said, _ in notice.links] == ["false_alarm", "true"]
    assert asked(alert()).links == notice.links


def test_without_settings_and_for_an_incident_there_are_none() -> None:
    assert Asking().links(alert().alert, "ops") == ()
    incident = msgspec.structs.replace(alert().alert, members=3)
    assert Asking(LINKS).links(incident, "ops") == ()


@pytest.mark.parametrize(
    ("links", "named"),
    [
        (Links(url="https://deepsentry.example.com"), r"alerts\.links\.key has 0"),
        (Links(url="https://deepsentry.example.com", key=SecretStr("short")), "KEY_FILE"),
        (Links(key=SecretStr(KEY)), r"alerts\.links\.url"),
    ],
)
def test_half_of_the_settings_is_an_error_that_names_the_other(links: Links, named: str) -> None:
    with pytest.raises(SettingsError, match=named) as error:
        Asking(links)
    assert "short" not in str(error.value).replace("too short", "")


def test_slack_has_a_button_for_each() -> None:
    found: list[Any] = [b for b in blocks.message(asked(alert()))["blocks"] if b["type"] == "actions"]
    [actions] = found
    assert [b["text"]["text"] for b in actions["elements"]] == ["False alarm", "It was right"]
    assert all(b["url"].startswith(PREFIX) and len(b["url"]) < 3000 for b in actions["elements"])


def test_a_letter_has_both_in_its_text_and_its_page() -> None:
    notice = asked(alert())
    message = letter.compose(notice, "ds@example.com", ("ops@example.com",), b"")
    text, page = message.iter_parts()
    assert isinstance(text, EmailMessage)
    assert isinstance(page, EmailMessage)
    for _, address in notice.links:
        assert address in text.get_content()
        assert f'<a href="{address}">' in page.get_content()


def test_a_webhook_gets_them_whole_however_much_is_cut() -> None:
    event: Any = wire.from_json(cloudevent.encode(asked(hostile()), "/deepsentry"))
    assert event["data"]["truncated"]
    assert dict(asked(hostile()).links) == event["data"]["links"]
    plain: Any = wire.from_json(cloudevent.encode(alert("opened", anomaly()), "/deepsentry"))
    assert "links" not in plain["data"]

"""PagerDuty, Events API v2 (developer.pagerduty.com, "Send an Alert Event"): one incident for one alert."""

from typing import Any, Final

from deepsentry import targets, wire
from deepsentry.errors import SettingsError
from streams.alerts import wording
from streams.alerts.notice import Notice
from streams.alerts.notifiers.delivery import Surroundings
from streams.alerts.notifiers.posting import JSON, Poster, url_of
from streams.alerts.visible import visible

DEDUP_KEY: Final = 255
SUMMARY: Final = 1024
LIMIT: Final = 512_000
"""Bytes of an event. Ours stay far below it: every text in it is bounded."""


def event(notice: Notice, routing_key: str, source: str) -> dict[str, Any]:
    """Return the event of `notice`; what is sent twice has the same `dedup_key` and changes nothing."""
    action = "resolve" if notice.alert.status == "resolved" else "trigger"
    head = {
        "routing_key": routing_key,
        "event_action": action,
        "dedup_key": f"{source}/{notice.alert.id}"[:DEDUP_KEY],
    }
    if action == "resolve":
        return head
    links = [{"href": notice.alert.runbook, "text": "Runbook"}] if notice.alert.runbook else []
    return {**head, "payload": _payload(notice), "links": links, "client": "DeepSentry"}


def _payload(notice: Notice) -> dict[str, Any]:
    alert, strange = notice.alert, notice.alert.anomaly
    named = {"component": visible(alert.service, wording.NAME), "class": strange.view}
    return {
        "summary": wording.title(alert)[:SUMMARY],
        "source": visible(strange.host or alert.service, wording.NAME) or "DeepSentry",
        "severity": alert.severity,
        "timestamp": alert.last_seen.isoformat(),
        **{name: value for name, value in named.items() if value},
        "custom_details": {
            "occasion": notice.occasion,
            **dict(wording.facts(notice)),
            "lines": list(wording.lines(strange)),
            "score": strange.score if strange.score < float("inf") else "infinite",
            "model": wording.model(strange),
            "look closer": wording.closer(strange),
            "alert": visible(alert.id),
            "fingerprint": visible(alert.fingerprint),
            "key": visible(notice.key),
        },
    }


class PagerDuty:
    """Triggers and resolves incidents."""

    def __init__(self, name: str, target: targets.PagerDuty, surroundings: Surroundings) -> None:
        """Raises SettingsError where routing_key or url cannot be used."""
        setting = f"alerts.targets.{name}"
        self._routing_key = target.routing_key.get_secret_value()
        if not (self._routing_key.isascii() and self._routing_key.isalnum()):
            message = f"{setting}.routing_key: set it to the integration key of an Events API v2 integration"
            raise SettingsError(message)
        self._source = surroundings.source
        self._url = url_of(target.url, f"{setting}.url")
        self._poster = Poster(setting, target, surroundings)

    async def notify(self, notice: Notice) -> str:
        """Send the event of `notice`. Raises DeliveryError, TargetAway."""
        body = wire.encode(event(notice, self._routing_key, self._source))
        return str(await self._poster.post(self._url, body, lambda: {"Content-Type": JSON}))

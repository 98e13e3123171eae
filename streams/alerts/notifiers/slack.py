"""Slack: by an incoming webhook, or as a bot that keeps one message an alert up to date (api.slack.com/methods)."""

import asyncio
import re
from typing import Any, Final, Protocol

import msgspec
from yarl import URL

from deepsentry import logs, targets, wire
from deepsentry.errors import DeliveryError, SettingsError, WireError
from streams.alerts import plot
from streams.alerts.notice import Notice
from streams.alerts.notifiers import blocks
from streams.alerts.notifiers.delivery import Failure, Surroundings
from streams.alerts.notifiers.posting import JSON, Answer, Poster, url_of

PASSING: Final = frozenset(
    {"fatal_error", "internal_error", "ratelimited", "request_timeout", "service_unavailable", "team_added_to_org"}
)
"""Errors of the Web API that come with HTTP 200 and may pass."""
_CODE: Final = re.compile(r"[a-z_]{1,64}")

log = logs.get("slack")


class Receipts(Protocol):
    """Remembers, also over a restart, where an alert stands at its target."""

    async def find(self, target: str, alert: str) -> str:
        """Return what was kept for `alert` (its id) at `target`; empty where nothing was."""

    async def keep(self, target: str, alert: str, receipt: str) -> None:
        """Keep `receipt`, then return."""


class _Said(msgspec.Struct):
    """What the Web API answers, as far as it matters."""

    ok: bool = False
    error: str = ""
    ts: str = ""
    channel: str = ""
    upload_url: str = ""
    file_id: str = ""


class SlackWebhook:
    """Posts each notice anew: an incoming webhook cannot change what it said."""

    def __init__(self, name: str, target: targets.Slack, surroundings: Surroundings) -> None:
        """Raises SettingsError."""
        setting = f"alerts.targets.{name}"
        self._url = url_of(target.webhook.get_secret_value(), f"{setting}.webhook")
        self._poster = Poster(setting, target, surroundings)

    async def notify(self, notice: Notice) -> str:
        """Post `notice`. Raises DeliveryError, TargetAway."""
        body = wire.encode(blocks.message(notice))
        return str(await self._poster.post(self._url, body, lambda: {"Content-Type": JSON}))


class SlackBot:
    """Posts an alert once, keeps that message up to date, and says in its thread what changed."""

    def __init__(self, name: str, target: targets.Slack, surroundings: Surroundings, receipts: Receipts) -> None:
        """Raises SettingsError."""
        self._name = name
        self._setting = f"alerts.targets.{name}"
        self._token = target.token.get_secret_value()
        self._channel = target.channel
        self._base = url_of(target.url, f"{self._setting}.url")
        self._receipts = receipts
        self._poster = Poster(self._setting, target, surroundings)
        if not self._channel:
            message = f"{self._setting}.channel: set it to the id of the channel; the bot must be a member of it"
            raise SettingsError(message)
        if not (self._token.isascii() and self._token.isprintable()):
            message = f"{self._setting}.token: set it to the bot's token"
            raise SettingsError(message)

    async def notify(self, notice: Notice) -> str:
        """Post `notice` or change what stands. Raises DeliveryError, TargetAway."""
        message = {
            **blocks.message(notice),
            "metadata": {"event_type": "deepsentry_alert", "event_payload": {"key": notice.key}},
        }
        receipt = await self._receipts.find(self._name, notice.alert.id)
        channel, _, ts = receipt.partition("/")
        if not ts:
            said = await self._call("chat.postMessage", {"channel": self._channel, **message})
            await self._receipts.keep(self._name, notice.alert.id, f"{said.channel}/{said.ts}")
            await self._attach(notice, said)
            return f"posted as {said.ts}"
        await self._call("chat.update", {"channel": channel, "ts": ts, **message})
        if notice.occasion != "opened":
            text = blocks.escaped(blocks.headline(notice), blocks.TEXT)
            await self._call("chat.postMessage", {"channel": channel, "thread_ts": ts, "text": text, "mrkdwn": False})
        return f"changed {ts}"

    async def _attach(self, notice: Notice, posted: _Said) -> None:
        """Put the plot into the thread; people were told already, so a plot that fails is only logged."""
        try:
            image = await asyncio.to_thread(plot.png, notice.alert.anomaly)
            form = {"filename": "scores.png", "length": str(len(image))}
            place = await self._call("files.getUploadURLExternal", form)
            await self._poster.post(
                url_of(place.upload_url, f"{self._setting}: its upload address"),
                image,
                lambda: {"Content-Type": "image/png"},
            )
            done = {
                "files": [{"id": place.file_id, "title": "Scores"}],
                "channel_id": posted.channel,
                "thread_ts": posted.ts,
            }
            await self._call("files.completeUploadExternal", done)
        except (DeliveryError, SettingsError) as error:
            log.warning("plot_not_attached", target=self._name, alert=notice.alert.id, reason=str(error))

    async def _call(self, method: str, arguments: dict[str, Any]) -> _Said:
        form = method == "files.getUploadURLExternal"  # the one method that takes no JSON
        body = str(URL.build(query=arguments).raw_query_string).encode() if form else wire.encode(arguments)
        kind = "application/x-www-form-urlencoded" if form else JSON
        headers = {"Content-Type": kind, "Authorization": f"Bearer {self._token}"}
        answer = await self._poster.post(self._base / method, body, lambda: headers, self._judge)
        return wire.decode(_Said, answer.body)

    def _judge(self, answer: Answer) -> Failure | None:
        try:
            said = wire.decode(_Said, answer.body)
        except WireError:
            return Failure("an answer that is not Slack's")
        if said.ok:
            return None
        code = said.error if _CODE.fullmatch(said.error) else "an error without a name"
        if code in PASSING:
            return Failure(code)
        message = f"{self._setting}: Slack refused with {code}; check its token, channel and scopes (chat:write)"
        raise DeliveryError(message)

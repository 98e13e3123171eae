"""The targets of the settings, built."""

from collections.abc import Callable, Mapping
from importlib.metadata import entry_points
from typing import Final

from rich.console import Console

from deepsentry import targets
from deepsentry.errors import SettingsError
from streams.alerts.notifiers.alertmanager import Alertmanager
from streams.alerts.notifiers.breaker import Breaker
from streams.alerts.notifiers.delivery import Surroundings
from streams.alerts.notifiers.mail import Mail
from streams.alerts.notifiers.notifier import Notifier
from streams.alerts.notifiers.pagerduty import PagerDuty
from streams.alerts.notifiers.slack import Receipts, SlackBot, SlackWebhook
from streams.alerts.notifiers.syslog import Syslog
from streams.alerts.notifiers.terminal import Terminal
from streams.alerts.notifiers.webhook import Webhook

GROUP: Final = "deepsentry.notifiers"
"""Entry points: name -> callable(name of the target, targets.Plugin, Surroundings) that returns a Notifier."""


def build(
    wanted: Mapping[str, targets.Target],
    console: Console,
    surroundings: Surroundings,
    receipts: Receipts,
    monotonic: Callable[[], float],
) -> dict[str, Breaker]:
    """Return target name -> its notifier, each behind its own circuit breaker. Raises SettingsError."""

    def notifier(name: str, target: targets.Target) -> Notifier:  # noqa: PLR0911 - one for each kind
        match target:
            case targets.Webhook():
                return Webhook(name, target, surroundings)
            case targets.Slack():
                return _slack(name, target, surroundings, receipts)
            case targets.PagerDuty():
                return PagerDuty(name, target, surroundings)
            case targets.Email():
                return Mail(name, target, surroundings)
            case targets.Syslog():
                return Syslog(name, target, surroundings)
            case targets.Alertmanager():
                return Alertmanager(name, target, surroundings)
            case targets.Terminal():
                return Terminal(console)
            case targets.Plugin():
                return _plugin(name, target, surroundings)

    return {name: Breaker(notifier(name, target), monotonic) for name, target in wanted.items()}


def _slack(name: str, target: targets.Slack, surroundings: Surroundings, receipts: Receipts) -> Notifier:
    bot, hook = target.token.get_secret_value(), target.webhook.get_secret_value()
    if bool(bot) == bool(hook):
        message = f"alerts.targets.{name}: Slack needs either webhook, or token and channel"
        raise SettingsError(message)
    return SlackBot(name, target, surroundings, receipts) if bot else SlackWebhook(name, target, surroundings)


def _plugin(name: str, target: targets.Plugin, surroundings: Surroundings) -> Notifier:
    for entry in entry_points(group=GROUP, name=target.plugin):
        built: Notifier = entry.load()(name, target, surroundings)
        return built
    message = f"alerts.targets.{name}.plugin: nothing installed has the entry point {target.plugin!r} in {GROUP}"
    raise SettingsError(message)

"""The targets of the settings, built."""

from collections.abc import Callable, Mapping

from rich.console import Console

from deepsentry.settings import Target
from streams.alerts.notifiers.breaker import Breaker
from streams.alerts.notifiers.notifier import Notifier
from streams.alerts.notifiers.terminal import Terminal
from streams.alerts.notifiers.webhook import Surroundings, Webhook


def build(
    targets: Mapping[str, Target],
    source: str,
    console: Console,
    surroundings: Surroundings,
    monotonic: Callable[[], float],
) -> dict[str, Notifier]:
    """Return target name -> its notifier, each behind its own circuit breaker. Raises SettingsError."""

    def notifier(name: str, target: Target) -> Notifier:
        match target.kind:
            case "webhook":
                return Webhook(name, target, source, surroundings)
            case "terminal":
                return Terminal(console)

    return {name: Breaker(notifier(name, target), monotonic) for name, target in targets.items()}

"""Links in a notice by which people say whether an alert was right. Pure."""

from datetime import timedelta
from typing import Final

from deepsentry.errors import SettingsError
from deepsentry.events import Alert, Judgement
from deepsentry.handling import Links
from deepsentry.links import PATH, SHORTEST_KEY, Link, sign

JUDGEMENTS: Final[tuple[Judgement, ...]] = ("false_alarm", "true")
NONE: Final = Links()


class Asking:
    """Signs links where the settings say so, and gives none where they do not."""

    def __init__(self, links: Links = NONE) -> None:
        """Raises SettingsError where only half is set, or the key is too short."""
        self._links = links
        self._key = links.key.get_secret_value().encode()
        if links.url and len(self._key) < SHORTEST_KEY:
            message = (
                f"alerts.links.key has {len(self._key)} characters, at least {SHORTEST_KEY} are needed: set "
                "DEEPSENTRY_ALERTS__LINKS__KEY_FILE to a file made by `openssl rand -hex 32`"
            )
            raise SettingsError(message)
        if self._key and not links.url:
            message = "alerts.links.url: set it to the public address of the control plane, which takes the answers"
            raise SettingsError(message)

    def links(self, alert: Alert, target: str) -> tuple[tuple[Judgement, str], ...]:
        """Return judgement -> the address that says it of `alert`; the same alert always gets the same ones.

        An incident is several problems, and one answer would not do for all.
        """
        if not self._links.url or alert.members or alert.status == "suppressed":
            return ()
        until = alert.updated_at + timedelta(days=self._links.days)
        base = self._links.url.rstrip("/") + PATH
        return tuple(
            (said, base + sign(Link(alert.anomaly.id, alert.id, said, target, until), self._key)) for said in JUDGEMENTS
        )

"""What people are told, and when: an alert, and the occasion for telling."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from deepsentry.events import Alert, Context, Judgement
from streams.alerts.fingerprint import STORM

Occasion = Literal["opened", "escalated", "repeated", "resolved"]


@dataclass(frozen=True, slots=True)
class Notice:
    """One alert for people."""

    alert: Alert
    occasion: Occasion
    context: Context | None = None
    """What stood around it, where that was looked at."""
    links: tuple[tuple[Judgement, str], ...] = ()
    """Addresses at which whoever reads it can say whether it was right."""

    @property
    def key(self) -> str:
        """The idempotency key: the same for every attempt to tell the same thing, also after a restart."""
        match self.occasion:
            case "opened" | "resolved":
                detail = ""
            case "escalated":
                detail = f".{self.alert.severity}"
            case "repeated":
                detail = f".{(self.alert.told_at or self.alert.updated_at).timestamp():.0f}"
        return f"{self.alert.id}.{self.occasion}{detail}"


@dataclass(frozen=True, slots=True)
class Update:
    """A changed alert: it always goes to the topic, and to people only where there is an occasion."""

    alert: Alert
    occasion: Occasion | None

    def notice(self) -> Notice | None:
        """Return what to tell people, if anything."""
        return None if self.occasion is None else Notice(self.alert, self.occasion)


def coalesce(updates: Iterable[Update]) -> list[Update]:
    """Return one update for each alert, its newest, with the first occasion; a resolve stands for itself.

    For a chunk whose anomalies are acknowledged together: one write for each alert, however many anomalies it took.
    Incidents come first and the summary of a storm last: what is lost after any of them is made again from the chunk.
    """
    merged: dict[tuple[str, bool, int], Update] = {}
    lives: Counter[str] = Counter()  # what comes again long after it was over has the same id
    for update in updates:
        over = update.alert.status == "resolved"
        place = (update.alert.id, over, lives[update.alert.id])
        lives[update.alert.id] += over
        earlier = merged.pop(place, None)  # and so the newest stands last, also among alerts of one fingerprint
        merged[place] = update if earlier is None else Update(update.alert, earlier.occasion or update.occasion)
    return sorted(merged.values(), key=lambda update: (update.alert.fingerprint == STORM, not update.alert.members))

"""Values for tests: every field has a plain default, a test names what matters to it."""

from deepsentry.events import CleanEntry, Position, SequenceKind


def clean(
    offset: int,
    *,
    sequence: str = "req-1",
    timestamp: float = 1000.0,
    kind: SequenceKind = "session",
    message: str = "GET /cart 200",
    raw: Position | None = None,
) -> CleanEntry:
    return CleanEntry(
        raw=raw or Position("deepsentry.logs.raw.v1", 0, offset),
        timestamp=timestamp,
        message=message,
        sequence=sequence,
        kind=kind,
        host="web-1",
        service="shop",
    )

"""Pure: a rejected record as it goes back to its topic, and how the decoder reads one that came back.

Its headers are its own and three more: `deepsentry-replay` names the rejected record, `deepsentry-replay-time` says
when the topic first got it, `deepsentry-replay-elements` which elements of a batch are still wanted.
"""

import re
from typing import Final

from msgspec.structs import replace

from deepsentry import topics
from deepsentry.events import Entry, Rejected
from streams.deadletters import elements
from streams.deadletters.quarantine import Quarantined
from streams.shippers import Decode, Record
from streams.shippers.record import header
from streams.transport.outbox import Outgoing

MARK: Final = "deepsentry-replay"
TIME: Final = "deepsentry-replay-time"
ELEMENTS: Final = "deepsentry-replay-elements"
OURS: Final = frozenset({MARK, TIME, ELEMENTS})
LONGEST_ID: Final = 300
_SECONDS: Final = re.compile(r"[0-9]{1,12}(\.[0-9]{1,9})?")


def replay(found: Quarantined, partition: int) -> Outgoing:
    """Return the record that the source topic gets."""
    said = _said(found.headers)
    headers = [(name, value) for name, value in found.headers if name.lower() not in OURS]
    headers.append((MARK, found.id.encode()))
    since = said.get(TIME) or (repr(found.timestamp).encode() if found.timestamp else b"")
    if since:
        headers.append((TIME, since))
    if found.count > 1 or ELEMENTS in said:  # the others of its batch are through
        headers.append((ELEMENTS, found.elements.encode()))
    return Outgoing(found.source.topic, found.key or None, found.value, headers, partition)


def refusal(found: Quarantined) -> str:
    """Return why `found` cannot go back, empty where it can."""
    if found.source.topic != topics.RAW.name:
        return f"it comes from the step {found.stage}, not from a shipper: nothing reads it again"
    if found.cut:
        return f"only {len(found.value):,} of its {found.length:,} bytes were kept: send it again from its source"
    return ""


def replayed_from(headers: tuple[tuple[str, bytes], ...]) -> str:
    """Return the id of the rejected record that came back as this one, empty where it is none of those."""
    return _said(headers).get(MARK, b"")[:LONGEST_ID].decode("utf-8", "replace")


def honouring(decode: Decode) -> Decode:
    """Return `decode` that gives a replayed record its first time, and of a batch only what is still wanted.

    Where none of what is wanted is there any more, everything is given: twice is better than not at all.
    """

    def decoded(record: Record) -> list[Entry | Rejected]:
        if not record.headers or not header(record, MARK):
            return decode(record)
        since = header(record, TIME)
        if _SECONDS.fullmatch(since) and 0 < float(since) <= record.timestamp:
            record = replace(record, timestamp=float(since))
        wanted = elements.from_text(header(record, ELEMENTS))
        results = decode(record)
        return [each for index, each in enumerate(results) if index in wanted] or results if wanted else results

    return decoded


def _said(headers: tuple[tuple[str, bytes], ...]) -> dict[str, bytes]:
    return {name.lower(): value for name, value in reversed(headers) if name.lower() in OURS}

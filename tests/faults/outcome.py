"""What a run left on the topics, and how it differs from a run that nobody disturbed."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field

from deepsentry import kafka as broker
from deepsentry import topics
from streams.deadletters.quarantine import PREFIX
from streams.windowing.resume import from_note
from tests.integration.stream import PARTITIONS, Stream

Place = tuple[int, int]
"""Partition and offset of a record of the raw log."""


@dataclass(frozen=True)
class Outcome:
    """The places of the raw log that came through, and anomaly id -> the places of its sequence."""

    handled: frozenset[Place]
    anomalies: Mapping[str, frozenset[Place]]
    clean: Mapping[Place, Place] = field(repr=False)
    """Place in the raw log -> where the line came first in the clean topic."""


def outcome(stream: Stream) -> Outcome:
    """Read all topics to their present end."""
    anomalies = stream.anomalies()  # first: what is read later can only be more
    raws: dict[Place, Place] = {}
    clean: dict[Place, Place] = {}
    for record, entry in stream.clean_records():
        place = (entry.raw.partition, entry.raw.offset)
        raws[record.partition, record.offset] = place
        clean.setdefault(place, (record.partition, record.offset))
    rejected = {rejected_place(dict(record.headers)) for record in stream.stored(topics.REJECTED.name)}
    return Outcome(
        handled=frozenset(clean) | rejected,
        anomalies={each.id: frozenset(raws[each.partition, offset] for offset in each.positions) for each in anomalies},
        clean=clean,
    )


def rejected_place(headers: Mapping[str, bytes]) -> Place:
    return int(headers[f"{PREFIX}partition"]), int(headers[f"{PREFIX}offset"])


def committed(stream: Stream, stage: str, topic: str) -> dict[int, tuple[int, str]]:
    """Return partition -> offset and note of the group of `stage`."""

    async def ask() -> dict[int, tuple[int, str]]:
        group = f"{stream.prefix}-{stage}"
        found = [broker.committed(stream.settings.kafka, group, topic, p) for p in range(PARTITIONS)]
        return {p: place for p, place in enumerate(await asyncio.gather(*found)) if place}

    return asyncio.run(ask())


def audit(stream: Stream, expected: Outcome) -> None:
    """Assert that no committed offset is ahead of what it stands for."""
    raw = committed(stream, "sanitize", topics.RAW.name)
    clean = committed(stream, "score", topics.CLEAN.name)
    found = outcome(stream)  # only now: it holds at least what stood there when the offsets were read
    ahead = {(p, offset) for p, (end, _) in raw.items() for offset in range(end)} - found.handled
    assert not ahead, f"{len(ahead)} raw lines are committed, and stand nowhere: {sorted(ahead)[:5]}"
    begins = {p: resume.begin for p, (_, note) in clean.items() if (resume := from_note(note))}
    for each, places in expected.anomalies.items():
        stands = {found.clean.get(place) for place in places}
        if all(stand is not None and stand[1] < begins.get(stand[0], 0) for stand in stands):
            assert each in found.anomalies, f"the sequence of {each} is committed as over, and nobody told of it"

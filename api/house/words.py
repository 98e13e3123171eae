"""What a person said in free text: notes of verdicts, reasons of silences. Taken back on the topic, then in the store.

The topic is the truth, and whoever reads it anew would bring back what was taken out of the store alone. Compaction
drops the older record of a key; the store's own index drops it at once.
"""

import asyncio
from typing import Final, TypeVar

import msgspec

from api.parts import Parts
from api.store.collection import Change, everything
from api.store.found import KeptVerdict
from api.store.where import differs, equal
from api.store.work import KeptSilence
from deepsentry import feedback, kafka, topics, wire
from deepsentry.events import Silence, Verdict

TAKEN_BACK: Final = "taken out with the data of who gave it"
"""In place of a reason, which every silence has."""
E = TypeVar("E", Verdict, Silence)


async def take_back(parts: Parts, user: str) -> None:
    """Take out what a person said. Raises StoreAway, StreamAway, KafkaError; who asks again, goes on."""
    verdicts = await everything(parts.found.verdicts, equal("by", user), differs("note", ""))
    silences = await everything(parts.work.silences, equal("owner", user), differs("reason", TAKEN_BACK))
    if not verdicts and not silences:
        return  # also where the broker is away
    standing = await asyncio.to_thread(_standing, parts)
    for verdict in verdicts:
        await _verdict(parts, verdict, standing)
    for silence in silences:
        await _silence(parts, silence, standing)


async def _verdict(parts: Parts, kept: KeptVerdict, standing: dict[str, bytes]) -> None:
    key = f"{feedback.KEY.decode()}{kept.id}"
    said = _of(Verdict, standing.get(key))
    if said is not None and said.by == kept.by:
        await parts.stream.publish(topics.FEEDBACK, key, msgspec.structs.replace(said, note=""))
    await parts.found.verdicts.update(Change(put={"note": ""}), equal("id", kept.id), equal("by", kept.by))


async def _silence(parts: Parts, kept: KeptSilence, standing: dict[str, bytes]) -> None:
    key = f"silence/{kept.id}"
    said = _of(Silence, standing.get(key))
    if said is not None:
        await parts.stream.publish(topics.FEEDBACK, key, msgspec.structs.replace(said, reason=TAKEN_BACK))
    await parts.work.silences.update(Change(put={"reason": TAKEN_BACK}), equal("id", kept.id))


def _standing(parts: Parts) -> dict[str, bytes]:
    """Return the newest value of each key on the feedback topic."""
    records = kafka.read(parts.settings.kafka, topics.FEEDBACK.name)
    return {record.key.decode(errors="replace"): record.value for record in records}


def _of(kind: type[E], value: bytes | None) -> E | None:
    return wire.decode(kind, value) if value else None

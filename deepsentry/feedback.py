"""What people said of anomalies: verdicts are made, published, read and withdrawn here, whoever speaks."""

from collections.abc import Iterable
from datetime import datetime
from typing import Final, TypeVar

import msgspec
from confluent_kafka import KafkaException, Producer

from deepsentry import kafka as broker
from deepsentry import logs, topics, wire
from deepsentry.errors import KafkaError, NotFound, WireError
from deepsentry.events import Alert, Anomaly, Judgement, Verdict
from deepsentry.sections import Kafka

KEY: Final = b"verdict/"
"""What the key of a verdict begins with on the feedback topic."""
NOTE: Final = 1000
"""Characters of a note that are kept."""
NAME: Final = 200
"""Characters of the name of who speaks."""
LARGEST: Final = 512 * 1024
"""Bytes of a verdict; one that would be larger is published without what was judged."""
WITHIN: Final = 15.0
"""Seconds until a verdict that no broker took is an error."""

T = TypeVar("T")

log = logs.get("feedback")


def key_of(verdict: Verdict) -> bytes:
    """Return the key of `verdict` on the feedback topic."""
    return KEY + verdict.anomaly.encode()


def verdict_on(
    anomaly: Anomaly, judgement: Judgement, by: str, at: datetime, *, note: str = "", alert: str = ""
) -> Verdict:
    """Return what `by` says of `anomaly`; `alert` is the id of the alert that was judged as a whole, if one was."""
    return Verdict(
        anomaly=anomaly.id,
        judgement=judgement,
        by=by[:NAME],
        at=at,
        fingerprint=anomaly.fingerprint,
        note=note[:NOTE],
        alert=alert,
        model=anomaly.model,
        # its statements are enough to know it again; the lines and where they stand are not kept for ever
        judged=msgspec.structs.replace(anomaly, lines=(), positions=()),
    )


def withdrawn(verdict: Verdict, by: str, at: datetime) -> Verdict:
    """Return `verdict` as taken back by `by`; what was judged is forgotten."""
    return msgspec.structs.replace(verdict, judged=None, withdrawn=True, withdrawn_by=by[:NAME], at=at)


def publish(kafka: Kafka, verdict: Verdict) -> None:
    """Write `verdict` to the feedback topic and return when the broker has it. Raises KafkaError."""
    value = wire.encode(verdict)
    if len(value) > LARGEST:
        value = wire.encode(msgspec.structs.replace(verdict, judged=None))
    failed: list[str] = []
    producer = Producer(
        broker.librdkafka_config(kafka) | {"acks": "all", "message.timeout.ms": int(WITHIN * 1000)},
    )
    try:
        producer.produce(
            topics.FEEDBACK.name,
            value,
            key_of(verdict),
            on_delivery=lambda error, _: failed.append(str(error)) if error is not None else None,
        )
        left = producer.flush(WITHIN + 1)
    except (KafkaException, BufferError) as error:
        failed, left = [str(error)], 0
    if failed or left:
        reason = failed[0] if failed else "no answer"
        message = f"broker {kafka.bootstrap} did not take the verdict: {reason}; is it up? `deepsentry doctor` looks"
        raise KafkaError(message)


def written(records: Iterable[tuple[bytes | None, bytes | None]]) -> dict[str, Verdict]:
    """Return anomaly -> the newest verdict in `records` (key, value), withdrawn ones too; others' are passed over."""
    found: dict[str, Verdict] = {}
    for key, value in records:
        if not value or not key or not key.startswith(KEY):
            continue
        try:
            verdict = wire.decode(Verdict, value)
        except WireError as error:
            log.warning("verdict_unreadable", reason=str(error)[:200])
            continue
        found[verdict.anomaly] = verdict
    return found


def stored(kafka: Kafka) -> dict[str, Verdict]:
    """Return anomaly -> the newest verdict on the feedback topic, withdrawn ones too. Raises KafkaError."""
    return written((record.key, record.value) for record in broker.read(kafka, topics.FEEDBACK.name))


def find(kafka: Kafka, prefix: str) -> tuple[Anomaly, str]:
    """Return the anomaly whose id begins with `prefix`, or the strangest of the alert whose id does, with that id.

    Raises NotFound where there is none, or more than one, and KafkaError.
    """
    found = {each.id: each for each in _each(kafka, Anomaly, topics.ANOMALIES) if each.id.startswith(prefix)}
    if found:
        return found[_only(prefix, found, "anomaly")], ""
    alerts = {each.id: each for each in _each(kafka, Alert, topics.ALERTS) if each.id.startswith(prefix)}
    if alerts:
        alert = alerts[_only(prefix, alerts, "alert")]
        return alert.anomaly, alert.id
    message = f"no anomaly or alert {prefix!r} on {topics.ANOMALIES.name}; ids stand in the alerts"
    raise NotFound(message)


def find_verdict(verdicts: Iterable[Verdict], prefix: str) -> Verdict:
    """Return the standing verdict on the anomaly, or on the alert, whose id begins with `prefix`. Raises NotFound."""
    found = {
        each.anomaly: each
        for each in verdicts
        if not each.withdrawn and (each.anomaly.startswith(prefix) or (each.alert and each.alert.startswith(prefix)))
    }
    if not found:
        message = f"no verdict on {prefix!r} stands; `deepsentry verdicts list` shows those that do"
        raise NotFound(message)
    return found[_only(prefix, found, "judged anomaly")]


def _only(prefix: str, found: Iterable[str], kind: str) -> str:
    names = sorted(found)
    if len(names) > 1:
        message = f"{prefix!r} begins {len(names)} {kind} ids, such as {', '.join(names[:3])}"
        raise NotFound(message)
    return names[0]


def _each(kafka: Kafka, kind: type[T], topic: topics.Topic) -> Iterable[T]:
    for record in broker.read(kafka, topic.name):
        try:
            yield wire.decode(kind, record.value)
        except WireError:
            continue

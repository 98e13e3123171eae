"""Looks for planted secrets in what the topics hold."""

import itertools
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final, NamedTuple

import re2

from deepsentry import kafka as broker
from deepsentry.sections import Kafka
from deepsentry.topics import RAW, TOPICS

CHUNK: Final = 1000
MEMORY: Final = 268_435_456
"""Bytes that the search may take for its automaton."""


class Seen(NamedTuple):
    """How often any of the secrets stands in the raw topic, and anywhere else."""

    raw: int
    after: int


def look(kafka: Kafka, secrets: frozenset[str], logs: Iterable[Path]) -> Seen:
    """Search the keys, headers and values of every topic, and the workers' own `logs`. Raises KafkaError."""
    if not secrets:
        return Seen(0, 0)
    raw = count(_texts(kafka, RAW.name), secrets)
    other = itertools.chain.from_iterable(_texts(kafka, topic.name) for topic in TOPICS if topic != RAW)
    said = (line for path in logs for line in path.read_bytes().splitlines())
    return Seen(raw, count(itertools.chain(other, said), secrets))


def count(texts: Iterable[bytes], secrets: frozenset[str]) -> int:
    """Return how often any of `secrets` stands in `texts`."""
    options = re2.Options()
    options.max_mem = MEMORY
    found = re2.compile("|".join(re2.escape(secret) for secret in sorted(secrets)).encode(), options)
    iterator = iter(texts)
    total = 0
    while chunk := list(itertools.islice(iterator, CHUNK)):
        total += sum(1 for _ in found.finditer(b"\n".join(chunk)))
    return total


def _texts(kafka: Kafka, topic: str) -> Iterator[bytes]:
    for record in broker.read(kafka, topic):
        yield b"\t".join((record.key, *(value for _, value in record.headers), record.value))

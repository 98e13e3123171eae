"""The corpus: every kind in every of its sentences, dealt out to the shippers. The same seed gives the same lines."""

from collections.abc import Iterator
from random import Random
from typing import Final, NamedTuple

from benchmarks.planting import credentials, money, people, vendors
from benchmarks.planting.kinds import Kind
from benchmarks.planting.records import Published, envelopes
from benchmarks.planting.shapes import label, shapes

VALUES: Final = 240
"""Of each kind, each another secret."""
BEGINS: Final = 1_790_000_000.0
EVERY: Final = 0.05
"""Seconds from one line to the next."""


EVERY_KEY: Final = 7
"""Every so-and-so-many-th record has its secret in a header too, and as Kafka key where it needs no word before it."""


class Planted(NamedTuple):
    """A record with one secret, in every form in which it holds it; the first is the secret itself."""

    kind: str
    group: str
    shape: str
    shipper: str
    record: Published
    hidden: tuple[str, ...]


def kinds() -> tuple[Kind, ...]:
    """Return all kinds, those of the vendors last."""
    return (*credentials.SECRETS, *money.CARDS, *money.MONEY, *people.PEOPLE, *vendors.kinds())


def corpus(seed: int = 0, values: int = VALUES) -> Iterator[Planted]:
    """Yield `values` records of each kind: value n stands in sentence n and comes by shipper n, each in turn."""
    count = 0
    for kind in kinds():
        rng = Random(f"{seed}/{kind.name}")  # noqa: S311 - a corpus is drawn again from its seed
        sentences = list(shapes(kind).items())
        for number in range(values):
            name, shape = sentences[number % len(sentences)]
            before, secret = label(kind, rng), kind.draw(rng)
            line = shape(before, secret)
            carriers = list(envelopes(line).items())
            shipper, envelope = carriers[(number // len(sentences) + number) % len(carriers)]
            record = Published(envelope(line, BEGINS + count * EVERY, count))
            if number % EVERY_KEY == 0:
                key = None if before else secret.text.encode()
                record = record._replace(key=key, headers=((before or "x-sender", secret.text.encode()),))
            yield Planted(kind.name, kind.group, name, shipper, record, line.hidden)
            count += 1

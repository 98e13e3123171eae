"""Detection on HDFS with redaction and without it: masking must not cost what the models learn from."""

import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from deepsentry.commands import public_sets
from deepsentry.commands.output import TrainingBar, progress_bar
from deepsentry.settings import Settings
from models.evaluation import suite
from models.evaluation.protocol import OURS
from models.evaluation.sets import LabelledLine, LabelledSequence, chronological, gather
from streams.batch import offline
from streams.batch.learning import sanitizer_of
from streams.redaction import Redacted, RedactedFields
from streams.sanitizing.sanitize import Sanitizer
from streams.shippers import create_decoder
from streams.windowing.keying import Keyer


class Detection(msgspec.Struct, frozen=True):
    """F1 of the same protocol and seed on the same lines, and how many lines redaction changed."""

    f1_on: float
    f1_off: float
    lines: int
    changed: int


class Untouched:
    """Lets everything through; a `Redactor` for comparison, which no worker is given."""

    version = "none"

    def redact(self, texts: Sequence[str], names: Sequence[str] = ()) -> list[Redacted]:
        """Return the texts as they are."""
        del names
        return [Redacted(text, ()) for text in texts]

    def masked(self, texts: Sequence[str], names: Sequence[str] = ()) -> dict[int, Redacted]:
        """Return nothing, as nothing changes."""
        del texts, names
        return {}

    def redact_fields(self, fields: Mapping[str, str]) -> RedactedFields:
        """Return the attributes as they are."""
        return RedactedFields(dict(fields), {})


def measure(settings: Settings, data: Path) -> Detection:
    """Train and test twice, as `deepsentry evaluate hdfs-raw` does with one seed. Raises DataError."""
    untouched = Sanitizer(create_decoder(settings.ingest), Untouched(), Keyer(public_sets.BLOCK))
    off = _entries(data, untouched)
    on = _entries(data, sanitizer_of(settings))
    marks = public_sets.read_keys(data / "hdfs" / "labels.csv", "block_id")
    return Detection(
        f1_on=_f1(gather(on, 1, marks)),
        f1_off=_f1(gather(off, 1, marks)),
        lines=len(on),
        changed=sum(one.message != other.message for one, other in zip(on, off, strict=True)),
    )


def _entries(data: Path, sanitizer: Sanitizer) -> list[LabelledLine]:
    records = offline.records(str(data / "hdfs" / "hdfs_2pct.log.gz"), time.time())
    entries = (entry for done in offline.sanitized(records, sanitizer) for entry in done.clean)
    keyed = offline.key(entries, public_sets.BLOCK).entries
    return [LabelledLine(e.sequence, e.kind, e.timestamp, e.message) for e in keyed if e.kind == "session"]


def _f1(found: list[LabelledSequence]) -> float:
    benchmark = chronological("hdfs-raw", found, train_share=0.5, validation_share=0.1, contaminated=False)
    with progress_bar() as bar:
        outcome = suite.standard(benchmark, 1, TrainingBar(bar))
    return float(outcome.found["results"][OURS]["f1"])

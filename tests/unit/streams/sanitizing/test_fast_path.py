"""The fast path against the plain one on real lines: records and statements one by one, the network in float64."""

import os
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Final

import numpy as np
import pytest

from deepsentry import topics, wire
from deepsentry.bench.lines import filebeat, located, mixed
from deepsentry.events import CleanEntry, ModelReference
from deepsentry.sections import Ingest, Redaction, Sequences
from models.artifact import TrainedVersion
from models.detector import Detector, networks, profiles
from models.masking import Masker, line_key
from models.novelty import UNKNOWN
from models.precedence import Precedence
from models.prepare import Observed, Verdict
from models.profile import Neighbours, counts
from models.sequence import Array, Model, Walk, strongest, surprises
from models.training import TrainingOptions, train
from streams.batch import offline
from streams.redaction import Redactor, create_redactor
from streams.sanitizing.columns import Chunk, Columns
from streams.sanitizing.sanitize import Sanitizer
from streams.scoring.score import Scorer
from streams.scoring.texts import CleanRecord
from streams.shippers import create_decoder
from streams.transport.fetched import Fetched
from streams.windowing.keying import Keyer

DATA: Final = os.environ.get("DEEPSENTRY_DATA", "")
LINES: Final = 100_000
LEARNED: Final = 6_000
CHUNK: Final = 1000
TOGETHER: Final = 64
KEY: Final = "blk_-?[0-9]+"
REFERENCE: Final = ModelReference("fast", 1, "")

pytestmark = pytest.mark.skipif(not DATA, reason="DEEPSENTRY_DATA names no folder with HDFS and the samples of Loghub")


class Listening(Detector):
    """Remembers what it was shown, and what it said."""

    def __init__(self, version: TrainedVersion) -> None:
        super().__init__(version, REFERENCE)
        self.heard: dict[Observed, Verdict] = {}

    def judge(self, batch: Sequence[Observed]) -> list[Verdict]:
        verdicts = super().judge(batch)
        self.heard.update(zip(batch, verdicts, strict=True))
        return verdicts


@pytest.fixture(scope="module")
def redactor() -> Redactor:
    return create_redactor(Redaction(engine="portable"), b"k" * 32)


def lines() -> Iterator[bytes]:
    return islice(filebeat(mixed(Path(DATA))), LINES)


@pytest.fixture(scope="module")
def entries(redactor: Redactor) -> list[CleanEntry]:
    sanitizer = Sanitizer(create_decoder(Ingest()), redactor, Keyer(KEY))
    return [entry for done in offline.sanitized(located(lines(), time.time()), sanitizer) for entry in done.clean]


@pytest.fixture(scope="module")
def version(entries: list[CleanEntry]) -> TrainedVersion:
    options = TrainingOptions(budget=10.0, encoder_steps=20, epochs=2, key_pattern=KEY)
    return train(offline.sequences(entries[:LEARNED], Sequences()), options, lambda _stage, _done, _total: None)


@pytest.fixture(scope="module")
def detector(version: TrainedVersion, entries: list[CleanEntry]) -> Listening:
    """A detector after all lines have gone through the step."""
    listening = Listening(version)
    scorer = Scorer("clean", lambda: datetime.now(UTC))
    scorer.detector = listening
    windows = scorer.open(Sequences())
    for first in range(0, len(entries), CHUNK):
        piece = enumerate(entries[first : first + CHUNK], first)
        scorer.score(0, windows, [CleanRecord(n, 1e-3 * n, wire.encode(entry)) for n, entry in piece])
    scorer.flush(0, windows)
    return listening


def test_each_record_becomes_the_entry_of_the_plain_path(entries: list[CleanEntry], redactor: Redactor) -> None:
    columns = Columns(Sanitizer(create_decoder(Ingest()), redactor, Keyer(KEY)), redactor, Ingest())
    stored = int(1000 * time.time())
    records = [Fetched(topics.RAW.name, 0, n, stored, None, line, ()) for n, line in enumerate(lines())]
    for first in range(0, LINES, CHUNK):
        done = columns.sanitize(Chunk(topics.RAW.name, 0, records[first : first + CHUNK]))
        assert done.clean == entries[first : first + CHUNK]
        assert not done.rejected


def test_each_line_has_the_statement_that_the_plain_path_finds(detector: Listening, entries: list[CleanEntry]) -> None:
    assert len(entries) == LINES
    for entry in entries:
        text = Masker().mask(line_key(entry.message))
        found = detector.template(entry.message)
        assert detector.template_text(found) == text or plainly_matches(detector.template_text(found), text)


def plainly_matches(template: str, text: str) -> bool:
    pairs = zip(template.split(" "), text.split(" "), strict=True)
    return all(expected in ("<*>", word) for expected, word in pairs)


def test_each_sequence_has_the_score_of_the_plain_path(detector: Listening, version: TrainedVersion) -> None:
    assert len(detector.heard) > 1000
    plain = Plain(version, detector)
    # a new one may be read as another in the light of those around it: that is no matter of speed
    known = [observed for observed in detector.heard if not any(map(detector.is_new, observed.templates))]
    for observed, wanted in plain.scores(sorted(known, key=lambda observed: len(observed.templates))):
        scores = {view.view: view.score for view in detector.heard[observed].views}
        assert scores == pytest.approx(wanted, abs=1.01e-4)  # they are rounded to four digits


class Plain:
    """Judges straight from the arrays of a version: every sequence from its first line on, nothing remembered."""

    def __init__(self, version: TrainedVersion, detector: Detector) -> None:
        statements = version.vocabulary.statements
        encoder, network = networks(version.arrays)
        self._meaning = detector._statements.meaning
        self._normal = np.array([s.normal for s in statements])
        self._limits = version.thresholds
        self._model = Model(network, np.array([encoder.encode(s.text) for s in statements]), self._normal)
        self._usual = version.arrays["sequence.usual"].astype(np.float64)
        self._neighbours = Neighbours(
            profiles(version.arrays["profile.rows"]), version.arrays["profile.weights"].astype(np.float32)
        )
        self._precedence = Precedence(
            ((t, nth) for t, nth in version.arrays["precedence.events"].tolist()),
            version.arrays["precedence.before"].astype(np.int32),
        )

    def scores(self, batch: Sequence[Observed]) -> Iterator[tuple[Observed, dict[str, float]]]:
        for first in range(0, len(batch), TOGETHER):
            piece = batch[first : first + TOGETHER]
            walks = [Walk(self._usual_of(observed), begins=observed.kind == "session") for observed in piece]
            for observed, walk, expected in zip(piece, walks, self._model.expect(walks), strict=True):
                yield observed, self._scores(observed, walk.rows, expected)

    def _usual_of(self, observed: Observed) -> tuple[int, ...]:
        known = [self._meaning(t) for t in observed.templates]
        return tuple(t for t in known if t != UNKNOWN and self._normal[t])

    def _scores(self, observed: Observed, usual: tuple[int, ...], expected: Array) -> dict[str, float]:
        limits = self._limits.of(observed.kind)
        odd = {t for t in observed.templates if not self._normal[self._meaning(t)]}
        session = observed.kind == "session"
        ended = session and observed.complete
        surprise = strongest(surprises(expected, self._usual, usual, limits.tolerance, ended=ended), limits.strongest)
        strain = self._precedence.strain(usual) if session else 0.0
        distance = self._neighbours.distances(counts(usual, len(self._normal)), complete=observed.complete).min()
        return {
            "novelty": len(odd) / limits.novelty.threshold,
            "profile": distance / limits.profile.threshold,
            "sequence": max(surprise / limits.sequence.threshold, strain / limits.precedence.threshold),
        }

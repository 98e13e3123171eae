"""What a version consists of, in memory and as files; reading refuses whatever is not exactly that."""

import hashlib
import math
from dataclasses import dataclass
from typing import Final, NoReturn, TypeVar

import msgspec
import numpy as np
import safetensors
import safetensors.numpy
from numpy.typing import NDArray

from deepsentry.errors import VersionRefused, WireError
from deepsentry.events import ModelReference, SequenceKind
from deepsentry.wire import decode, encode, pretty
from models.calibration import Calibration
from models.encoder import BUCKETS, WIDTH
from models.known import Judged, unusable
from models.masking import MAX_TOKENS
from models.precedence import MAX_EVENTS, OCCURRENCES
from models.sequence import UNITS
from models.vocabulary import MAX_TEMPLATES

METADATA: Final = "metadata.json"
VOCABULARY: Final = "vocabulary.json"
THRESHOLDS: Final = "thresholds.json"
WEIGHTS: Final = "weights.safetensors"
LIMITS: Final = {METADATA: 1 << 20, VOCABULARY: 64 << 20, THRESHOLDS: 1 << 20, WEIGHTS: 256 << 20}
"""The files of a version and their greatest size in bytes."""
FEEDBACK: Final = "feedback.json"
OPTIONAL: Final = {FEEDBACK: 32 << 20}
"""Files that a version need not have."""
FORMAT: Final = 2
MAX_NEIGHBOURS: Final = 4_096
MAX_TOLERANCE: Final = 64
MAX_STRONGEST: Final = 64
_MAX_TEXT: Final = 100_000

FREE: Final = -1
SHAPES: Final[dict[str, tuple[int, ...]]] = {
    "encoder.embedding": (BUCKETS, WIDTH),
    "encoder.kernel": (WIDTH, WIDTH),
    "encoder.bias": (WIDTH,),
    "lstm.kernel": (WIDTH, 4 * UNITS),
    "lstm.recurrent": (UNITS, 4 * UNITS),
    "lstm.bias": (4 * UNITS,),
    "query.kernel": (UNITS, WIDTH),
    "query.bias": (WIDTH,),
    "key.kernel": (WIDTH, WIDTH),
    "mark.start": (WIDTH,),
    "mark.cut": (WIDTH,),
    "mark.end": (WIDTH,),
    "sequence.usual": (FREE,),  # log shares of the templates and of the end
    "precedence.events": (FREE, 2),  # template, how many lines of it came before
    "precedence.before": (FREE, FREE),  # sessions that had the row's event before the column's
    "profile.weights": (FREE,),
    "profile.rows": (FREE, 3),  # neighbour, template, count
}
_WHOLE: Final = frozenset({"precedence.events", "precedence.before", "profile.rows"})
"""Arrays of whole numbers."""

T = TypeVar("T")


class Statement(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A template of the version."""

    text: str
    normal: bool
    """False where training saw it only in sequences that it set aside."""
    patience: float = 0.0
    """Seconds until the next line of its session at the latest, as learned; 0 where unknown."""


class VocabularyFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """vocabulary.json: the templates by id."""

    statements: tuple[Statement, ...]


class Limits(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What each view is measured against in sequences of one kind."""

    novelty: Calibration
    profile: Calibration
    sequence: Calibration
    """Of the LSTM's surprise."""
    precedence: Calibration
    """Of what an order that training sessions never had adds to the sequence view; sessions only."""
    tolerance: int
    """Places that a line may come early or late."""
    strongest: int
    """How many of the most surprising lines are added up."""


class ThresholdsFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """thresholds.json: sessions and windows are measured apart."""

    session: Limits
    window: Limits
    same: float
    """Cosine from which an unseen statement is a known one reworded."""
    alike: float
    """Cosine from which it may be one, where it stands in its place."""

    def of(self, kind: SequenceKind) -> Limits:
        """Return the limits of a kind of sequence."""
        return self.session if kind == "session" else self.window


class Federation(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which weights of many sites a version was made from."""

    job: str
    weights: ModelReference
    """The global version, and the digest of its weights."""
    rounds: int
    sites: int
    epsilon: float | None = None
    """Privacy that the job spent at this site, over all its rounds; None where no noise was added."""
    delta: float = 0.0
    unit: str = ""
    """What the epsilon protects."""


class Metadata(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """metadata.json: where a version comes from; its SHA-256 is the version's digest."""

    format: int
    created_at: str
    data_start: str
    data_end: str
    budget: float
    key_pattern: str
    rules: str
    seed: int
    counts: dict[str, int]
    """Sequences, lines, templates and how they were divided."""
    set_aside: dict[str, int]
    """Sign -> training sequences held abnormal for it."""
    metrics: dict[str, float]
    architecture: dict[str, str]
    software: dict[str, str]
    notes: tuple[str, ...] = ()
    """What a reader should know before trusting the threshold."""
    origin: dict[str, str] = {}
    """Who asked for it: job, project, dataset, owner; empty where it was trained by hand."""
    digests: dict[str, str] = {}
    """File -> SHA-256, hexadecimal."""
    federation: Federation | None = None
    """None where the weights were learned here alone."""


class FeedbackFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """feedback.json: what people said of sequences."""

    judged: tuple[Judged, ...]


@dataclass(frozen=True, slots=True)
class TrainedVersion:
    """A version before it is saved, or as it was read. `metadata.digests` and `created_at` are filled on saving."""

    metadata: Metadata
    vocabulary: VocabularyFile
    thresholds: ThresholdsFile
    arrays: dict[str, NDArray[np.generic]]
    judged: tuple[Judged, ...] = ()
    """What people said of sequences."""


def to_files(version: TrainedVersion, created_at: str) -> dict[str, bytes]:
    """Return the files of a version, metadata.json last."""
    files = {
        WEIGHTS: safetensors.numpy.save({name: np.ascontiguousarray(a) for name, a in version.arrays.items()}),
        VOCABULARY: pretty(version.vocabulary).encode(),
        THRESHOLDS: pretty(version.thresholds).encode(),
    }
    if version.judged:
        files[FEEDBACK] = encode(FeedbackFile(version.judged))
    digests = {name: sha256(data) for name, data in files.items()}
    metadata = msgspec.structs.replace(version.metadata, digests=digests, created_at=created_at)
    return {**files, METADATA: pretty(metadata).encode()}


def from_files(files: dict[str, bytes]) -> TrainedVersion:
    """Return the version in `files`. Raises VersionRefused with the reason."""
    if not set(LIMITS) <= set(files) <= set(LIMITS) | set(OPTIONAL):
        _refuse(f"has the files {sorted(files)}, not {sorted(LIMITS)}")
    metadata = _json(Metadata, files, METADATA)
    if metadata.format != FORMAT:
        _refuse(f"is of format {metadata.format}; this release reads {FORMAT}: train it anew")
    for name in sorted((set(LIMITS) | set(files) | set(metadata.digests)) - {METADATA}):
        if name not in files or metadata.digests.get(name) != sha256(files[name]):
            _refuse(f"{name} does not have the digest that {METADATA} states")
    vocabulary = _json(VocabularyFile, files, VOCABULARY)
    thresholds = _json(ThresholdsFile, files, THRESHOLDS)
    try:
        arrays = safetensors.numpy.load(files[WEIGHTS])
    except (safetensors.SafetensorError, ValueError, KeyError, TypeError):
        _refuse(f"{WEIGHTS} is not a safetensors file")
    judged = _json(FeedbackFile, files, FEEDBACK).judged if FEEDBACK in files else ()
    version = TrainedVersion(metadata, vocabulary, thresholds, arrays, judged)
    _check_texts(version)
    _check_arrays(version)
    if reason := unusable(judged):
        _refuse(f"{FEEDBACK} {reason}")
    return version


def sha256(data: bytes) -> str:
    """Return the hexadecimal SHA-256 of `data`."""
    return hashlib.sha256(data).hexdigest()


def _json(kind: type[T], files: dict[str, bytes], name: str) -> T:
    try:
        return decode(kind, files[name])
    except WireError as error:
        message = f"{name}: {error}"
        raise VersionRefused(message) from None


def _check_texts(version: TrainedVersion) -> None:
    statements = version.vocabulary.statements
    if not 0 < len(statements) <= MAX_TEMPLATES:
        _refuse(f"{VOCABULARY} has {len(statements)} templates, not 1 to {MAX_TEMPLATES}")
    if any(len(s.text) > _MAX_TEXT or s.text.count(" ") >= MAX_TOKENS for s in statements):
        _refuse(f"{VOCABULARY} has a template that is too long")
    if not all(math.isfinite(s.patience) and s.patience >= 0 for s in statements):
        _refuse(f"{VOCABULARY} has a waiting time that is not a number of seconds")
    for limits in (version.thresholds.session, version.thresholds.window):
        for found in (limits.novelty, limits.profile, limits.sequence, limits.precedence):
            if not (math.isfinite(found.threshold) and found.threshold > 0):
                _refuse(f"{THRESHOLDS} has a threshold that is not above 0")
        if not 0 <= limits.tolerance <= MAX_TOLERANCE:
            _refuse(f"{THRESHOLDS} has a tolerance that is not 0 to {MAX_TOLERANCE}")
        if not 1 <= limits.strongest <= MAX_STRONGEST:
            _refuse(f"{THRESHOLDS} adds up {limits.strongest} surprises, not 1 to {MAX_STRONGEST}")
    if not 0 <= version.thresholds.alike <= version.thresholds.same <= 2:  # noqa: PLR2004  (above 1: none is)
        _refuse(f"{THRESHOLDS} has a similarity out of range")


def _check_arrays(version: TrainedVersion) -> None:
    arrays = version.arrays
    if set(arrays) != set(SHAPES):
        _refuse(f"{WEIGHTS} has other arrays than {len(SHAPES)} known ones")
    for name, shape in SHAPES.items():
        array = arrays[name]
        if array.ndim != len(shape) or any(
            want not in (FREE, have) for want, have in zip(shape, array.shape, strict=True)
        ):
            _refuse(f"{name} has the shape {list(array.shape)}, not {list(shape)}")
        wanted = np.int32 if name in _WHOLE else np.float32
        if array.dtype != wanted:
            _refuse(f"{name} holds {array.dtype}, not {np.dtype(wanted)}")
        if not np.isfinite(array).all():
            _refuse(f"{name} holds a value that is not a number")
    templates = len(version.vocabulary.statements)
    rows = arrays["profile.rows"].astype(np.int64)
    if arrays["profile.weights"].shape != (templates,):
        _refuse(f"profile.weights has not one weight for each of {templates} templates")
    if arrays["sequence.usual"].shape != (templates + 1,):
        _refuse(f"sequence.usual has not one share for each of {templates} templates and the end")
    if not len(rows) or not (
        (rows >= 0).all()
        and rows[:, 0].max() < MAX_NEIGHBOURS
        and rows[:, 1].max() < templates
        and (rows[:, 2] > 0).all()
    ):
        _refuse("profile.rows names neighbours, templates or counts out of range")
    _check_precedence(arrays["precedence.events"].astype(np.int64), arrays["precedence.before"], templates)


def _check_precedence(events: NDArray[np.int64], before: NDArray[np.generic], templates: int) -> None:
    if len(events) > MAX_EVENTS or before.shape != (len(events), len(events)):
        _refuse(f"precedence.before is not a square of at most {MAX_EVENTS} events")
    if not ((events >= 0) & (events < (templates, OCCURRENCES))).all() or len(np.unique(events, axis=0)) < len(events):
        _refuse("precedence.events names templates or occurrences out of range, or one twice")
    if (before.astype(np.int64) < 0).any():
        _refuse("precedence.before holds a negative number of sessions")


def _refuse(reason: str) -> NoReturn:
    raise VersionRefused(reason)

from hypothesis import given
from hypothesis import strategies as st

from deepsentry import topics
from deepsentry.sections import Kafka
from deepsentry.settings import Settings
from streams.scoring.recovery import restore
from streams.scoring.score import Scorer
from streams.windowing.clock import MOST_SOURCES, Source
from streams.windowing.resume import Resume, from_note, to_note

NOWHERE = Settings(kafka=Kafka(bootstrap="127.0.0.1:1"))
MOST_METADATA = 4096
"""Bytes: the broker's default of offset.metadata.max.bytes."""

times = st.floats(0, 4e9)
sources = st.builds(Source, st.integers(0, 2**62), st.integers(0, 10_000), times, times, times, times)
resumes = st.builds(
    Resume,
    st.integers(0, 2**62),
    st.dictionaries(st.text(st.characters(codec="ascii"), max_size=30), sources, max_size=4),
    st.none() | times,
)


def opened(found: tuple[int, str] | None) -> int:
    return len(restore(NOWHERE, "g", 0, Scorer(topics.CLEAN.name, lambda: None), found))  # type: ignore[arg-type,return-value]


@given(resumes)
def test_a_note_reads_back_as_it_was_written(resume: Resume) -> None:
    assert from_note(to_note(resume)) == resume


@given(st.text(max_size=100))
def test_metadata_that_is_not_ours_is_no_note(text: str) -> None:
    assert from_note(text) is None or text.lstrip().startswith("{")


def test_the_note_of_a_wide_log_fits_into_the_brokers_metadata() -> None:
    place = Source(2**53, 9_999, *(1_795_000_000.123457,) * 3, 1_795_000_000.123)
    resume = Resume(2**53, {f"{topics.RAW.name}/{n + 900}": place for n in range(MOST_SOURCES)}, 1_795_000_000.123)
    assert len(to_note(resume).encode()) < MOST_METADATA


def test_a_group_that_never_committed_starts_with_nothing_open() -> None:
    assert opened(None) == 0


def test_an_offset_without_our_note_starts_with_nothing_open() -> None:
    assert opened((41, "left by another program")) == 0


def test_where_nothing_was_open_nothing_is_read_again() -> None:
    assert opened((41, to_note(Resume(41)))) == 0

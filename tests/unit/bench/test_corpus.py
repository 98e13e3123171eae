import gzip
import itertools
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deepsentry.bench.corpus import PLANTED, STRANGE, Corpus, Demo, Due, Loghub, Planted
from deepsentry.bench.lines import BLOCK
from deepsentry.events import Entry
from deepsentry.sections import Ingest
from streams.shippers import Record, create_decoder

DEMO = Demo(requests=20)
LINES = [
    f"081109 2035{second:02d} 143 INFO dfs.DataNode: Receiving block blk_-160899968791986{second}"
    for second in range(10)
]


@pytest.fixture(scope="module", params=["loghub", "demo"])
def corpus(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    if request.param == "demo":
        return Demo(requests=20)
    folder = tmp_path_factory.mktemp("data")
    (folder / "hdfs").mkdir()
    (folder / "hdfs" / "hdfs_2pct.log.gz").write_bytes(gzip.compress("\n".join(LINES).encode()))
    return Loghub(folder)


def entries(record: bytes) -> list[Entry]:
    found = create_decoder(Ingest())(Record(record, None, (), 1_790_000_000.0, "logs"))
    return [entry for entry in found if isinstance(entry, Entry)]


def live(corpus: Corpus, seconds: float = 3.0, rate: float = 100.0) -> list[Due]:
    return list(corpus.live(1_790_000_000.0, rate, seconds, Planted(every=20, length=3, first=7)))


def test_a_log_that_is_told_again_goes_on_in_time_with_other_sessions(tmp_path: Path) -> None:
    (tmp_path / "hdfs").mkdir()
    (tmp_path / "hdfs" / "hdfs_2pct.log.gz").write_bytes(gzip.compress("\n".join(LINES).encode()))
    told = [entry for record in Loghub(tmp_path).records(30) for entry in entries(record)]
    blocks = [BLOCK.findall(entry.message)[0] for entry in told]
    assert len(set(blocks)) == 30
    assert {len(block) for block in blocks} == {len(blocks[0])}
    assert [entry.timestamp for entry in told] == sorted(entry.timestamp for entry in told)


def test_a_log_gives_as_many_records_as_are_wanted(corpus: Corpus) -> None:
    assert len(list(corpus.records(len(corpus) + 5))) == len(corpus) + 5


def test_live_lines_are_due_evenly_and_bear_the_time_at_which_they_are_due(corpus: Corpus) -> None:
    found = live(corpus)
    assert [due.at for due in found[:3]] == [1_790_000_000.0, 1_790_000_000.01, 1_790_000_000.02]
    assert all(entry.timestamp == pytest.approx(due.at, abs=0.002) for due in found for entry in entries(due.record))


def test_a_planted_session_is_complete_at_its_last_line_and_numbered(corpus: Corpus) -> None:
    found = live(corpus)
    completed = {place: due.planted for place, due in enumerate(found) if due.planted is not None}
    assert completed == {19: 7, 39: 8, 59: 9, 79: 10, 99: 11, 119: 12, 139: 13, 159: 14, 179: 15, 199: 16}
    hosts = [entries(found[place].record)[0].host for place in (17, 18, 19)]
    assert hosts == [f"{PLANTED}7"] * 3


def test_the_last_second_holds_nothing_planted(corpus: Corpus) -> None:
    assert not any(PLANTED.encode() in due.record for due in live(corpus)[-100:])


def test_lines_of_a_planted_session_are_all_different(corpus: Corpus) -> None:
    assert len(set(corpus.strange(len(STRANGE)))) == len(STRANGE)


@settings(max_examples=30)
@given(st.integers(1, 8), st.integers(2, 40), st.integers(1, 400))
def test_every_planted_session_is_whole(length: int, more: int, count: int) -> None:
    planted = Planted(every=length + more, length=length, first=0)
    found = list(DEMO.live(0.0, 100.0, count / 100, planted))
    strange = [due for due in found if PLANTED.encode() in due.record]
    assert len(strange) == length * sum(due.planted is not None for due in found)


def test_the_shop_is_told_on_and_on() -> None:
    demo = Demo(requests=20)
    again = list(itertools.islice(demo.records(len(demo) + 10), len(demo), None))
    assert len(set(again)) == 10

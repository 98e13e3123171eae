import gzip
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deepsentry.bench.lines import Line, filebeat, hdfs, labels, mixed
from deepsentry.errors import DataError
from deepsentry.events import Entry
from deepsentry.sections import Ingest
from streams.shippers import Record, create_decoder

FIRST = "081109 203518 143 INFO dfs.DataNode$DataXceiver: Receiving block blk_-16089 src: /10.250.19.102:54106"
SECOND = "081109 203530 35 INFO dfs.FSNamesystem: BLOCK* NameSystem.allocateBlock: /part-00081. blk_4394"


def data(folder: Path, hdfs_lines: Sequence[str], **systems: Sequence[str]) -> Path:
    logs = {"hdfs/hdfs_2pct": hdfs_lines} | {f"loghub_2k/{name}_2k": lines for name, lines in systems.items()}
    for name, lines in logs.items():
        path = folder / f"{name}.log.gz"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(gzip.compress("".join(f"{line}\n" for line in lines).encode()))
    return folder


def test_an_hdfs_line_bears_the_time_that_stands_in_it(tmp_path: Path) -> None:
    assert [line.time for line in hdfs(data(tmp_path, [FIRST]))] == [1226262918.0]


def test_a_mix_is_in_time_order_and_holds_every_line_of_every_round(tmp_path: Path) -> None:
    found = mixed(data(tmp_path, [FIRST, SECOND], Linux=["a", "b"], Spark=["c"]), rounds=2)
    assert [line.time for line in found] == sorted(line.time for line in found)
    assert sorted(line.text for line in found) == sorted([FIRST, SECOND, *"abc" * 2])


def test_systems_of_a_mix_are_sources_of_their_own(tmp_path: Path) -> None:
    found = mixed(data(tmp_path, [FIRST], Linux=["a"], Spark=["b"]), rounds=1)
    assert len({(line.host, line.path) for line in found}) == 3


def test_absent_data_is_an_error_that_names_the_original(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="Loghub"):
        hdfs(tmp_path)
    with pytest.raises(DataError, match="Loghub"):
        labels(tmp_path)


@given(
    st.text(st.characters(exclude_categories=["Cs", "Cc", "Z"]), min_size=1),
    st.integers(1_000_000_000_000, 1_700_000_000_000),
)
def test_the_stream_reads_a_record_back_as_the_line_that_it_was(text: str, milliseconds: int) -> None:
    line = Line(milliseconds / 1000, "web-1", "/var/log/app.log", text)
    [record] = filebeat([line])
    [entry] = create_decoder(Ingest())(Record(record, None, (), 1_800_000_000.0, "logs"))
    assert isinstance(entry, Entry)
    assert (entry.message, entry.host, entry.service, entry.shipper) == (text, "web-1", "/var/log/app.log", "beats")
    assert entry.timestamp == pytest.approx(line.time, abs=0.002)


def test_offsets_of_records_are_those_of_the_bytes_in_the_file() -> None:
    lines = [Line(0.0, "h", path, text) for path, text in (("/a", "é"), ("/b", "x"), ("/a", "y"))]
    decode = create_decoder(Ingest())
    entries = [decode(Record(value, None, (), 1.0, "logs"))[0] for value in filebeat(lines)]
    assert [isinstance(entry, Entry) and entry.attributes["log.offset"] for entry in entries] == ["0", "0", "3"]

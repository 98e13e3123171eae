"""What is learned from and what is judged."""

import gzip
from pathlib import Path

import pytest

from deepsentry.demo.traffic import LONGEST, Traffic, log_traffic, shop_traffic
from deepsentry.errors import DataError
from deepsentry.settings import Settings
from streams.batch.learning import sanitizer_of
from streams.sanitizing.sanitize import Located, Sanitized
from streams.shippers import Record


def sanitized(traffic: Traffic) -> Sanitized:
    records = [
        Located(Record(value, None, (), 1.9e9, "deepsentry.logs.raw.v1"), 0, offset)
        for offset, value in enumerate((*traffic.normal, *traffic.judged))
    ]
    return sanitizer_of(Settings()).sanitize(records)


def test_the_judged_lines_of_the_shop_follow_on_the_normal_ones() -> None:
    times = [entry.timestamp for entry in sanitized(shop_traffic(1, 60, 40)).clean]
    assert times == sorted(times)


def test_every_record_of_the_shop_becomes_an_entry() -> None:
    traffic = shop_traffic(2, 60, 40)
    done = sanitized(traffic)
    assert done.rejected == []
    assert len(done.clean) == len(traffic.normal) + len(traffic.judged)


def test_each_kind_of_fault_is_in_the_judged_lines_only() -> None:
    traffic = shop_traffic(3, 60, 40)
    assert len({fault.kind for fault in traffic.faults}) == 5
    for fault in traffic.faults:
        request = fault.request.encode()
        assert any(request in record for record in traffic.judged)
        assert not any(request in record for record in traffic.normal)


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_half_of_a_log_trains_and_the_rest_is_judged(tmp_path: Path, pack: type[bytes]) -> None:
    path = tmp_path / "my.log"
    path.write_bytes(pack(b"one\ntwo\n\nthree\nfour\nfive\n"))
    traffic = log_traffic(str(path))
    assert (traffic.normal, traffic.judged) == ([b"one", b"two"], [b"three", b"four", b"five"])


def test_a_line_is_cut_where_the_sanitizer_would_cut_it(tmp_path: Path) -> None:
    path = tmp_path / "my.log"
    path.write_bytes(b"x" * (LONGEST + 5) + b"\nnext\n")
    assert [len(line) for line in log_traffic(str(path)).normal] == [LONGEST]


@pytest.mark.parametrize("content", [b"", b"only one line\n"])
def test_a_log_that_cannot_be_halved_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "my.log"
    path.write_bytes(content)
    with pytest.raises(DataError, match="too few"):
        log_traffic(str(path))


def test_a_log_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="No such file"):
        log_traffic(str(tmp_path / "none.log"))

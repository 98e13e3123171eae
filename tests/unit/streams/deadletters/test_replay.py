from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deepsentry import topics
from deepsentry.events import Entry, Rejected
from deepsentry.kafka import Stored
from streams.deadletters.quarantine import Quarantined, gathered, parse
from streams.deadletters.replay import ELEMENTS, MARK, TIME, honouring, refusal, replay, replayed_from
from streams.redaction import Redacted
from streams.sanitizing.sanitize import Located, Sanitizer
from streams.shippers import Record
from streams.transport.outbox import Outgoing
from streams.windowing.keying import Keyer

Headers = tuple[tuple[str, bytes], ...]
HEADERS = st.lists(st.tuples(st.text(max_size=20) | st.sampled_from([MARK, TIME, ELEMENTS]), st.binary(max_size=20)))


def located(value: bytes = b"{", headers: Headers = (), topic: str = topics.RAW.name) -> Located:
    return Located(Record(value, b"web-1", headers, 1000.5, topic), 2, 41)


def stored(where: Located, *rejected: Rejected) -> Quarantined:
    [out] = gathered([(where, each) for each in rejected], "sanitize")
    found = parse(Stored(out.topic, 3, 1045, 2000.0, out.key or b"", out.value, tuple(out.headers)))
    assert found is not None
    return found


def back(found: Quarantined) -> Outgoing:
    return replay(found, found.source.partition)


MALFORMED = Rejected("malformed", "not JSON")


@given(st.binary(max_size=50), HEADERS.map(tuple))
def test_it_goes_back_as_it_came_with_a_mark(value: bytes, headers: Headers) -> None:
    out = back(stored(located(value, headers), MALFORMED))
    assert (out.topic, out.partition, out.key, out.value) == (topics.RAW.name, 2, b"web-1", value)
    own = [each for each in headers if not each[0].lower().startswith("deepsentry-replay")]
    assert list(out.headers[: len(own)]) == own
    assert dict(out.headers)[MARK] == f"{topics.REJECTED.name}-3-1045".encode()


def test_its_first_time_goes_with_it_however_often_it_is_replayed() -> None:
    once = back(stored(located(), MALFORMED))
    twice = back(stored(located(headers=tuple(once.headers)), MALFORMED))
    assert dict(once.headers)[TIME] == dict(twice.headers)[TIME] == b"1000.5"
    assert [name for name, _ in twice.headers].count(MARK) == 1


def test_a_record_that_came_back_names_what_it_was() -> None:
    assert replayed_from(tuple(back(stored(located(), MALFORMED)).headers)) == f"{topics.REJECTED.name}-3-1045"
    assert replayed_from(()) == ""


def lines(record: Record) -> list[Entry | Rejected]:
    return [
        Rejected("empty", "an empty line", at)
        if text == b"-"
        else Entry(text.decode(), record.timestamp, "kafka", "plain")
        for at, text in enumerate((record.value or b"").split(b"\n"))
    ]


def decoded(headers: Headers, value: bytes = b"a\n-\nb\n-") -> list[str]:
    record = Record(value, None, headers, 5000.0, topics.RAW.name)
    return [each.message if isinstance(each, Entry) else each.reason for each in honouring(lines)(record)]


def test_the_good_elements_of_a_batch_do_not_come_twice() -> None:
    batch = located(b"a\n-\nb\n-")
    found = stored(batch, Rejected("empty", "", 1, elements=4), Rejected("empty", "", 3, elements=4))
    assert decoded(tuple(back(found).headers)) == ["empty", "empty"]


def test_nor_where_one_of_them_is_rejected_again_and_replayed_again() -> None:
    first = stored(located(b"a\n-\nb\n-"), Rejected("empty", "", 3, elements=4))
    second = stored(located(b"a\n-\nb\n-", tuple(back(first).headers)), Rejected("empty", "", 3))
    assert dict(back(second).headers)[ELEMENTS] == b"3"


def test_a_record_rejected_as_a_whole_is_decoded_as_a_whole() -> None:
    assert decoded(tuple(back(stored(located(), MALFORMED)).headers)) == ["a", "empty", "b", "empty"]


class Broken:
    version = "none"

    def masked(self, texts: list[str], _: list[str]) -> dict[int, Redacted]:
        if "b" in texts:
            raise RuntimeError
        return {}


def test_nor_where_the_engine_failed_on_one_of_them() -> None:
    done = Sanitizer(lines, Broken(), Keyer(""))  # type: ignore[arg-type]
    [(where, rejected)] = done.sanitize([located(b"a\nb\nc")]).rejected
    assert decoded(tuple(back(stored(where, rejected)).headers), b"a\nb\nc") == ["b"]


def test_where_the_mended_format_has_no_such_element_nothing_is_left_out() -> None:
    found = stored(located(), Rejected("empty", "", 3, elements=4))
    assert decoded(tuple(back(found).headers), b"one line now") == ["one line now"]


def test_a_line_without_a_time_gets_the_time_at_which_it_first_came() -> None:
    record = Record(b"a", None, tuple(back(stored(located(), MALFORMED)).headers), 5000.0, topics.RAW.name)
    [entry] = honouring(lines)(record)
    assert isinstance(entry, Entry)
    assert entry.timestamp == 1000.5


@pytest.mark.parametrize("time", [b"6000.0", b"-1", b"nan", b"0", b"1e3", b"9" * 400, b"\xff"])
def test_a_forged_time_is_not_believed(time: bytes) -> None:
    [entry] = honouring(lines)(Record(b"a", None, ((MARK, b"x"), (TIME, time)), 5000.0, topics.RAW.name))
    assert isinstance(entry, Entry)
    assert entry.timestamp == 5000.0


@given(HEADERS.map(tuple))
def test_no_header_of_a_stranger_loses_a_record(headers: Headers) -> None:
    assert decoded(headers)


def test_what_was_not_kept_whole_or_is_no_log_does_not_go_back() -> None:
    found = stored(located(), MALFORMED)
    assert refusal(found) == ""
    assert "send it again" in refusal(replace(found, cut=True))
    assert "not from a shipper" in refusal(stored(located(topic=topics.ALERTS.name), MALFORMED))

"""A cursor reads back as it was written, belongs to one list, and is checked like every input."""

import base64
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.cursors import NEWEST, Sort, decode, encode
from api.errors import InvalidInput

BY_NAME = Sort("name", 1, str)
IDS = st.text("0123456789abcdef", min_size=32, max_size=32)


@given(at=st.datetimes(datetime(1970, 1, 1), datetime(2999, 1, 1), timezones=st.just(UTC)), id_=IDS)  # noqa: DTZ001
def test_a_time_reads_back(at: datetime, id_: str) -> None:
    assert decode(NEWEST, encode(NEWEST, at, id_)) == (at, id_)


@given(name=st.text(st.characters(exclude_categories=["Cs"]), max_size=60), id_=IDS)
def test_a_text_reads_back(name: str, id_: str) -> None:
    assert decode(BY_NAME, encode(BY_NAME, name, id_)) == (name, id_)


@given(
    st.one_of(st.text(max_size=50), st.binary(max_size=60).map(lambda data: base64.urlsafe_b64encode(data).decode()))
)
def test_any_other_text_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput, match=r"query\.cursor"):
        decode(NEWEST, text)


@pytest.mark.parametrize(
    "data",
    [
        b'["created_at-1",{"$ne":null},"a"]',
        b'["created_at-1",["a"],"a"]',
        b'["created_at-1","2026-01-01T00:00:00Z",{"$gt":""}]',
        b'["created_at+1","2026-01-01T00:00:00Z","a"]',
        b'["created_at-1",1e400,"a"]',
        b'["created_at-1","yesterday","a"]',
        b'["created_at-1",null,"a"]',
        b'["name+1","a","a"]',
    ],
)
def test_a_cursor_of_another_list_or_kind_is_refused(data: bytes) -> None:
    with pytest.raises(InvalidInput):
        decode(NEWEST, base64.urlsafe_b64encode(data).decode())


def test_a_very_long_cursor_is_not_even_read() -> None:
    with pytest.raises(InvalidInput):
        decode(NEWEST, "A" * 1025)

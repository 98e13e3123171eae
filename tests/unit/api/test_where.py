"""Conditions take names that we wrote and scalars; nothing that a stranger sends becomes an operator."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.errors import InvalidInput
from api.store.collection import Change
from api.store.driver import plain, query, update
from api.store.where import MOST_WORDS, among, any_of, at_least, below, differs, equal, search, words

JSON = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(JSON)
def test_a_value_is_a_scalar_or_refused(value: Any) -> None:
    if isinstance(value, dict | list):
        with pytest.raises(TypeError):
            equal("name", value)
        with pytest.raises(TypeError):
            among("name", (value,))
    else:
        assert query([equal("name", value)]) == {"$and": [{"name": {"$eq": value}}]}


@pytest.mark.parametrize("field", ["$where", "a.$ne", "", "a b", "A", "a..b", ".a", "a.", "_id", "a\0"])
def test_a_field_is_a_plain_name(field: str) -> None:
    with pytest.raises(TypeError, match="not the name of a field"):
        equal(field, 1)


def test_conditions_are_written_for_the_driver() -> None:
    assert query([]) == {}
    assert query([equal("id", "a"), any_of((below("at", 3),), (differs("state", None), at_least("at", 4)))]) == {
        "$and": [
            {"_id": {"$eq": "a"}},
            {"$or": [{"$and": [{"at": {"$lt": 3}}]}, {"$and": [{"state": {"$ne": None}}, {"at": {"$gte": 4}}]}]},
        ]
    }


@pytest.mark.parametrize("name", ["$set", "a.b", "a\0b"])
def test_a_name_in_data_that_means_more_to_the_store_is_refused(name: str) -> None:
    with pytest.raises(InvalidInput):
        plain({"fine": [{name: 1}]})
    with pytest.raises(InvalidInput):
        update(Change(put={"facts": {name: 1}}))


def test_data_that_nests_too_deep_is_refused() -> None:
    deep: Any = 1
    for _ in range(30):
        deep = [deep]
    with pytest.raises(InvalidInput, match="nests deeper"):
        plain(deep)


@given(st.text(max_size=500))
def test_a_search_is_ranges_of_words_whatever_is_typed(text: str) -> None:
    assert len(words(text)) <= MOST_WORDS
    conditions = search("words", text)
    assert len(conditions) <= 8
    for condition in conditions:
        assert set(query([condition])["$and"][0]["words"]["$elemMatch"]) == {"$gte", "$lt"}

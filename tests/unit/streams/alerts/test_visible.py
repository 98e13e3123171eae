import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from streams.alerts.visible import ESCAPED, visible


@given(st.text(alphabet=st.characters(codec=None)))
def test_nothing_that_moves_hides_or_turns_text_remains(text: str) -> None:
    shown = visible(text)
    assert not {unicodedata.category(character) for character in shown} & ESCAPED
    shown.encode()  # no lone surrogate


@given(st.text(alphabet=st.characters(min_codepoint=32, max_codepoint=126), max_size=2000))
def test_plain_text_is_shown_as_it_is(text: str) -> None:
    assert visible(text) == text


@given(st.text(), st.integers(0, 50))
def test_the_size_is_bounded_and_a_cut_is_marked(text: str, limit: int) -> None:
    shown = visible(text, limit)
    assert len(shown) <= 10 * limit + 30
    assert ("… (+" in shown) == (len(text) > limit) or "… (+" in text


def test_escapes_name_the_character() -> None:
    assert visible("\x1b[31mred\x07") == "\\x1b[31mred\\x07"
    assert visible("a\u202etxt.exe") == "a\\u202etxt.exe"
    assert visible("one\ntwo\ttab") == "one\\x0atwo tab"
    assert visible("\U000e0041") == "\\U000e0041"


def test_other_scripts_and_emoji_stay_readable() -> None:
    assert visible("зелёный 日本語 naïve 🔥") == "зелёный 日本語 naïve 🔥"


def test_marks_are_not_stacked_over_other_lines() -> None:
    assert visible("e" + "\u0301" * 5) == "e" + "\u0301" * 3 + "\\u0301\\u0301"

import string
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deepsentry.errors import LinkRefused
from deepsentry.links import Link, sign, verify

KEY = b"k" * 32
NOW = datetime(2025, 1, 2, tzinfo=UTC)
LINK = Link("9f2c61d0", "b2aa", "false_alarm", "ops-mail", NOW + timedelta(days=1))
NAMES = st.text(string.ascii_letters + string.digits + "_-", min_size=1, max_size=128)


@given(
    NAMES,
    NAMES | st.just(""),
    st.sampled_from(["true", "false_alarm"]),
    NAMES,
    st.integers(1, 10**9),
    st.binary(min_size=16),
)
def test_what_was_signed_is_read_back(
    anomaly: str, alert: str, said: str, target: str, seconds: int, key: bytes
) -> None:
    link = Link(anomaly, alert, said, target, NOW + timedelta(seconds=seconds))  # type: ignore[arg-type]
    assert verify(sign(link, key), key, NOW) == link


@given(st.data())
def test_a_changed_character_anywhere_is_refused(data: st.DataObject) -> None:
    token = sign(LINK, KEY)
    at = data.draw(st.integers(0, len(token) - 1))
    other = data.draw(st.characters().filter(lambda c: c != token[at]))
    changed = token[:at] + other + token[at + 1 :]
    with pytest.raises(LinkRefused):
        verify(changed, KEY, NOW)


@given(st.text(max_size=700))
def test_what_strangers_send_is_refused(text: str) -> None:
    with pytest.raises(LinkRefused, match="not one of ours"):
        verify(text, KEY, NOW)


def test_a_link_ends() -> None:
    token = sign(LINK, KEY)
    assert verify(token, KEY, LINK.until - timedelta(seconds=1)) == LINK
    with pytest.raises(LinkRefused, match="over"):
        verify(token, KEY, LINK.until)


def test_another_key_and_a_key_that_strangers_could_guess_are_refused() -> None:
    token = sign(LINK, KEY)
    with pytest.raises(LinkRefused):
        verify(token, b"x" * 32, NOW)
    with pytest.raises(LinkRefused):
        verify(token, b"", NOW)
    with pytest.raises(ValueError, match="16"):
        sign(LINK, b"short")


def test_a_name_that_no_token_can_hold_is_not_signed() -> None:
    with pytest.raises(ValueError, match="letters"):
        sign(Link("a.b", "", "true", "mail", NOW), KEY)

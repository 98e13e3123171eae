"""Tokens: keyed, typed, stable, bounded."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.redaction.tokens import Mint

MINT = Mint(b"a key of this test run only")


@given(st.text(st.characters()))
def test_a_token_is_stable_bounded_and_known_as_one(secret: str) -> None:
    token = MINT.token("api-key", secret)
    assert token == MINT.token("api-key", secret)
    assert len(token) == len("<api-key:>") + 12
    assert MINT.spans(f"a{token}b{token}") == [(1, 1 + len(token)), (2 + len(token), 2 + 2 * len(token))]


def test_a_hundred_thousand_secrets_have_as_many_tokens() -> None:
    assert len({MINT.token("card", str(number)) for number in range(100_000)}) == 100_000


@pytest.mark.parametrize("text", ["<email:0123>", "<Email:0123456789ab>", "email:0123456789ab", "<a:0123456789abcd>"])
def test_what_is_not_ours_is_not_taken_for_a_token(text: str) -> None:
    assert MINT.spans(text) == []


def test_a_template_of_the_operator_is_known_again() -> None:
    mint = Mint(b"a key of this test run only", "{kind}*{digest}*")
    assert mint.spans("x " + mint.token("iban", "y")) == [(2, 20)]

"""Passwords count to their last character, and cost what the operator wants."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.auth.passwords import Passwords, acceptable, digest
from api.errors import InvalidInput
from deepsentry.control import Api

LONG = "x" * 100
CHEAP = 4


@pytest.mark.parametrize(
    ("right", "wrong"),
    [(LONG + "a", LONG + "b"), ("before\0after", "before\0other"), ("before\0after", "before"), ("é" * 72, "é" * 71)],
    ids=["longer than bcrypt's 72 bytes", "after a NUL", "at a NUL", "of two bytes each"],
)
async def test_every_character_counts(right: str, wrong: str) -> None:
    passwords = Passwords(CHEAP)
    kept = await passwords.hash(right)
    assert await passwords.verify(right, kept)
    assert not await passwords.verify(wrong, kept)


async def test_it_does_not_matter_how_a_letter_was_typed() -> None:
    passwords = Passwords(CHEAP)
    assert await passwords.verify("cafe\u0301 au lait", await passwords.hash("caf\u00e9 au lait"))


async def test_nobody_has_no_password() -> None:
    assert not await Passwords(CHEAP).verify("any", None)


async def test_a_hash_says_what_it_cost_and_a_cheaper_one_is_outdated() -> None:
    kept = await Passwords(CHEAP).hash("some password")
    assert kept.startswith(b"$2b$04$")
    assert Passwords(Api().bcrypt_rounds).outdated(kept)
    assert not Passwords(CHEAP).outdated(kept)


def test_twelve_rounds_are_the_least_that_an_operator_can_set() -> None:
    assert Api().bcrypt_rounds == 12
    with pytest.raises(ValueError, match="greater than or equal to 12"):
        Api(bcrypt_rounds=11)


@given(st.text(max_size=200))
def test_what_bcrypt_gets_is_short_and_has_no_nul(password: str) -> None:
    assert len(digest(password)) == 44
    assert b"\0" not in digest(password)


@pytest.mark.parametrize("password", ["a" * 11, "x" * 1025, "ababababababab", "Bob.Example-bob"])
def test_what_is_too_short_too_long_too_simple_or_too_close_is_refused(password: str) -> None:
    with pytest.raises(InvalidInput, match=r"body\.password"):
        acceptable(password, "bob.example@example.org", "Bob Example")


@pytest.mark.parametrize("password", ["correct horse battery", "bobexample lives in a tall house", "пароль из слов"])
def test_what_is_long_enough_is_accepted_without_rules_of_composition(password: str) -> None:
    acceptable(password, "bob.example@example.org", "Bob Example")

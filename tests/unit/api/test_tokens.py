"""A token's signature is looked at once; what ends it still ends it."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from api.auth import keys
from api.auth.keys import KeyRing
from api.auth.tokens import MOST_KNOWN, Tokens
from api.errors import Unknown

START = datetime(2026, 1, 1, tzinfo=UTC)
LIFE = timedelta(minutes=10)


@pytest.fixture
def now() -> list[datetime]:
    return [START]


@pytest.fixture
def tokens(tmp_path: Path, now: list[datetime]) -> Tokens:
    keys.ensure(tmp_path, START)

    def clock() -> float:
        return (now[0] - START).total_seconds()

    return Tokens(KeyRing(tmp_path, clock), "http://here", lambda: now[0], lambda: "0" * 32)


def test_a_token_that_held_ends_with_its_time(tokens: Tokens, now: list[datetime]) -> None:
    token = tokens.issue("access", "ann", "one", LIFE)
    assert tokens.verify("access", token) == tokens.verify("access", token)
    now[0] += LIFE
    with pytest.raises(Unknown):
        tokens.verify("access", token)


def test_a_token_that_held_is_nothing_for_another_purpose_and_nothing_once_changed(tokens: Tokens) -> None:
    token = tokens.issue("access", "ann", "one", LIFE)
    tokens.verify("access", token)
    for purpose, text in (("refresh", token), ("code", token), ("access", token[:-3] + "abc"), ("access", token + "=")):
        with pytest.raises(Unknown):
            tokens.verify(purpose, text)  # type: ignore[arg-type]


def test_a_token_that_held_ends_with_its_key(tokens: Tokens, tmp_path: Path, now: list[datetime]) -> None:
    token = tokens.issue("access", "ann", "one", LIFE)
    tokens.verify("access", token)
    for pair in tmp_path.glob("*.pem"):
        pair.unlink()
    keys.create(tmp_path, START + timedelta(seconds=1))
    now[0] += timedelta(seconds=10)
    tokens.verify("access", tokens.issue("access", "bob", "two", LIFE))
    with pytest.raises(Unknown):
        tokens.verify("access", token)


def test_no_more_tokens_are_remembered_than_there_is_room_for(tokens: Tokens) -> None:
    tokens._known = {bytes([n // 256, n % 256]): ("", {}) for n in range(MOST_KNOWN)}
    tokens.verify("access", tokens.issue("access", "ann", "one", LIFE))
    assert len(tokens._known) == MOST_KNOWN

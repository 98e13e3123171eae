"""Planted secrets are found wherever they stand."""

from hypothesis import given
from hypothesis import strategies as st

from deepsentry.demo.leaks import count
from deepsentry.demo.shop import Shop
from deepsentry.demo.traffic import shop_traffic

SECRETS = frozenset({"s3cr3t!", "4000 1234 5678 9010", "a.b+c@example.com"})


def test_every_occurrence_counts() -> None:
    assert count([b"s3cr3t! and s3cr3t!", b"none", b"card 4000 1234 5678 9010"], SECRETS) == 3


def test_marks_in_a_secret_are_no_pattern() -> None:
    assert count([b"axbbc@example_com", b"s3cr3t"], SECRETS) == 0


def test_a_secret_does_not_arise_from_two_texts() -> None:
    assert count([b"s3c", b"r3t!"], SECRETS) == 0


@given(st.binary(max_size=40), st.sampled_from(sorted(SECRETS)), st.binary(max_size=40), st.integers(0, 2000))
def test_a_secret_is_found_among_any_bytes(before: bytes, secret: str, after: bytes, others: int) -> None:
    texts = [b"-"] * others + [before + b"\x00" + secret.encode() + b"\x00" + after]
    assert count(texts, SECRETS) >= 1


def test_all_that_a_shop_keeps_secret_is_searched_at_once() -> None:
    secrets = Shop(1).secrets
    assert count([secret.encode() for secret in secrets], secrets) == len(secrets)


def test_the_raw_records_of_the_shop_hold_secrets() -> None:
    traffic = shop_traffic(3, 200, 100)
    assert count(traffic.normal, traffic.secrets) > 20

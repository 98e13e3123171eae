"""Codes by time: the steps around now, and no others; recovery codes as they are typed."""

from datetime import UTC, datetime, timedelta

import pyotp
import pytest

from api.auth import codes

SECRET = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
"""RFC 6238, appendix B: `12345678901234567890`."""
NOW = datetime.fromtimestamp(1_111_111_109, UTC)


def test_a_code_of_the_standard_is_right_at_its_time() -> None:
    assert codes.step_of(SECRET, "081804", NOW) == 1_111_111_109 // 30


@pytest.mark.parametrize(("steps", "right"), [(-2, False), (-1, True), (0, True), (1, True), (2, False)])
def test_a_clock_may_be_off_by_one_step(steps: int, right: bool) -> None:  # noqa: FBT001 - a parameter of a test
    code = pyotp.TOTP(SECRET).at(NOW + timedelta(seconds=30 * steps))
    assert (codes.step_of(SECRET, code, NOW) is not None) is right


@pytest.mark.parametrize("code", ["", "81804", "0818040", "081 804", "\u0660\u0668\u0661\u0668\u0660\u0664", "-81804"])
def test_what_only_looks_like_a_code_is_wrong(code: str) -> None:
    assert codes.step_of(SECRET, code, NOW) is None


def test_recovery_codes_are_many_long_and_different() -> None:
    shown, kept = codes.recovery_codes()
    assert len(set(shown)) == len(set(kept)) == 10
    assert {len(code.replace("-", "")) for code in shown} == {16}
    assert tuple(map(codes.recovery_digest, shown)) == kept
    assert codes.recovery_digest(shown[0].upper().replace("-", " ")) == kept[0]

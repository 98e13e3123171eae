"""Check digits: specimens that issuers or standards publish, and every neighbour of them."""

import itertools
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.redaction.checks import CHECKS, entropy, is_jwt, is_no_word, is_placeholder, is_random
from streams.redaction.coins import keccak256

SPECIMENS = {
    "card": ["4111111111111111", "5555555555554444", "378282246310005", "30569309025904", "6011111111111117"],
    "iban": ["DE89370400440532013000", "GB82WEST12345698765432", "NO9386011117947", "MT84MALT011000012345MTLCAST001S"],
    "aba": ["021000021", "011401533"],
    "npi": ["1234567893"],
    "dea": ["AB1234563"],
    "cpf": ["39053344705"],
    "cnpj": ["16727230000197"],
    "cuit": ["20055361682"],
    "curp": ["BOXW310820HNERXN09"],
    "china": ["360426199101010071"],
    "taiwan": ["A123456789"],
    "hong-kong": ["A1234563"],
    "korea": ["9710139019902"],
    "my-number": ["123456789018"],
    "thailand": ["1234545678781"],
    "aadhaar": ["234123412346"],
    "gstin": ["27AAPFU0939F1ZV"],
    "tfn": ["123456782"],
    "abn": ["83914571673"],
    "acn": ["004085616"],
    "ird": ["49098576", "49091850"],
    "nhs": ["9434765919"],
    "german-tax": ["36574261809"],
    "german-pension": ["15070649C103"],
    "nir": ["295109912611193"],
    "spanish": ["54362315K", "X2482300W"],
    "codice-fiscale": ["RCCMNL83S18D969H"],
    "pesel": ["44051401359"],
    "nip": ["8567346215"],
    "nif": ["501964843"],
    "bsn": ["111222333"],
    "belgian": ["85073003328"],
    "norwegian": ["15108695088"],
    "cnp": ["1630615123457"],
    "egn": ["7523169263"],
    "oib": ["33392005961"],
    "jmbg": ["0101006500006"],
    "baltic": ["36805280109", "33309240064"],
    "pps": ["6433435F"],
    "hetu": ["131052-308T"],
    "ahv": ["7569217076985"],
    "turkish": ["17291716060"],
    "afm": ["094259216"],
    "inn": ["7707083893", "500100732259"],
    "snils": ["11223344595"],
    "rnokpp": ["1759013776"],
    "austrian": ["1237010180"],
    "swedish": ["8803200016"],
    "base58check": ["1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa"],
    "bech32": ["bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4"],
    "eip55": ["0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"],
}
CASES = [(name, value) for name, values in SPECIMENS.items() for value in values]


@pytest.mark.parametrize(("name", "value"), CASES)
def test_a_published_specimen_passes(name: str, value: str) -> None:
    assert CHECKS[name](value)


@pytest.mark.parametrize(("name", "value"), [case for case in CASES if case[0] not in {"cnp", "egn", "inn", "eip55"}])
def test_another_last_character_of_the_same_class_fails(name: str, value: str) -> None:
    last = value[-1]
    others = "0123456789" if last.isdigit() else "ABCDEFGHIJKLMNOPQRSTUVWXYZ" if last.isupper() else "qpzry9x8gf2tvdw0"
    passing = [other for other in others if other != last and CHECKS[name](value[:-1] + other)]
    assert passing == []


@pytest.mark.parametrize("serial", ["0001", "0010", "0999", "9999"])
def test_serials_of_an_ssn_pass_at_the_edges(serial: str) -> None:
    assert CHECKS["ssn"](f"536-90-{serial}")


def test_every_ssn_that_can_have_been_issued_passes() -> None:
    areas = [f"{n:03}" for n in range(1000) if n not in {0, 666} and n < 900]
    assert all(CHECKS["ssn"](f"{area}-01-0002") for area in areas)
    assert all(CHECKS["ssn"](f"536-{group:02}-4399") for group in range(1, 100))
    assert all(CHECKS["ssn"](f"536-90-{serial:04}") for serial in range(1, 10000))
    assert not any(CHECKS["ssn"](f"{n:03}-01-0002") for n in (0, 666, *range(900, 1000)))


@given(st.lists(st.integers(0, 9), min_size=15, max_size=15), st.integers(0, 15), st.integers(1, 9))
def test_luhn_sees_every_single_wrong_digit(digits: list[int], place: int, change: int) -> None:
    valid = next(d for n in range(10) if _passes(d := [*digits, n], "luhn") or not any(digits))
    wrong = [digit if n != place else (digit + change) % 10 for n, digit in enumerate(valid)]
    assert not _passes(wrong, "luhn") or not any(digits)


@given(st.lists(st.integers(0, 9), min_size=11, max_size=11))
def test_verhoeff_gives_one_check_digit_and_sees_every_transposition(digits: list[int]) -> None:
    valid = [d for n in range(10) if _passes(d := [*digits, n], "aadhaar")]
    for number, place in itertools.product(valid, range(11)):
        swapped = [*number[:place], number[place + 1], number[place], *number[place + 2 :]]
        assert swapped == number or not _passes(swapped, "aadhaar")
    assert len(valid) == 1 or len(set(digits)) == 1


def _passes(digits: list[int], name: str) -> bool:
    return CHECKS[name]("".join(map(str, digits)))


@given(st.sampled_from(sorted(SPECIMENS)), st.text("0123456789", min_size=1, max_size=20))
def test_a_check_judges_any_digits_in_the_form_of_its_specimen(name: str, digits: str) -> None:
    form = re.sub("[0-9]", lambda match: digits[match.start() % len(digits)], SPECIMENS[name][0])
    assert isinstance(CHECKS[name](form), bool)


def test_keccak_is_the_one_before_sha3() -> None:
    assert keccak256(b"").hex() == "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470"
    assert keccak256(b"a" * 136).hex() != keccak256(b"a" * 135).hex()


def test_entropy_is_in_bits_a_character() -> None:
    assert entropy(2.0, "abcd")
    assert not entropy(2.01, "abcd")
    assert not entropy(0.1, "")


@pytest.mark.parametrize(
    "value", ["****", "${TOKEN}", "[FILTERED]", "<password>", "%s", "{{ secret }}", "xxxx", "REDACTED"]
)
def test_a_placeholder_is_no_secret(value: str) -> None:
    assert is_placeholder(value)


@pytest.mark.parametrize("value", ["hunter2", "p@ss", "x1", "$2b$12$abc", "{cipher}0a"])
def test_a_value_is_no_placeholder(value: str) -> None:
    assert not is_placeholder(value)


def test_a_constant_is_not_random() -> None:
    assert not is_random("ACTION_BATTERY_CHANGED")
    assert not is_random("ActionBatteryChanged")
    assert is_random("qWeRtYuIoPaS")


@pytest.mark.parametrize("value", ["", "a.b.c", "eyJ.x", "W10.x.y", "bnVsbA.a.b", "8J-YgA.a.b"])
def test_what_has_no_header_is_no_jwt(value: str) -> None:
    assert not is_jwt(value)


@pytest.mark.parametrize(
    "value", ["TxumdbalcBbyvrAo", "uaioLjLgnaobynoFmazU", "suvcgWnkgcDzQt", "keyzjvlcguIeZddLp", "abc1"]
)
def test_letters_that_no_words_spell_are_no_word(value: str) -> None:
    assert is_no_word(value)


@pytest.mark.parametrize("value", ["synchronization", "ServiceReadyNow", "PartitionAssignor", "notification"])
def test_words_are_words(value: str) -> None:
    assert not is_no_word(value)

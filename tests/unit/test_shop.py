"""The web shop of the demo."""

import random
import re
from collections import defaultdict
from collections.abc import Iterable
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deepsentry import wire
from deepsentry.demo.customers import customers
from deepsentry.demo.envelopes import as_record
from deepsentry.demo.faults import FAULTS
from deepsentry.demo.shop import HOSTS, Shop, ShopLine

START = 1_700_000_000.0
SEEDS = st.integers(0, 10**6)
few = settings(max_examples=15, deadline=None)


def by_request(lines: Iterable[ShopLine]) -> dict[str, list[ShopLine]]:
    requests: dict[str, list[ShopLine]] = defaultdict(list)
    for line in lines:
        requests[line.request].append(line)
    return requests


def statement(line: ShopLine) -> str:
    text = line.message.split(line.request, 1)[1]
    text = re.sub(r"email=\S+ password=\S+|Bearer \S+|key AKIA\S+|(?:to|address|sent to) \S*[@+]\S+", "_", text)
    text = re.sub(r"\d[\d -]*|\b(?:north|swift|post|packed|travelling|delivered)\b", "#", text)
    return f"{line.service} {line.level}{text}"


@given(SEEDS)
@few
def test_a_seed_gives_the_same_traffic_again(seed: int) -> None:
    assert list(Shop(seed).normal(START, 30)) == list(Shop(seed).normal(START, 30))
    assert Shop(seed).faults(START, 30) == Shop(seed).faults(START, 30)


def test_another_seed_gives_other_people_and_other_traffic() -> None:
    shared = Shop(1).secrets & Shop(2).secrets
    # Numbers of a range kept for fiction are few.
    assert all(secret.startswith("+447700") for secret in shared)
    assert list(Shop(1).normal(START, 5)) != list(Shop(2).normal(START, 5))


@given(SEEDS)
@few
def test_lines_come_in_time_order(seed: int) -> None:
    for lines in (list(Shop(seed).normal(START, 60)), Shop(seed).faults(START, 60)[0]):
        times = [line.timestamp for line in lines]
        assert times == sorted(times)
        assert times[0] >= START


@given(SEEDS)
@few
def test_every_sound_request_is_answered_by_the_gateway_once(seed: int) -> None:
    requests = by_request(Shop(seed).normal(START, 60))
    for lines in requests.values():
        answers = [line for line in lines if line.service == "gateway" and " answered after " in line.message]
        assert len(answers) == 1
    assert len(requests) == 60


def test_requests_are_served_at_once() -> None:
    lines = list(Shop(3).normal(START, 500))
    switches = sum(one.request != other.request for one, other in pairwise(lines))
    assert switches > len(lines) / 2


def test_there_are_thousands_of_lines_a_minute_in_dozens_of_statements() -> None:
    lines = list(Shop(3).normal(START, 2000))
    minutes = (lines[-1].timestamp - START) / 60
    assert len(lines) / minutes > 2000
    assert len({statement(line) for line in lines}) >= 60


@given(SEEDS)
@few
def test_every_kind_of_fault_happens_to_a_request_of_its_own(seed: int) -> None:
    _, truth = Shop(seed).faults(START, 80, each=2)
    assert sorted(fault.kind for fault in truth) == sorted(FAULTS * 2)
    assert len({fault.request for fault in truth}) == len(truth)


def test_too_few_requests_for_the_faults_are_refused() -> None:
    with pytest.raises(ValueError, match=r"[Ss]ample"):
        Shop(1).faults(START, 4)


def test_faults_betray_themselves_by_nothing_but_their_nature() -> None:
    shop = Shop(5)
    known = {(line.host, statement(line)) for line in shop.normal(START, 6000)}
    lines, truth = shop.faults(START + 9_000, 1000, each=20)
    requests = by_request(lines)
    for fault in truth:
        foreign = [line for line in requests[fault.request] if (line.host, statement(line)) not in known]
        assert [line.level for line in foreign] == (["error"] if fault.kind == "new error" else [])


def test_no_faulty_request_reads_like_a_sound_one() -> None:
    shop = Shop(6)
    sound = {
        tuple(statement(line) for line in lines if line.service != "mail")
        for lines in by_request(shop.normal(START, 8000)).values()
    }
    lines, truth = shop.faults(START + 9_000, 1000, each=20)
    requests = by_request(lines)
    for fault in truth:
        assert tuple(statement(line) for line in requests[fault.request] if line.service != "mail") not in sound


def test_the_ground_truth_names_the_line_that_deviates() -> None:
    lines, truth = Shop(8).faults(START, 1000, each=20)
    requests = by_request(lines)
    for fault in truth:
        of_fault = requests[fault.request]
        if fault.kind == "new error":
            assert of_fault[fault.line].level == "error"
        if fault.kind == "retry burst":
            assert "timed out, attempt 2" in of_fault[fault.line].message
        if fault.kind == "cut off":
            assert fault.line == len(of_fault)


def test_secrets_are_planted_and_known() -> None:
    shop = Shop(9)
    messages = [line.message for line in shop.normal(START, 3000)]
    planted = {secret for secret in shop.secrets if any(secret in message for message in messages)}
    for sign in ("@example", "AKIA", "eyJ", "+447700"):
        assert any(sign in secret for secret in planted)
    patterns = (
        r"password=(\S+)",
        r"email=(\S+)",
        r"Bearer (\S+)",
        r"card (\d[\d -]+\d)",
        r"access key (\S+)",
        r"mail to (\S+)",
    )
    for pattern in patterns:
        found = {value for message in messages for value in re.findall(pattern, message)}
        assert found
        assert found <= shop.secrets


@given(st.randoms(use_true_random=False))
@few
def test_cards_are_valid_by_luhn(rng: random.Random) -> None:
    for customer in customers(rng, 20):
        digits = [int(digit) for digit in customer.card if digit.isdigit()]
        assert len(digits) == 16
        assert sum(digits[1::2]) % 10 == -sum(sum(divmod(2 * digit, 10)) for digit in digits[::2]) % 10


@given(SEEDS)
@few
def test_every_record_carries_its_message(seed: int) -> None:
    for line in Shop(seed).normal(START, 20):
        record = as_record(line)
        match wire.from_json(record) if record.startswith(b"{") else record.decode():
            case {"message": text} | {"log": text} | {"MESSAGE": text}:
                assert text == line.message
            case str(text):
                assert text.removesuffix("\n").endswith(line.message)
            case other:
                pytest.fail(f"unknown envelope {type(other)}")


def test_the_services_use_different_shippers() -> None:
    first = {line.service: as_record(line) for line in Shop(1).normal(START, 200)}
    assert first.keys() == HOSTS.keys()
    assert b'"beat":"filebeat"' in first["gateway"]
    assert re.match(rb"<1\d\d>1 2023-11-14T22:\S+Z app-\d cart \d+ - - ", first["cart"])
    assert b'"container_name":"catalog"' in first["catalog"]
    assert b'"source_type":"file"' in first["payment"]
    assert re.match(rb"2023-11-14T22:\S+Z app-3 shipping\[\d+\]: ", first["shipping"])
    assert b'"_SYSTEMD_UNIT":"mail.service"' in first["mail"]

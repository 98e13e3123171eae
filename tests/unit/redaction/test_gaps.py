"""Gaps that the planted corpus once showed, and value spaces that can be tried whole."""

import pytest

from streams.redaction import Redactor

HEX32 = "0f3c9a7e5d1b2c4a" * 2


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        ("<user><password>hunter2x</password></user>", "hunter2x"),
        ("redis://ann:$tBinUl02@cache:6379/0", "$tBinUl02"),
        ("customer_ssn=536904399", "536904399"),
        ('{"patientNhs":"943 476 5919"}', "943 476 5919"),
        ("kunde_pnr: 880320-0016", "880320-0016"),
        ("imei1=490154203237518", "490154203237518"),
        ("mysqldump -h db -u shop -pOpen5esame shop", "Open5esame"),
        ("sshpass -p Open5esame ssh web", "Open5esame"),
        ("GET /calls/+491701234567/messages", "491701234567"),
        ("dial +33 1 23 45 67 89", "23 45 67 89"),
        ("otp_code: 482913", "482913"),
        ('"customer_cvc" : "8831"', "8831"),
        ('"bank_routing_number"=>"021000021"', "021000021"),
        (f"X-Splunk-Hec-Token: {HEX32[:8]}-{HEX32[:4]}-{HEX32[:4]}-{HEX32[:4]}-{HEX32[:12]}", HEX32[:12]),
        (f"X-Datadog-Dd-Api-Key: {HEX32}", HEX32),
        (f"boxKey={HEX32}", HEX32),
        ("$2b$12$" + HEX32 + HEX32[:21], HEX32),
    ],
)
def test_a_gap_stays_closed(redactor: Redactor, portable: Redactor, text: str, secret: str) -> None:
    (masked,) = redactor.redact([text])
    assert secret not in masked.text
    assert portable.redact([text]) == [masked]


@pytest.mark.parametrize(
    "text",
    [
        "password=$DB_PASSWORD",
        "password=${DB_PASSWORD",
        "password=$password",
        "password=$1",
        "private_key=/etc/ssl/private/shop-01.pem",
        "<token>",
    ],
)
def test_what_stands_for_a_secret_is_left(redactor: Redactor, text: str) -> None:
    assert redactor.redact([text])[0].findings == ()


def test_a_number_below_a_dotted_name_is_found(redactor: Redactor) -> None:
    fields = redactor.redact_fields({"kubernetes.labels.4111 1111 1111 1111": "1"}).fields
    assert not any("1111" in name for name in fields)


def test_every_card_code_is_masked(redactor: Redactor) -> None:
    codes = [f"{code:0{digits}}" for digits in (3, 4) for code in range(10**digits)]
    assert all(result.findings for result in redactor.redact([f"cvv={code}" for code in codes]))


def test_every_serial_of_an_ssn_is_masked(redactor: Redactor) -> None:
    texts = [f"of 536-90-{serial:04} it" for serial in range(1, 10_000)]
    assert all(result.findings for result in redactor.redact(texts))


def test_every_one_time_code_of_four_digits_is_masked(redactor: Redactor) -> None:
    assert all(result.findings for result in redactor.redact([f"otp: {code:04}" for code in range(10_000)]))

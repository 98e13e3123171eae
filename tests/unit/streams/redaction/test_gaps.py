"""Gaps that the planted corpus once showed, and value spaces that can be tried whole."""

import pytest

from streams.redaction import Redactor
from streams.redaction.examples import expand

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
        ("{u'adminPass': u'hunter2x'}", "hunter2x"),
        ("{'password': b'hunter2x'}", "hunter2x"),
        ("password=SecretStr('hunter2x')", "hunter2x"),
        ("userPass=hunter2x", "hunter2x"),
        ("ldap.bindpw: hunter2x", "hunter2x"),
        ("password -> hunter2x", "hunter2x"),
        ('<add key="ClearTextPassword" value="hunter2x" />', "hunter2x"),
        ('{"name":"DB_PASSWORD","value":"hunter2x"}', "hunter2x"),
        ("SET PASSWORD FOR 'ann'@'db' = PASSWORD('hunter2x')", "hunter2x"),
        ("login of ann with password hunter2x", "hunter2x"),
        (f"key=pscal{'e'}_tkn_{HEX32}Cookie: sid=ca59286753454fc1; theme=dark", HEX32),
        ("the password is hunter2x.", "hunter2x"),
        ("machine db login ann password hunter2x", "hunter2x"),
        ("Authorization: Bearer abcdefghijklmnop", "abcdefghijklmnop"),
        (f"session_id: {HEX32}", HEX32),
        (f"session={HEX32}", HEX32),
        (f"_gitlab_session={HEX32}", HEX32),
        (f"encryption key = {HEX32}", HEX32),
        (f"Invalid API key {HEX32[:20]} used", HEX32[:20]),
        ("PIN: 4821", "4821"),
        ("otp 482913", "482913"),
        ("date of birth: 1980-04-01", "1980-04-01"),
        ("dob=04/01/1980", "04/01/1980"),
        ("driver license: D1234567", "D1234567"),
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
        "Accepted password for ann2 from 10.0.0.1",
        "password is required",
        "the password was changed by admin1",
        "sign in with password authentication",
        "session=closed",
        "session_id: 17",
        "sessionid:0x14f05578bd80006",
        "session opened for user root by (uid=0)",
        "gpio pin: 17",
        "Erlang/OTP 26",
        "otp 2024 was good",
        'name="Password" value=""',
        'name="user" value="ann2"',
        "getPassword() returned null",
        "api key rotation started",
        "author=u'ann'",
        "bypass=2nd-stage",
        "compassPass1",
    ],
)
def test_what_stands_for_a_secret_is_left(redactor: Redactor, text: str) -> None:
    assert redactor.redact([text])[0].findings == ()


def test_a_number_below_a_dotted_name_is_found(redactor: Redactor) -> None:
    fields = redactor.redact_fields({"kubernetes.labels.4111 1111 1111 1111": "1"}).fields
    assert not any("1111" in name for name in fields)


def test_a_token_as_the_name_of_a_label_is_found(redactor: Redactor) -> None:
    token = expand("s{}.{alnum:22}4x").text
    assert not any(token in name for name in redactor.redact_fields({f"kubernetes.labels.{token}": "1"}).fields)


def test_every_card_code_is_masked(redactor: Redactor) -> None:
    codes = [f"{code:0{digits}}" for digits in (3, 4) for code in range(10**digits)]
    assert all(result.findings for result in redactor.redact([f"cvv={code}" for code in codes]))


def test_every_serial_of_an_ssn_is_masked(redactor: Redactor) -> None:
    texts = [f"of 536-90-{serial:04} it" for serial in range(1, 10_000)]
    assert all(result.findings for result in redactor.redact(texts))


def test_every_one_time_code_of_four_digits_is_masked(redactor: Redactor) -> None:
    assert all(result.findings for result in redactor.redact([f"otp: {code:04}" for code in range(10_000)]))


@pytest.mark.parametrize(
    "written",
    [
        "xo{}xb-{digit:10}-{digit:12}",
        "xo{}xa-3{alnum:8}",
        "xa{}pp-1-{upper:5}-{digit:5}-{lower:5}",
        "S{}K{HEX:32}",
        "s{}gp_{HEX:40}",
        "shi{}ppo_live_{HEX:40}",
        "S{}G.{lower:66}",
        "pn{}u_{alnum:36}",
        "pa{}t.{url:22}.{alnum:24}.{alnum:20}",
        "gl{}pat-{url:27}.{lower:9}",
        "glo{}as-{url:64}",
        "github{}_pat_{alnum:82}",
        "dt0{}c01.{lower:24}.{lower:64}",
        "NR{}AK-{lower:27}",
        "EA{}AA{url:24}",
        "i{}co-{alnum:32}",
        "sk{}_prod_{alnum:12}",
        "li{}ve_pub_{hex:31}",
        "pscale{}_pw_{alnum:20}={alnum:12}.",
        "token «s{}.{lower:22}4x» denied",
        "hubspot_key=«{HEX:8}-{HEX:4}-{HEX:4}-{HEX:4}-{HEX:12}»",
        'kucoin := "«{hex:24}»"',
        '"adafruit.key": "«{lower:32}»"',
        "jfrog_token: «{lower:64}»",
        "https://outlook.office.com/webhook/«{hex:36}/IncomingWebhook/{hex:32}/{hex:36}»",
    ],
)
def test_a_looser_form_of_a_vendors_key_is_masked(redactor: Redactor, portable: Redactor, written: str) -> None:
    text, marked = expand(written)
    (masked,) = redactor.redact([text])
    secret = marked or text
    assert secret[:12] not in masked.text
    assert secret[-12:].strip(".") not in masked.text
    assert portable.redact([text]) == [masked]

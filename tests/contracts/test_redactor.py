"""What every engine promises."""

import importlib.util
import json
import re
from typing import Literal

import pytest

from deepsentry.sections import Redaction
from streams.redaction import Redacted, Redactor, create_redactor

KEY = b"a key of this test run only"
CARD = "4111 1111 1111 1111"
FULL_WIDTH = {ord("0") + n: 0xFF10 + n for n in range(10)}
TOKEN = re.compile(r"<[a-z][a-z0-9-]*:[0-9a-f]{12}>")


def _create(engine: Literal["hyperscan", "portable"], key: bytes = KEY) -> Redactor:
    if engine == "hyperscan" and importlib.util.find_spec("hyperscan") is None:
        pytest.skip("no Hyperscan wheel for this machine")
    return create_redactor(Redaction(engine=engine), key)


@pytest.fixture(scope="module", params=["hyperscan", "portable"])
def redactor(request: pytest.FixtureRequest) -> Redactor:
    return _create(request.param)


def _text(redactor: Redactor, text: str) -> str:
    return redactor.redact([text])[0].text


def test_a_clean_text_comes_back_as_the_same_object(redactor: Redactor) -> None:
    text = "Receiving block blk_-1608999687919862906 src: /10.250.19.102:54106"
    assert redactor.redact([text])[0].text is text
    assert redactor.redact([text])[0].findings == ()


def test_results_keep_the_order_of_the_texts(redactor: Redactor) -> None:
    results = redactor.redact(["a", "mail bob@example.com", "", "b"])
    assert [result.text for result in results][::2] == ["a", ""]
    assert [len(result.findings) for result in results] == [0, 1, 0, 0]


def test_nothing_in_gives_nothing_out(redactor: Redactor) -> None:
    assert redactor.redact([]) == []


def test_a_finding_says_where_the_secret_was(redactor: Redactor) -> None:
    text = "from bob@example.com, ok"
    (finding,) = redactor.redact([text])[0].findings
    assert (finding.rule, finding.kind) == ("email", "email")
    assert text[finding.start : finding.end] == "bob@example.com"


def test_one_secret_has_one_token_however_it_is_written(redactor: Redactor) -> None:
    written = [
        f"card {CARD}.",
        "pan=4111111111111111",
        '{"card":"4111-1111-1111-1111"}',
        CARD.translate(FULL_WIDTH),
    ]
    tokens = {match for text in written for match in TOKEN.findall(_text(redactor, text))}
    assert len(tokens) == 1


def test_different_secrets_have_different_tokens(redactor: Redactor) -> None:
    texts = [f"user{n}@example.com" for n in range(2000)]
    assert len({result.text for result in redactor.redact(texts)}) == 2000


def test_another_key_gives_another_token() -> None:
    one, other = _create("portable"), _create("portable", b"the key after a rotation")
    assert _text(one, CARD) != _text(other, CARD)


def test_after_a_rotation_old_tokens_are_left_alone_and_known_from_new_ones() -> None:
    old, new = _create("portable"), _create("portable", b"the key after a rotation")
    texts = [f"user{n}@example.com" for n in range(50)]
    before = [result.text for result in old.redact(texts)]
    assert [result.text for result in new.redact(before)] == before
    of_key = {
        tuple(token[len("<email:") :][:2] for token in (a, _text(new, b))) for a, b in zip(before, texts, strict=True)
    }
    assert len(of_key) == 1
    [(first, second)] = of_key
    assert first != second


@pytest.mark.parametrize(
    "text",
    [
        "password=hunter2, user=bob",
        "Cookie: sid=0123456789abcdef; theme=dark",
        '{"password": "hunter2", "card": 4111111111111111}',
        "https://bob:hunter2@example.com/?token=abcdef0123456789",
        f"mail bob@example.com card {CARD} iban DE89 3704 0044 0532 0130 00",
    ],
)
def test_clean_text_is_left_alone(redactor: Redactor, text: str) -> None:
    once = _text(redactor, text)
    assert once != text
    assert redactor.redact([once])[0] == Redacted(once, ())


def test_json_stays_json(redactor: Redactor) -> None:
    text = json.dumps({"card": 4111111111111111, "m": 'x\nbob@example.com "y"', "n": [{"password": 'a"b\\c'}]})
    clean = json.loads(_text(redactor, text))
    assert TOKEN.fullmatch(clean["card"])
    assert clean["m"].startswith("x\n<email:")
    assert TOKEN.fullmatch(clean["n"][0]["password"])


def test_json_within_a_json_string_is_understood(redactor: Redactor) -> None:
    text = json.dumps({"message": json.dumps({"password": 'correct "horse" \\ battery', "user": "bob"})})
    inner = json.loads(json.loads(_text(redactor, text))["message"])
    assert inner["user"] == "bob"
    assert TOKEN.fullmatch(inner["password"])


@pytest.mark.parametrize(
    "hidden",
    [
        "GET /?to=bob%40example.com HTTP/1.1",
        r'{"to": "bob\u0040example.com"}',
        "b64 eyJ1c2VyIjogImJvYkBleGFtcGxlLmNvbSJ9 end",
        "to bob@exa\u200bmple.com",
        "to bob＠example.com",  # noqa: RUF001 - the full-width sign is the point
    ],
)
def test_an_encoded_secret_is_found(redactor: Redactor, hidden: str) -> None:
    (finding,) = redactor.redact([hidden])[0].findings
    assert finding.kind == "email"


def test_a_secret_over_several_lines_is_masked_whole(redactor: Redactor) -> None:
    begin, end = "-----BEGIN RSA PRIVATE " + "KEY-----", "-----END RSA PRIVATE " + "KEY-----"
    assert "AbCd" not in _text(redactor, f"{begin}\nAbCd0123\nEfGh+/==\nAbCd\n{end}\nafter")


def test_a_text_does_not_spill_into_the_next(redactor: Redactor) -> None:
    assert [len(r.findings) for r in redactor.redact(["password=", "hunter2", "4111 1111", "1111 1111"])] == [0] * 4


def test_the_longest_of_overlapping_findings_wins(redactor: Redactor) -> None:
    text = "Cookie: mail=bob@example.com; sid=1"
    (finding,) = redactor.redact([text])[0].findings
    assert (finding.kind, text[finding.start : finding.end]) == ("cookie", "mail=bob@example.com; sid=1")


@pytest.mark.parametrize(
    "name", ["password", "db.userPassword", "http.request.header.set-cookie", "X-Api-Key", "api_token"]
)
def test_the_name_of_an_attribute_is_a_signal(redactor: Redactor, name: str) -> None:
    (result,) = redactor.redact(["plain words"], [name])
    assert TOKEN.fullmatch(result.text)


def test_a_name_gives_context_to_a_number(redactor: Redactor) -> None:
    assert redactor.redact(["943 476 5919"], ["nhs_number"])[0].findings[0].start == 0
    assert redactor.redact(["943 476 5919"], ["offset"])[0].findings == ()


def test_attributes_are_clean_in_key_and_value(redactor: Redactor) -> None:
    fields = redactor.redact_fields({"bob@example.com": "1", "password": "x y", "status": "200"})
    assert fields.fields["status"] == "200"
    assert TOKEN.fullmatch(fields.fields["password"])
    assert fields.kinds == {"email": 1, "password": 1}
    assert not any("bob" in key for key in fields.fields)


@pytest.mark.parametrize(
    "text",
    [
        "PacketResponder 1 for block blk_-4980916519894289629 terminating",
        "request 7f9c24e8-3b12-4fef-91b2-3c1f0f5e7a11 took 13 ms",
        "commit 9fceb02d0ae598e95dc970b74767f19372d61af8",
        "org.apache.hadoop.mapred.TaskTracker: attempt_201404211519_0001_m_000000_0",
        "id 1436948000000000 seq 6011000000000000",
        "0x7f3a9c001b20 deadbeef 00ff00ff00ff00ff",
        "Failed password for invalid user admin from 10.0.0.1 port 22 ssh2",
        "v10.4.2.1 2026-11-22T08:12:10.123456Z +0000",
        "token: unexpected end of input; secret not found; password: null",
    ],
)
def test_what_only_looks_random_survives(redactor: Redactor, text: str) -> None:
    assert _text(redactor, text) is text

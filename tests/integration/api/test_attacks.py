"""What an attacker would try on sign-in and tokens; none of it works."""

import asyncio
import base64
import hashlib
import hmac
import json
from datetime import timedelta
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

from api.auth import keys
from api.auth.keys import KeyRing
from api.auth.tokens import TYPES
from api.errors import TooMany
from tests.integration.api.house import House, Someone
from tests.integration.api.people import PASSWORD, STEP, bearer, invited, sign_in, try_to_sign_in, with_codes


def part(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


def token_of(someone: Someone) -> str:
    return someone.headers["Authorization"].removeprefix("Bearer ")


def claims(token: str) -> dict[str, Any]:
    found: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
    return found


def header(token: str) -> dict[str, Any]:
    return jwt.get_unverified_header(token)


def forged(house: House, token: str) -> dict[str, str]:
    """Return tokens that say the same as `token`, and that nobody of the house signed."""
    pair = house.parts.tokens._keys.newest
    pem = pair.public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    raw = pair.public.public_bytes_raw()
    said, head = claims(token), header(token)
    stranger = ed25519.Ed25519PrivateKey.generate()
    curve = ec.generate_private_key(ec.SECP256R1())

    def mac(secret: bytes) -> str:
        signed = f"{part(head | {'alg': 'HS256'})}.{part(said)}"
        digest = hmac.digest(secret, signed.encode(), hashlib.sha256)
        return f"{signed}.{base64.urlsafe_b64encode(digest).decode().rstrip('=')}"

    body, signature = token.split(".")[1:]
    return {
        "none": f"{part(head | {'alg': 'none'})}.{part(said)}.",
        "none with the signature": f"{part(head | {'alg': 'none'})}.{body}.{signature}",
        "None": f"{part(head | {'alg': 'None'})}.{part(said)}.",
        "no algorithm": f"{part({'typ': head['typ'], 'kid': head['kid']})}.{body}.{signature}",
        "the public key as a secret, PEM": mac(pem),
        "the public key as a secret, raw": mac(raw),
        "an empty secret": mac(b""),
        "another curve": jwt.encode(said, curve, "ES256", {"kid": head["kid"], "typ": head["typ"]}),
        "a stranger's key under our id": jwt.encode(said, stranger, "EdDSA", {"kid": head["kid"], "typ": head["typ"]}),
        "a stranger's key under its own id": jwt.encode(said, stranger, "EdDSA", {"kid": "f" * 16, "typ": head["typ"]}),
        "a path as id": jwt.encode(said, stranger, "EdDSA", {"kid": "../../../etc/passwd", "typ": head["typ"]}),
        "no id": jwt.encode(said, stranger, "EdDSA", {"typ": head["typ"]}),
        "a key that it brings": jwt.encode(
            said, stranger, "EdDSA", {"typ": head["typ"], "jwk": {"kty": "OKP"}, "jku": "http://127.0.0.1/"}
        ),
        "another who": f"{token.split('.', maxsplit=1)[0]}.{part(said | {'sub': '0' * 32})}.{signature}",
        "no signature": f"{token.split('.', maxsplit=1)[0]}.{body}.",
        "two parts": f"{token.split('.', maxsplit=1)[0]}.{body}",
        "nothing": "..",
        "very long": token + "A" * 100_000,
    }


async def test_no_forged_token_is_taken(house: House) -> None:
    ann = await house.person("admin")
    assert (await house.client.get("/me", headers=ann.headers)).status_code == 200
    for name, token in forged(house, token_of(ann)).items():
        answer = await house.client.get("/me", headers=bearer(token))
        assert answer.status_code == 401, name
        assert answer.json()["type"] == "urn:deepsentry:problem:unknown", name
        assert answer.headers["www-authenticate"].startswith("Bearer"), name


@pytest.mark.parametrize(
    "wrong",
    [
        {"iss": "http://elsewhere"},
        {"aud": "deepsentry:code"},
        {"aud": ["deepsentry:access", "deepsentry:code"]},
        {"exp": 1},
        {"exp": "tomorrow"},
        {"exp": None},
        {"iat": 4_000_000_000, "exp": 4_000_000_600},
        {"sub": 7},
        {"num": "1"},
        {"sid": "0" * 32},
    ],
    ids=str,
)
async def test_a_token_that_we_signed_for_something_else_is_not_taken(house: House, wrong: dict[str, Any]) -> None:
    ann = await house.person()
    token = token_of(ann)
    said = {name: value for name, value in (claims(token) | wrong).items() if value is not None}
    if isinstance(said.get("sub"), int):
        said["sub"] = 7
    signed = signed_by_us(house, said, TYPES["access"])
    assert (await house.client.get("/me", headers=bearer(signed))).status_code == 401


@pytest.mark.parametrize("kind", ["JWT", "code+jwt", "refresh+jwt", "AT+JWT", ""])
async def test_a_token_of_another_type_is_not_taken(house: House, kind: str) -> None:
    ann = await house.person()
    signed = signed_by_us(house, claims(token_of(ann)), kind)
    assert (await house.client.get("/me", headers=bearer(signed))).status_code == 401


def signed_by_us(house: House, said: dict[str, Any], kind: str) -> str:
    pair = house.parts.tokens._keys.newest
    head = {"alg": "EdDSA", "kid": pair.kid, "typ": kind}
    signing = f"{part(head)}.{part(said)}"
    signature = base64.urlsafe_b64encode(pair.private.sign(signing.encode())).decode().rstrip("=")
    return f"{signing}.{signature}"


async def test_an_expired_token_is_not_taken(house: House) -> None:
    ann = await house.person()
    house.ahead += timedelta(minutes=10)
    assert (await house.client.get("/me", headers=ann.headers)).status_code == 401


async def test_tokens_of_an_older_key_hold_until_it_is_retired(house: House) -> None:
    ann = await house.person()
    folder = house.settings.api.keys
    keys.create(folder, house.now() + timedelta(seconds=1))
    ring = KeyRing(folder)
    assert ring.public(header(token_of(ann))["kid"]) is not None
    assert ring.newest.kid != header(token_of(ann))["kid"]
    assert keys.retire(folder, house.now() + timedelta(days=1), timedelta(days=14)) == []
    gone = keys.retire(folder, house.now() + timedelta(days=15), timedelta(days=14))
    assert gone == [header(token_of(ann))["kid"]]
    assert KeyRing(folder).public(gone[0]) is None


async def test_a_refresh_token_that_comes_twice_ends_the_session_for_both(house: House) -> None:
    await invited(house)
    stolen = (await sign_in(house))["refresh_token"]
    owner = (await house.client.post("/sessions/refresh", json={"refresh_token": stolen})).json()
    assert (await house.client.post("/sessions/refresh", json={"refresh_token": stolen})).status_code == 401
    assert (await house.client.get("/me", headers=bearer(owner["access_token"]))).status_code == 401
    again = await house.client.post("/sessions/refresh", json={"refresh_token": owner["refresh_token"]})
    assert again.status_code == 401


async def test_of_many_refreshes_at_the_same_time_one_succeeds_at_most(house: House) -> None:
    await invited(house)
    token = (await sign_in(house))["refresh_token"]
    answers = await asyncio.gather(
        *(house.client.post("/sessions/refresh", json={"refresh_token": token}) for _ in range(10))
    )
    assert sorted(answer.status_code for answer in answers) == [201] + [401] * 9


async def test_tokens_of_one_purpose_are_nothing_for_another(house: House) -> None:
    bob = await invited(house)
    signed = await sign_in(house)
    await with_codes(house, bob)
    first = await sign_in(house)
    for token in (first["code_token"], signed["refresh_token"]):
        assert (await house.client.get("/me", headers=bearer(token))).status_code == 401
    for token in (first["code_token"], signed["access_token"]):
        answer = await house.client.post("/sessions/refresh", json={"refresh_token": token})
        assert answer.status_code == 401
    for token in (signed["access_token"], signed["refresh_token"]):
        answer = await house.client.post("/sessions/code", json={"token": token, "code": "123456"})
        assert answer.status_code == 401


async def test_a_code_is_taken_once_also_of_many_at_the_same_time(house: House) -> None:
    bob = await invited(house)
    device, _ = await with_codes(house, bob)
    code = device.at(house.now())
    tokens = [(await sign_in(house))["code_token"] for _ in range(4)]
    answers = await asyncio.gather(
        *(house.client.post("/sessions/code", json={"token": token, "code": code}) for token in tokens)
    )
    assert [answer.status_code for answer in answers].count(201) == 1
    again = await house.client.post("/sessions/code", json={"token": tokens[0], "code": code})
    assert again.status_code in {401, 429}


async def test_a_code_of_an_earlier_step_is_not_taken_after_a_later_one(house: House) -> None:
    bob = await invited(house)
    device, _ = await with_codes(house, bob)
    earlier = device.at(house.now())
    house.ahead += STEP
    for code, status in ((device.at(house.now()), 201), (earlier, 401)):
        token = (await sign_in(house))["code_token"]
        answer = await house.client.post("/sessions/code", json={"token": token, "code": code})
        assert answer.status_code == status


async def test_a_temporary_token_is_good_once(house: House) -> None:
    bob = await invited(house)
    device, _ = await with_codes(house, bob)
    token = (await sign_in(house))["code_token"]
    for status in (201, 401):
        answer = await house.client.post("/sessions/code", json={"token": token, "code": device.at(house.now())})
        assert answer.status_code == status
        house.ahead += STEP


async def test_a_temporary_token_bears_few_wrong_codes(house: House) -> None:
    bob = await invited(house)
    device, _ = await with_codes(house, bob)
    token = (await sign_in(house))["code_token"]
    right = device.at(house.now())
    wrong = f"{(int(right) + 1) % 1_000_000:06d}"
    answers = [await house.client.post("/sessions/code", json={"token": token, "code": wrong}) for _ in range(5)]
    assert [answer.status_code for answer in answers] == [401] * 5
    house.ahead += timedelta(seconds=40)  # the wait is over, the token is not good any more
    answer = await house.client.post("/sessions/code", json={"token": token, "code": device.at(house.now())})
    assert answer.status_code == 401


async def test_codes_cannot_be_tried_out_with_ever_new_temporary_tokens(house: House) -> None:
    bob = await invited(house)
    await with_codes(house, bob)
    statuses = []
    for _ in range(12):
        token = (await sign_in(house))["code_token"]
        answer = await house.client.post("/sessions/code", json={"token": token, "code": "000000"})
        statuses.append(answer.status_code)
    assert statuses[:5] == [401] * 5
    assert 429 in statuses
    assert statuses.count(401) <= 8


async def test_passwords_cannot_be_tried_out_also_not_many_at_the_same_time(house: House) -> None:
    await invited(house)
    house.stop_the_clock()
    answers = await asyncio.gather(*(try_to_sign_in(house, password=f"wrong password {n}") for n in range(12)))
    statuses = [answer.status_code for answer in answers]
    assert statuses.count(401) <= 6
    waiting = next(answer for answer in answers if answer.status_code == 429)
    assert int(waiting.headers["retry-after"]) >= 1
    assert (await try_to_sign_in(house)).status_code == 429  # the right one waits too: nobody learns which it is


async def test_nobody_is_locked_out_by_what_others_try_from_elsewhere(house: House) -> None:
    await invited(house)
    lockout = house.parts.lockout
    for number in range(60):
        for _ in range(5):
            try:
                await lockout.begin("bob@example.org", f"203.0.113.{number}")
            except TooMany:
                break
    assert (await try_to_sign_in(house)).status_code == 201


async def test_a_wait_is_never_longer_than_minutes(house: House) -> None:
    await invited(house)
    house.stop_the_clock()
    longest = 0.0
    for _ in range(120):
        try:
            await house.parts.lockout.begin("bob@example.org", "127.0.0.1")
        except TooMany as waits:
            longest = max(longest, waits.wait)
            house.ahead += timedelta(seconds=waits.wait)
    assert 60 < longest <= 900
    house.ahead += timedelta(seconds=900)
    assert (await try_to_sign_in(house)).status_code == 201


OPERATORS: list[Any] = [{"$ne": None}, {"$gt": ""}, {"$regex": ".*"}, {"$where": "sleep(9000)"}, ["a"], 7, None, True]


@pytest.mark.parametrize("value", OPERATORS, ids=str)
async def test_no_operator_reaches_a_query(house: House, value: Any) -> None:
    bob = await invited(house)
    sign_ins = [{"email": value, "password": PASSWORD}, {"email": "bob@example.org", "password": value}]
    for body in sign_ins:
        assert (await house.client.post("/sessions", json=body)).status_code == 422
    for path, body in (
        ("/sessions/refresh", {"refresh_token": value}),
        ("/sessions/code", {"token": value, "code": "123456"}),
        ("/invitations/acceptance", {"token": value, "name": "Bob", "password": PASSWORD}),
    ):
        assert (await house.client.post(path, json=body)).status_code == 422
    for query in ("limit[$gt]=1", "cursor[$ne]=", "actor[$ne]=x"):
        answer = await house.client.get(f"/projects?{query}", headers=bob.headers)
        assert answer.status_code == 200  # an unknown parameter, and no more
        assert answer.json()["items"] == []

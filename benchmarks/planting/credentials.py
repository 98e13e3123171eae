"""Passwords, tokens, keys, cookies, connection strings and addresses of coins."""

import base64
import hmac
import json
from random import Random
from typing import Final

from benchmarks.planting import digits
from benchmarks.planting.kinds import ALNUM, DIGITS, HEX, LOWER, URL, Kind, marked, some, whole

_FREE: Final = ALNUM + "!#$%*+-_/?@^~|"
"""A bare value ends at white space and at , ; & " ' < >."""
_NAMES: Final = (
    "anna",
    "b.keller",
    "chen-li",
    "dmitri_k",
    "e.osei",
    "fatima91",
    "g.rossi+shop",
    "hana",
    "ivo.n",
    "j-park",
)
_HOSTS: Final = ("mail", "post", "corp", "office", "lab", "shop", "web", "cloud")
_ENDS: Final = ("com", "de", "co.uk", "org", "io", "fr", "com.br", "net")
_WORDS: Final = (
    "abandon ability absent anchor basket candle dolphin ermine fabric galaxy harvest island jungle kitchen "
    "lemon marble noble orbit panda quantum river silver timber uncle velvet walnut yellow zebra"
)


def _password(rng: Random) -> str:
    return some(rng, ALNUM, 1) + some(rng, _FREE, rng.randrange(6, 18)) + some(rng, ALNUM, 1)


def _email(rng: Random) -> str:
    domain = f"{rng.choice(_HOSTS)}-{some(rng, LOWER, 5)}.{rng.choice(_ENDS)}"
    return f"{rng.choice(_NAMES)}{rng.randrange(1000)}@{domain}"


def _b64(rng: Random, size: int) -> str:
    return base64.b64encode(rng.randbytes(size)).decode()


def _url64(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def _jwt(rng: Random) -> str:
    header = json.dumps({"alg": rng.choice(("HS256", "RS256")), "typ": "JWT", "kid": some(rng, HEX, 6)})
    claims = json.dumps({"sub": some(rng, DIGITS, 8), "exp": rng.randrange(10**9, 2 * 10**9)})
    signed = f"{_url64(header.encode())}.{_url64(claims.encode())}"
    return f"{signed}.{_url64(hmac.digest(rng.randbytes(32), signed.encode(), 'sha256'))}"


def _basic(rng: Random) -> tuple[str, str, str]:
    pair = f"{rng.choice(_NAMES)}:{_password(rng)}"
    return "Authorization: Basic ", base64.b64encode(pair.encode()).decode(), ""


def _pem(name: str) -> Kind:
    def draw(rng: Random) -> tuple[str, str, str]:
        body = _b64(rng, 120)
        lines = "\n".join(body[n : n + 64] for n in range(0, len(body), 64))
        dashes, words = "-" * 5, f"{name} {'KEY'}".strip()
        return f"{dashes}BEGIN {words}{dashes}\n", lines, f"\n{dashes}END {words}{dashes}"

    return Kind(f"private key: {name.lower()}", "secrets", marked(draw), bare=False)


def _dsn(scheme: str, rest: str) -> Kind:
    def draw(rng: Random) -> tuple[str, str, str]:
        password = some(rng, ALNUM + "!$*+-_.~", rng.randrange(8, 20))
        return f"{scheme}://{rng.choice(_NAMES).replace('+', '')}:", password, f"@{rest}"

    return Kind(f"password in a URL: {scheme}", "secrets", marked(draw))


def _around(name: str, before: str, value_of: str, length: int, behind: str = "", *, bare: bool = True) -> Kind:
    """Return a kind with fixed words around so many characters of an alphabet."""
    return Kind(name, "secrets", marked(lambda rng: (before, some(rng, value_of, length), behind)), bare=bare)


def _seed(rng: Random) -> str:
    return " ".join(rng.choices(_WORDS.split(), k=12))


def _coin(version: bytes) -> Kind:
    names = {b"\0": "bitcoin address", b"\5": "bitcoin script address"}
    return Kind(names[version], "crypto", whole(lambda r: digits.base58(version + r.randbytes(20))))


def _shadow(rng: Random) -> str:
    return f"$6${some(rng, ALNUM, 12)}${some(rng, ALNUM + './', 86)}"


def _bcrypt(rng: Random) -> str:
    return f"$2b$12${some(rng, ALNUM + './', 53)}"


def _otp(rng: Random) -> str:
    return some(rng, DIGITS, 6)


PASSWORDS: Final = (
    "password",
    "passwd",
    "db_password",
    "userPassword",
    "spring.datasource.password",
    "DB_PASSWORD",
    "redis-password",
    "passphrase",
    "new_password",
    "smtp.pass",
    "pwd",
    "mysql_pwd",
    "passwort",
    "password2",
    "old_passwd",
    "pass",
    "userPass",
    "bindpw",
)
SECRETS: Final = [
    Kind("password", "secrets", whole(_password), PASSWORDS),
    Kind(
        "client secret",
        "secrets",
        whole(lambda r: some(r, URL, 32)),
        ("client_secret", "clientSecret", "app.secret", "webhook_secret", "CONSUMER_SECRET"),
    ),
    Kind(
        "API key by name",
        "secrets",
        whole(lambda r: some(r, ALNUM, 32)),
        ("api_key", "apiKey", "X-Api-Key", "service.api-key", "secret_key", "MAPS_API_KEY", "encryptionKey"),
    ),
    Kind(
        "access token",
        "secrets",
        whole(lambda r: some(r, URL, 40)),
        ("access_token", "refreshToken", "id_token", "auth-token", "PUSH_TOKEN", "token"),
    ),
    Kind(
        "session id",
        "secrets",
        whole(lambda r: some(r, HEX, 32)),
        ("JSESSIONID", "PHPSESSID", "session_token", "connect.sid", "csrf_token", "xsrf", "session_id", "userSession"),
    ),
    Kind("PIN", "secrets", whole(lambda r: some(r, DIGITS, 4)), ("pin", "cardPin", "pin_code", "PIN")),
    Kind("one-time code", "secrets", whole(_otp), ("otp", "otp_code", "mfa_code", "verification_code", "totp")),
    Kind("password hash: crypt", "secrets", whole(_shadow)),
    Kind("password hash: bcrypt", "secrets", whole(_bcrypt)),
    Kind("JWT", "secrets", whole(_jwt)),
    Kind("bearer token", "secrets", marked(lambda r: ("Authorization: Bearer ", some(r, URL + ".", 48), ""))),
    Kind("basic authorization", "secrets", marked(_basic)),
    Kind(
        "digest response",
        "secrets",
        marked(
            lambda r: ('Authorization: Digest username="ivo", realm="x", uri="/", response="', some(r, HEX, 32), '"')
        ),
        bare=False,
    ),
    _around("cookie", "Cookie: lang=de; session=", URL, 40),
    _around("set-cookie", "Set-Cookie: id=", ALNUM, 36, "; Path=/; Secure"),
    _around(
        "signature of AWS",
        "AWS4-HMAC-SHA256 Credential=me/20250101/eu/s3/aws4_request, SignedHeaders=host, Signature=",
        HEX,
        64,
        bare=False,
    ),
    _around("signature in a URL", "https://store.example/c/f?sp=r&sig=", ALNUM, 43, "&se=2025"),
    _around("OAuth code", "/callback?state=7&code=", URL, 36, "&iss=x"),
    _around("curl -u", "curl -sS -u deploy:", ALNUM + "!_-", 14, " https://ci.example/job", bare=False),
    _around(
        "password on a command line",
        "/usr/bin/pg_dump --host db --password=",
        ALNUM + "!_-",
        14,
        " --verbose",
        bare=False,
    ),
    Kind(
        "password in words",
        "secrets",
        marked(lambda r: ("/login of ivo with password ", some(r, ALNUM, 12) + some(r, DIGITS, 2), " was refused")),
        bare=False,
    ),
    _around("named pair", '<add key="MailPassword" value="', ALNUM + "!_-", 16, '" />', bare=False),
    _around("mysql -p", "mysqldump -h db -u shop -p", ALNUM + "!_", 14, " shop", bare=False),
    _around("sshpass", "sshpass -p ", ALNUM + "!_", 14, " ssh deploy@web-3 uptime", bare=False),
    _around(
        "ADO connection string",
        "Server=tcp:db,1433;User ID=sa;Password=",
        ALNUM + "!_-",
        16,
        ";Encrypt=True",
        bare=False,
    ),
    _around("Oracle connection string", "jdbc:oracle:thin:shop/", ALNUM, 12, "@//db:1521/shop"),
    _around("SQL identified by", "ALTER USER shop IDENTIFIED BY '", ALNUM + "!_- ", 16, "'", bare=False),
    _around("token of a user in a URL", "https://", ALNUM, 40, "@git.example/shop/web.git"),
    _dsn("postgresql", "db-1:5432/shop?sslmode=require"),
    _dsn("redis", "cache:6379/0"),
    _dsn("amqp", "mq:5672/%2f"),
    _dsn("mongodb+srv", "c0.example.net/shop"),
    _dsn("https", "proxy.example:3128"),
    _pem("RSA PRIVATE"),
    _pem("EC PRIVATE"),
    _pem("OPENSSH PRIVATE"),
    _pem("PRIVATE"),
    _pem("ENCRYPTED PRIVATE"),
    Kind("e-mail", "contact", whole(_email)),
    _coin(b"\0"),
    _coin(b"\5"),
    Kind("bitcoin segwit address", "crypto", whole(lambda r: digits.bech32("bc", r))),
    Kind("bitcoin private key", "crypto", whole(lambda r: digits.base58(b"\x80" + r.randbytes(32) + b"\1"))),
    Kind("bitcoin extended key", "crypto", whole(lambda r: digits.base58(bytes.fromhex("0488ade4") + r.randbytes(74)))),
    Kind(
        "litecoin address",
        "crypto",
        whole(lambda r: digits.base58(b"\x30" + r.randbytes(20))),
        ("ltc_address", "litecoin", "ltc_wallet"),
    ),
    Kind("ethereum address", "crypto", whole(lambda r: "0x" + some(r, HEX, 40))),
    Kind(
        "ethereum private key",
        "crypto",
        whole(lambda r: "0x" + some(r, HEX, 64)),
        ("private_key", "wallet_private_key", "privateKey"),
    ),
    Kind("seed phrase", "crypto", whole(_seed), ("mnemonic", "seed_phrase", "recovery_phrase")),
]

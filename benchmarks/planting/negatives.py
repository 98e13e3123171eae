"""Lines that look as if they held a secret and hold none: ids, hashes, counters, near misses of every check digit."""

import base64
import uuid
from collections.abc import Callable, Iterator
from random import Random
from typing import Final, NamedTuple

from benchmarks.planting import digits
from benchmarks.planting.kinds import ALNUM, DIGITS, HEX, UPPER, number, some

OF_EACH: Final = 100


class Negative(NamedTuple):
    """A kind of harmless value and a line with one."""

    kind: str
    text: str


def _uuid(rng: Random) -> str:
    return str(uuid.UUID(int=rng.getrandbits(128), version=4))


def _other_last(value: str, rng: Random) -> str:
    """Return `value` with another last digit: what was valid is not."""
    return value[:-1] + rng.choice([d for d in DIGITS if d != value[-1]])


def _card(rng: Random) -> str:
    return _other_last(digits.luhn("4" + some(rng, DIGITS, 14)), rng)


def _iban(rng: Random) -> str:
    return "DE" + _other_last(digits.iban("DE", some(rng, DIGITS, 18))[2:], rng)


def _plain_base64(rng: Random) -> str:
    words = ["started", "worker", "queue", "ready", "cache", "index", "flush", "region"]
    return base64.b64encode(" ".join(rng.choices(words, k=8)).encode()).decode()


_LINES: Final[dict[str, Callable[[Random], str]]] = {
    "uuid": lambda r: f"request {_uuid(r)} took {r.randrange(900)} ms",
    "session that is a UUID": lambda r: f"session_id={_uuid(r)} state=open",
    "session of ZooKeeper": lambda r: f"Established session 0x{some(r, HEX, 15)} with sessionid:0x{some(r, HEX, 15)}",
    "pin of a chip": lambda r: f"gpio pin: {r.randrange(64)} spin: {r.randrange(1000, 9999)} of 4",
    "sentence about a password": lambda r: f"password is older than {r.randrange(10, 99)} days, change it",
    "request id": lambda r: f"level=info request_id={_uuid(r)} status=200",
    "trace id": lambda r: f"trace_id={some(r, HEX, 32)} span_id={some(r, HEX, 16)} sampled=1",
    "traceparent": lambda r: f"traceparent: 00-{some(r, HEX, 32)}-{some(r, HEX, 16)}-01",
    "git commit": lambda r: f"deployed commit {some(r, HEX, 40)} of main",
    "short commit": lambda r: f"build {r.randrange(9999)} at {some(r, HEX, 8)} is green",
    "docker digest": lambda r: f"pulled shop/web@sha256:{some(r, HEX, 64)}",
    "container id": lambda r: f"container {some(r, HEX, 64)} exited with 0",
    "md5 of a file": lambda r: f"md5 {some(r, HEX, 32)} of /srv/data/part-{r.randrange(99):05}",
    "etag": lambda r: f'GET /app.js 304 etag="{some(r, HEX, 32)}"',
    "HDFS block": lambda r: f"Receiving block blk_-{number(r, 19)} src: /10.250.1.{r.randrange(255)}:50010",
    "16 digits that are no card": lambda r: f"account balance checked for {_card(r)}",
    "card with a wrong digit": lambda r: f"paid by card {_card(r)} in shop",
    "IBAN with a wrong digit": lambda r: f"transfer to {_iban(r)} refused",
    "microseconds": lambda r: f"ts={r.randrange(16 * 10**14, 18 * 10**14)} event=tick",
    "nanoseconds": lambda r: f"time_unix_nano={r.randrange(16 * 10**17, 18 * 10**17)} flushed",
    "hex address": lambda r: f"segfault at 0x{some(r, HEX, 12)} ip 0x{some(r, HEX, 12)} sp 0x{some(r, HEX, 12)}",
    "hex dump": lambda r: "frame " + " ".join(some(r, HEX, 2) for _ in range(16)),
    "version": lambda r: f"agent {r.randrange(9)}.{r.randrange(30)}.{r.randrange(99)}.{r.randrange(4000)} started",
    "semver with build": lambda r: f"image shop:1.{r.randrange(99)}.0-rc.{r.randrange(9)}+{some(r, HEX, 7)}",
    "pod name": lambda r: f"pod shop-{some(r, HEX, 9)}-{some(r, 'bcdfghjklmnpqrstvwxz2456789', 5)} is ready",
    "java class": lambda r: f"org.apache.shop.Cart$Item{r.randrange(99)}@{some(r, HEX, 8)} closed",
    "constant": lambda r: f"token=ACTION_{some(r, UPPER, 8)}_CHANGED received",
    "snowflake id": lambda r: f"message {number(r, 18)} delivered",
    "bytes": lambda r: f"sent {number(r, 11)} bytes in {number(r, 5)} ms",
    "sequence number": lambda r: f"seq={number(r, 10)} ack={number(r, 10)} win=512",
    "base64 of words": lambda r: f"payload {_plain_base64(r)} stored",
    "SSN of no area": lambda r: f"range 9{some(r, DIGITS, 2)}-{some(r, DIGITS, 2)}-{some(r, DIGITS, 4)} of ids",
    "date and time": lambda r: (
        f"2026-{r.randrange(1, 13):02}-{r.randrange(1, 29):02}T0{r.randrange(9)}:15:10.{some(r, DIGITS, 6)}Z up"
    ),
    "time zone": lambda r: f"offset +0{r.randrange(9)}:00, drift +{some(r, DIGITS, 4)}",
    "password named": lambda r: f"password for user {some(r, HEX, 4)} was changed {r.randrange(9)} days ago",
    "password masked": lambda r: f"connect host=db password={'*' * r.randrange(3, 12)} retries=3",
    "password variable": lambda r: f"connect password=${{DB_PASSWORD_{r.randrange(9)}}} host=db",
    "secret missing": lambda r: f"secret: not found in namespace shop-{r.randrange(99)}",
    "tokens counted": lambda r: f"tokens={r.randrange(9999)} token_count={r.randrange(9999)} model=small",
    "token expired": lambda r: f"token: expired {r.randrange(99)} minutes ago",
    "key of a map": lambda r: f"key=user:{r.randrange(9999)}:cart cache hit",
    "partition key": lambda r: f"partition_key={r.randrange(99)} sort_key=order#{r.randrange(9999)}",
    "path": lambda r: f"private_key=/etc/ssl/private/shop-{r.randrange(99)}.pem loaded",
    "package at version": lambda r: f"resolved shop-core@{r.randrange(9)}.{r.randrange(30)}.{r.randrange(9)} in 3 s",
    "java annotation": lambda r: f"@Override.run at Cart.java:{r.randrange(999)}",
    "ssh public key": lambda r: f"Accepted publickey for ci: RSA SHA256:{some(r, ALNUM, 43)}",
    "groups of digits": lambda r: (
        f"resized 4032x3024 to {some(r, DIGITS, 3)}-{some(r, DIGITS, 3)}-{some(r, DIGITS, 3)}"
    ),
    "url without secrets": lambda r: f"GET https://shop.example:8443/items/{r.randrange(99999)}?page=2&sort=price",
    "mac-like counters": lambda r: f"queue {r.randrange(99)}:{r.randrange(99)}:{r.randrange(99)} lag {number(r, 6)}",
}


def negatives(seed: int = 0, of_each: int = OF_EACH) -> Iterator[Negative]:
    """Yield `of_each` lines of each kind."""
    for kind, draw in _LINES.items():
        rng = Random(f"{seed}/{kind}")  # noqa: S311 - drawn again from its seed
        for _ in range(of_each):
            yield Negative(kind, draw(rng))

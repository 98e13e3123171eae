"""Links by which a person judges an anomaly from a notice: signed, with an end, good for that one verdict only. Pure.

Whoever holds a link may give its verdict, and nothing else. Mail scanners follow links, so a GET must change nothing:
it shows what would be said, and a POST of the same token says it.
"""

import base64
import hashlib
import hmac
import re
from dataclasses import dataclass
from datetime import datetime
from typing import Final, get_args

from deepsentry.errors import LinkRefused
from deepsentry.events import Judgement

PATH: Final = "/verdicts/"
"""Where the control plane takes a token: its public address, PATH, token."""
SHORTEST_KEY: Final = 16
"""Characters of a key; with fewer a stranger could try them all."""
LONGEST: Final = 512
"""Characters of a token that are looked at."""
_PURPOSE: Final = b"deepsentry verdict link v1\0"
"""Signed with the token, so that nothing else that the key signs is a link, nor the other way round."""
_NAME: Final = re.compile(r"[A-Za-z0-9_-]{1,128}")
_TOKEN: Final = re.compile(
    r"(?P<body>(?P<anomaly>[A-Za-z0-9_-]{1,128})\.(?P<alert>[A-Za-z0-9_-]{0,128})\.(?P<judgement>[a-z_]{1,20})\.(?P<target>[A-Za-z0-9_-]{1,128})"
    r"\.(?P<until>[0-9]{1,12}))\.(?P<mac>[A-Za-z0-9_-]{43})"
)


@dataclass(frozen=True, slots=True)
class Link:
    """What a link says: this verdict on this anomaly, by way of the target whose notice held it."""

    anomaly: str
    alert: str
    """Id of the alert that is judged as a whole; empty where only the anomaly is."""
    judgement: Judgement
    target: str
    until: datetime
    """To the second."""


def sign(link: Link, key: bytes) -> str:
    """Return the token of `link`. Raises ValueError for a name that no token can hold, or a key that is too short."""
    if len(key) < SHORTEST_KEY:
        message = f"the key of links has {len(key)} characters, at least {SHORTEST_KEY} are needed"
        raise ValueError(message)
    if not all(_NAME.fullmatch(name) for name in (link.anomaly, link.alert or "none", link.target)):
        message = "ids and names in a link are letters, digits, hyphens and underscores, at most 128"
        raise ValueError(message)
    body = f"{link.anomaly}.{link.alert}.{link.judgement}.{link.target}.{int(link.until.timestamp())}"
    return f"{body}.{_mac(body, key)}"


def verify(token: str, key: bytes, now: datetime) -> Link:
    """Return what a token says. Raises LinkRefused: forged, changed, of another key, or over."""
    found = _TOKEN.fullmatch(token) if len(token) <= LONGEST and len(key) >= SHORTEST_KEY else None
    genuine = hmac.compare_digest(_mac(found["body"], key) if found else "", found["mac"] if found else "-")
    if found is None or not genuine:
        message = "this link is not one of ours, or it was changed on its way; `deepsentry verdict` says the same"
        raise LinkRefused(message)
    judgement = next((each for each in get_args(Judgement) if each == found["judgement"]), None)
    try:
        until = datetime.fromtimestamp(int(found["until"]), now.tzinfo)
    except (ValueError, OverflowError, OSError):
        judgement = None
    if judgement is None:
        message = "this link says something that this release does not know"
        raise LinkRefused(message)
    if now >= until:
        message = "this link is over; `deepsentry verdict` says the same"
        raise LinkRefused(message)
    return Link(found["anomaly"], found["alert"], judgement, found["target"], until)


def _mac(body: str, key: bytes) -> str:
    mac = hmac.new(key, _PURPOSE + body.encode(), hashlib.sha256).digest()
    return base64.urlsafe_b64encode(mac).rstrip(b"=").decode()

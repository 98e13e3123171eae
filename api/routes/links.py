"""Answers to notices, by their signed links: a GET changes nothing, for mail scanners follow links; a POST says it.

Outside /api/v1 and without sign-in: the link itself is the right to this one answer, and to no other. The page names
nothing of the alert, for whoever the link was passed on to.
"""

import html
from typing import Annotated, Any, Final

from fastapi import APIRouter, Path
from fastapi.responses import HTMLResponse
from limits import RateLimitItemPerMinute

from api.auth.signing import Visitor
from api.dependencies import From, HouseParts
from api.errors import Away
from api.parts import Parts
from api.problems import documented
from api.work.anomalies import answer
from deepsentry.errors import LinkRefused, NotFound
from deepsentry.events import Judgement
from deepsentry.links import LONGEST, PATH, Link, verify

LINKS: Final = RateLimitItemPerMinute(60, namespace="links")
"""From one network; the address itself is only noted."""
WORDS: Final[dict[Judgement, str]] = {"true": "it was right to alert", "false_alarm": "it was a false alarm"}
PAGE: Final = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<meta name="robots" content="noindex"><title>DeepSentry</title></head>
<body><h1>{title}</h1><p>{text}</p>{form}</body></html>
"""
FORM: Final = '<form method="post"><button>Say so</button></form>'
POLICY: Final = "default-src 'none'; form-action 'self'; frame-ancestors 'none'"
ANSWERS: Final[dict[int | str, dict[str, Any]]] = {
    status: {"description": what, "content": {"text/html": {"schema": {"type": "string"}}}}
    for status, what in (
        (200, "A page for a person"),
        (403, "The link is not one of ours, or it is over"),
        (404, "What it is about is not known, or not yet"),
        (503, "It cannot be taken at the moment"),
    )
}

routes = APIRouter(prefix=PATH.rstrip("/"), tags=["links"])
Token = Annotated[str, Path(max_length=LONGEST, description="As it stands in a notice.")]


@routes.get("/{token}", response_class=HTMLResponse, responses=documented(422, 429, 500) | ANSWERS)
async def look(token: Token, parts: HouseParts, visitor: From) -> HTMLResponse:
    """Show what a link would say."""
    try:
        link = await _verified(parts, token, visitor)
    except LinkRefused as error:
        return _page(403, "This link does not hold", str(error))
    return _page(200, "Your answer", f"This link says: {WORDS[link.judgement]}.", FORM)


@routes.post("/{token}", response_class=HTMLResponse, responses=documented(422, 429, 500) | ANSWERS)
async def say(token: Token, parts: HouseParts, visitor: From) -> HTMLResponse:
    """Say it."""
    try:
        link = await _verified(parts, token, visitor)
        await answer(parts, link, visitor.address)
    except LinkRefused as error:
        return _page(403, "This link does not hold", str(error))
    except NotFound:
        return _page(404, "Not known", "The alert is not known here, or not yet; try again in a minute.")
    except Away:
        return _page(503, "Not now", "Your answer could not be taken; try again in a minute.")
    return _page(200, "Thank you", f"It was noted: {WORDS[link.judgement]}.")


async def _verified(parts: Parts, token: str, visitor: Visitor) -> Link:
    await parts.limits.hit(LINKS, visitor.network)
    return verify(token, parts.settings.alerts.links.key.get_secret_value().encode(), parts.now())


def _page(status: int, title: str, text: str, form: str = "") -> HTMLResponse:
    body = PAGE.format(title=html.escape(title), text=html.escape(text), form=form)
    return HTMLResponse(body, status, {"Content-Security-Policy": POLICY})

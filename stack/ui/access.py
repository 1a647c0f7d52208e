"""Who may ask: a browser of this machine that was given the token, from a page of this server.

The port is open to every program and user of this machine, and to any page that a browser of it shows. So: the token of
this run, which becomes a cookie that no script can read and no other site's request carries; the host's name, as a
foreign name that leads here (DNS rebinding) is another one; and the origin, as a form of another site may be sent
here."""

import hmac
import re
from collections.abc import Mapping
from http.cookies import CookieError, SimpleCookie

import msgspec
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

HOST = re.compile(r"(?:127\.0\.0\.1|localhost)(?::\d+)?")
"""How this server is called; the port is any, as a tunnel may have another one."""
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-cache",
}  # fmt: skip
"""What every answer has: no script and no style but ours, no frame of another page, nothing told to other sites."""
ENTER = """<!doctype html><meta charset="utf-8"><title>Opening …</title><link rel="icon" href="data:,">
<meta http-equiv="refresh" content="0;url=/">"""
"""What the address with the token answers. A page and no redirect: a strict cookie goes with a request that a page of
ours begins, and a redirect belongs to whoever began it."""
WHERE = "Take the address that ./inv ui printed; each run has a new one."


PREVIEW = "/api/preview"
"""What is sent to this changes nothing."""


class Refused(msgspec.Struct, frozen=True):
    """Why somebody is not let in, as a status of HTTP and a sentence."""

    status: int
    why: str


class Asked(msgspec.Struct, frozen=True):
    """What counts of a request: the method, the path, the headers (names in small letters), the token in the
    address."""

    method: str
    path: str
    headers: Mapping[str, str]
    token: str = ""


def refusal(asked: Asked, token: str, read_only: bool) -> Refused | None:
    """Why a request is refused; None where it is not. Pure."""
    host = asked.headers.get("host", "")
    if not HOST.fullmatch(host):
        return Refused(421, "This server answers to 127.0.0.1 and localhost alone.")
    origin = asked.headers.get("origin")
    if origin not in (None, f"http://{host}") or (_foreign(asked.headers) and not _opened(asked)):
        return Refused(403, "This came from another page, so nothing was done.")
    given = asked.token or _cookie(asked.headers)
    if not hmac.compare_digest(given.encode(), token.encode()):
        return Refused(403, f"The token is missing or not of this run. {WHERE}")
    return None if asked.method in ("GET", "HEAD") else _unchangeable(asked, read_only)


def _unchangeable(asked: Asked, read_only: bool) -> Refused | None:
    """Why a request that changes something is refused beyond that."""
    if asked.headers.get("origin") is None:
        return Refused(403, "A request that changes something must say where it comes from.")
    if asked.headers.get("content-type", "").partition(";")[0] != "application/json":
        return Refused(415, "What is sent here is JSON.")
    if read_only and asked.path != PREVIEW:
        return Refused(403, "This page only looks: it was started with --read-only.")
    return None


def _foreign(headers: Mapping[str, str]) -> bool:
    """Whether a page of another origin began the request, as a browser says it."""
    return headers.get("sec-fetch-site", "none") not in ("none", "same-origin")


def _opened(asked: Asked) -> bool:
    """Whether the address itself is opened, which may be done from anywhere: what it shows goes to no other page."""
    return asked.method == "GET" and asked.headers.get("sec-fetch-mode") == "navigate"


def _cookie(headers: Mapping[str, str]) -> str:
    """The token out of the cookie of the port that was asked: cookies of all ports of a host come together."""
    try:
        found = SimpleCookie(headers.get("cookie", "")).get(name(headers.get("host", "")))
    except CookieError:
        return ""
    return found.value if found else ""


def name(host: str) -> str:
    """The cookie's name for a Host header."""
    return f"inv-ui-{host.rpartition(':')[2]}"


class Gate:
    """Lets to the application what `refusal` does, sets the cookie, and adds the headers to every answer."""

    def __init__(self, app: ASGIApp, token: str, read_only: bool) -> None:
        self._app, self._token, self._read_only = app, token, read_only

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request = Request(scope)
        token = request.query_params.get("token", "") if request.url.path == "/" else ""
        asked = Asked(request.method, request.url.path, request.headers, token)
        refused = refusal(asked, self._token, self._read_only)
        answer: ASGIApp = self._app
        if refused:
            answer = PlainTextResponse(refused.why + "\n", refused.status)
        elif token:
            answer = self._entered(request.headers["host"])

        async def headed(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] += [(key.lower().encode(), value.encode()) for key, value in HEADERS.items()]
            await send(message)

        await answer(scope, receive, headed)

    def _entered(self, host: str) -> Response:
        answer = HTMLResponse(ENTER)
        answer.set_cookie(name(host), self._token, httponly=True, samesite="strict")
        return answer

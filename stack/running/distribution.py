"""The distribution API over HTTP: one answer of a registry, with the login that it asks for, as docker keeps it, and by
the certificates that docker trusts.

https://distribution.github.io/distribution/spec/auth/token/"""

import base64
import contextlib
import functools
import json
import os
import re
import ssl
import urllib.error
import urllib.parse
import urllib.request
from http.client import HTTPException
from pathlib import Path
from typing import NamedTuple

from stack.builds import machine
from stack.running import logins, sockets
from stack.running.logins import HUB

LIMIT = 10.0
"""Seconds for one answer."""
LOGIN = "a login is needed"
ABSENT = "it has no such repository"
LARGEST = 16 * 2**20
"""Bytes of an answer; Docker Hub's longest list has less than one MiB."""
HUB_API = "registry-1.docker.io"
CERTIFICATES = Path("/etc/docker/certs.d")
"""The authorities that docker has for each registry, by its host and port."""
PLAIN = "application/json"
REALM = re.compile(r'(\w+)="([^"]*)"')


class RefusedError(Exception):
    """A registry answers, and gives nothing of one image; the words say why."""


class SilentError(Exception):
    """A registry gives no answer; the words say why."""


class Reply(NamedTuple):
    """What an address gave, the login that it took, and the address and header that lead on."""

    body: bytes
    link: str
    url: str
    login: str


def get(url: str, registry: str, name: str, insecure: bool, login: str = "", accept: str = PLAIN) -> Reply:
    """What an address of a registry gives, with the login that it asks for. An `insecure` one may have any certificate,
    or none, as for docker.

    Raises RefusedError where it gives nothing of this name, SilentError where it does not answer."""
    try:
        body, link = _open(url, login, insecure, accept=accept)
        return Reply(body, link, url, login)
    except urllib.error.HTTPError as error:
        challenge = error.headers.get("WWW-Authenticate") or ""
        if error.code != 401 or login or not challenge:
            raise RefusedError(_reason(error)) from None
        # Some registries only lead to another, which is the one that asks for the login.
        url = error.url or url
    login = _login(challenge, _asking(url, registry, insecure), name, insecure)
    return get(url, registry, name, insecure, login, accept)


def _asking(url: str, registry: str, insecure: bool) -> str:
    """The registry at an address that asks for a login; none where an insecure one leads to another."""
    host = urllib.parse.urlsplit(url).netloc
    found = HUB if host == HUB_API else host
    return found if found == registry or not insecure else ""


def _login(challenge: str, registry: str, name: str, insecure: bool) -> str:
    """The header that a registry asks for: a token, or the login itself. Raises RefusedError."""
    kind, _, rest = challenge.partition(" ")
    user, secret = logins.login(registry) if registry else ("", "")
    if kind.lower() == "basic" and user:
        return _basic(user, secret)
    if kind.lower() != "bearer":
        raise RefusedError(LOGIN)
    words = dict(REALM.findall(rest))
    asked = {"service": words.get("service", ""), "scope": words.get("scope") or f"repository:{name}:pull"}
    try:
        given = json.loads(_token(words.get("realm", ""), asked, (user, secret), insecure))
        return f"Bearer {given.get('token') or given['access_token']}"
    except urllib.error.HTTPError as error:
        raise RefusedError(_reason(error)) from None
    except (ValueError, KeyError, AttributeError):
        raise RefusedError("its server of tokens gives none") from None


def _token(realm: str, asked: dict[str, str], login: tuple[str, str], insecure: bool) -> bytes:
    """What the server of tokens answers: to a login, to a token that docker has in place of one, or to nobody."""
    user, secret = login
    if user == logins.TOKEN:
        form = {**asked, "grant_type": "refresh_token", "client_id": "genai-vanilla-stack", "refresh_token": secret}
        return _open(realm, "", insecure, form)[0]
    return _open(f"{realm}?{urllib.parse.urlencode(asked)}", _basic(user, secret) if user else "", insecure)[0]


def _basic(user: str, secret: str) -> str:
    return f"Basic {base64.b64encode(f'{user}:{secret}'.encode()).decode()}"


def _reason(error: urllib.error.HTTPError) -> str:
    known = {401: LOGIN, 403: LOGIN, 404: ABSENT, 429: "its rate limit is reached"}  # fmt: skip
    return known.get(error.code, f"it answers {error.code}")


def _open(url: str, login: str, insecure: bool, form: dict[str, str] | None = None,
          accept: str = PLAIN) -> tuple[bytes, str]:  # fmt: skip
    """An answer's body and its Link header. Raises HTTPError with a status, SilentError without any, RefusedError where
    it leads to an address without a certificate."""
    data = urllib.parse.urlencode(form).encode() if form else None
    _certified(url, insecure)
    try:
        request = urllib.request.Request(url, data, {"Accept": accept})  # noqa: S310 - http or https, above
        if login:
            # Not sent along to where an answer leads.
            request.add_unredirected_header("Authorization", login)
        with _opener(urllib.parse.urlsplit(url).hostname or "", insecure).open(request, timeout=LIMIT) as answer:
            _certified(answer.url, insecure)
            return answer.read(LARGEST), answer.headers.get("Link") or ""
    except urllib.error.HTTPError as error:
        _certified(error.url or url, insecure)
        raise
    except urllib.error.URLError as error:
        raise SilentError(_words(error.reason)) from None
    except (OSError, ValueError, HTTPException) as error:
        raise SilentError(_words(error)) from None


def _certified(url: str, insecure: bool) -> None:
    if not url.startswith("https://") and not (insecure and url.startswith("http://")):
        raise RefusedError("it leads to an address without a certificate")


def _words(reason: object) -> str:
    """One line of what stopped a request."""
    if isinstance(reason, TimeoutError):
        return f"no answer within {LIMIT:.0f} s"
    text = reason.strerror if isinstance(reason, OSError) and reason.strerror else str(reason)
    return " ".join(str(text).split()) or "no answer"


@functools.cache
def _opener(host: str, insecure: bool) -> urllib.request.OpenerDirector:
    """No proxy to this machine; the machine's own authorities, and those that docker has for this registry."""
    context = ssl.create_default_context()
    if insecure:
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    for file in (file for name in (host, f"{host}:*") for file in CERTIFICATES.glob(f"{name}/*.crt")):
        with contextlib.suppress(OSError, ssl.SSLError):
            context.load_verify_locations(file)
    with contextlib.suppress(ssl.SSLError):
        context.load_verify_locations(cadata=machine.ca_bundle(os.environ).decode(errors="replace"))
    proxy = urllib.request.ProxyHandler({} if sockets.loopback(host) else None)
    return urllib.request.build_opener(proxy, urllib.request.HTTPSHandler(context=context))

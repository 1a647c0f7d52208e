"""The table of requests in gateway-requests.yml: files for a gateway, what is asked, and what came of it."""

import base64
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from stack import yamlfile

FILE = Path(__file__).with_name("gateway-requests.yml")
ADA = {
    "username": "ada",
    "keyauth_credentials": [{"key": "ada-key"}],
    "basicauth_credentials": [{"username": "ada", "password": "secret"}],
    "acls": [{"group": "readers"}],
}
"""Who has a key and a password in every file of the table."""


class Request(NamedTuple):
    """A request, and what came of it: `takes` is the route, with the path and the Host that its service saw where the
    table says those; `told` and `back` are headers that reached the service, and came back. `beyond` is a judge that
    can't tell."""

    method: str
    host: str
    path: str
    headers: Mapping[str, str] = {}
    status: int = 200
    takes: str = ""
    seen: Mapping[str, str] = {}
    told: Mapping[str, str | None] = {}
    back: Mapping[str, str | None] = {}
    beyond: str = ""

    def __str__(self) -> str:
        return f"{self.method} {self.host}{self.path} {dict(self.headers) or ''}".strip()

    @property
    def login(self) -> tuple[str, str] | None:
        """The name and password that it gives."""
        kind, _, word = self.headers.get("Authorization", "").partition(" ")
        name, _, password = base64.b64decode(word).decode().partition(":") if kind == "Basic" else ("", "", "")
        return (name, password) if kind == "Basic" else None


class Answer(NamedTuple):
    """What a judge says of a request: `password` tells whether one reached the service; headers as far as it knows
    them."""

    status: int
    takes: str = ""
    path: str = ""
    host: str = ""
    password: bool = False
    told: Mapping[str, str] | None = None
    back: Mapping[str, str] | None = None

    def without_headers(self) -> "Answer":
        """What every judge knows."""
        return self._replace(told=None, back=None)


class Case(NamedTuple):
    """One file for a gateway, and what is asked of it."""

    about: str
    document: dict[str, Any]
    requests: list[Request]


def cases() -> list[Case]:
    """The whole table."""
    table: Any = yamlfile.load(FILE.name, FILE.read_text())
    return [Case(one["about"], _document(one["routes"]), list(map(_request, one["requests"]))) for one in table]


def _document(routes: Mapping[str, Any]) -> dict[str, Any]:
    services = []
    for name, said in routes.items():
        route = {"name": name, **{key: value for key, value in said.items() if key not in ("base", "plugins")}}
        services.append({"name": name, "url": f"http://{name}:8080{said.get('base', '')}", "routes": [route],
                         "plugins": said.get("plugins", [])})  # fmt: skip
    return {"_format_version": "3.0", "consumers": [ADA], "services": services}


def _request(row: Mapping[str, Any]) -> Request:
    method, _, address = row["ask"].partition(" ")
    host, slash, path = address.partition("/")
    seen = {key: row[key] for key in ("path", "host") if key in row}
    status, takes = row.get("status", 200), row.get("takes", "")
    assert ("status" in row) != ("takes" in row), row
    return Request(method, host, slash + path, row.get("with", {}), status, takes, seen, row.get("told", {}),
                   row.get("back", {}), row.get("beyond", ""))  # fmt: skip


def wrong(request: Request, answer: Answer | None) -> Iterator[str]:
    """Where an answer is not what the table has."""
    if answer is None:
        yield f"{request}: one of two routes takes it"
        return
    expected = {"status": request.status, "takes": request.takes, **request.seen}
    found = {key: getattr(answer, key) for key in expected}
    if found != expected:
        yield f"{request}: expected {expected}, got {found}"
    for what, wanted, got in (("told", request.told, answer.told), ("back", request.back, answer.back)):
        there = {} if got is None else {key: got.get(key) for key in wanted}
        if got is not None and there != dict(wanted):
            yield f"{request}: expected {what} {dict(wanted)}, got {there}"

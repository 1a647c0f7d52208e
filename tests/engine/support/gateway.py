"""A table of requests for the gateway, and who judges it: the simulator, and an HAProxy that runs.

Each row is a request. What becomes of it is told twice: by `routing` and the credentials of the file, and by the
engine, behind which an echo stands in for every service."""

import base64
import http.client
import json
import random
import re
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple

from stack.gateway import declared, effective, kongfile, matching, routing
from stack.gateway.declared import Site
from stack.gateway.haproxy import configuration, limits

PORT = 63002
EVERY = "".join(map(chr, range(ord("!"), ord("~") + 1)))
"""Every character that can be printed."""
SECRETS = {"SUPABASE_ANON_KEY": "anon-key", "SUPABASE_SERVICE_ROLE_KEY": f"{EVERY} x",
           "SUPABASE_PUBLISHABLE_KEY": "sb_publishable_1", "SUPABASE_SECRET_KEY": "sb_secret_1",
           "DASHBOARD_USERNAME": "admin", "DASHBOARD_PASSWORD": f"p {EVERY[::-1]}"}  # fmt: skip
"""As a user may choose them."""


class Row(NamedTuple):
    """A request; `key` stands in the header apikey, `asked` in the query, `login` is name and password."""

    method: str
    host: str
    path: str
    key: str = ""
    asked: str = ""
    login: tuple[str, str] | None = None


class Seen(NamedTuple):
    """What came of it: the status; of one that reached a service, the route, the path and the Host there, and whether
    a password did."""

    status: int
    route: str = ""
    path: str = ""
    host: str = ""
    password: bool = False


class Judge:
    """What the project itself says of a file."""

    def __init__(self, document: dict[str, Any]) -> None:
        self.document = document
        self.table = routing.router(kongfile.entities(document))
        self.sections = configuration.sections(self.table.candidates)
        self.routes = {one.name: one.route for one in self.table.candidates}

    def __call__(self, row: Row) -> Seen | None:
        """What becomes of a request; None where Kong might take one of two routes."""
        met = routing.match(self.table, row.method, row.host, row.path, PORT)
        if isinstance(met, routing.Miss):
            return Seen(met.status)
        if met.also:
            return None
        found, route = self.table.found, self.routes[met.route]
        running = declared.plugins_of(found, route)
        refused = self._refused(row, running)
        if refused:
            return Seen(refused)
        if "request-termination" in running:
            return Seen(int(declared.config(running["request-termination"])["status_code"]))
        hidden = "basic-auth" in running and bool(declared.config(running["basic-auth"]).get("hide_credentials"))
        return Seen(200, self.sections[route.path], met.path, met.host, row.login is not None and not hidden)

    def _refused(self, row: Row, running: dict[str, kongfile.Entity]) -> int:
        found, who = self.table.found, None
        if "key-auth" in running:
            given = row.key or row.asked
            who = next((c.parents["consumer"] for c in found["keyauth_credentials"]
                        if given and filled(c.value["key"]) == given), None)  # fmt: skip
            if who is None:
                return 401
        if "basic-auth" in running:
            who = next((c.parents["consumer"] for c in found["basicauth_credentials"]
                        if (filled(c.value["username"]), filled(c.value["password"])) == row.login), None)  # fmt: skip
            if who is None:
                return 401
        if "acl" in running:
            mine = matching.groups(found).get(who or "", set())
            return 0 if who and matching.lets(declared.config(running["acl"]), mine) else 403
        return 0


def filled(text: str) -> str:
    """A text of the file with the secrets in it."""
    return re.sub(r"\$\{(\w+)\}", lambda found: SECRETS[found[1]], text)


def shipped(text: str) -> dict[str, Any]:
    """The shipped file with everything planned."""
    found = kongfile.entities(kongfile.read(text))
    planned = {name for service in found["services"] for name in declared.behind(found, service)}
    return effective.serving(text, planned, Site("localhost", PORT, {}))


NAMES = ("localhost", "studio.localhost", "STUDIO.localhost", "studio.localhost.", "studio.localhost:1",
         f"Localhost.:{PORT}", "a.b")  # fmt: skip
"""Hosts as clients write them."""


def rows_of(document: dict[str, Any]) -> Iterator[Row]:
    """For each address of a file, each kind of credential; and each address with paths of many forms."""
    keys = [SECRETS["SUPABASE_ANON_KEY"], SECRETS["SUPABASE_SERVICE_ROLE_KEY"], SECRETS["SUPABASE_SECRET_KEY"]]
    login = (SECRETS["DASHBOARD_USERNAME"], SECRETS["DASHBOARD_PASSWORD"])
    for route in declared.routes_of(kongfile.entities(document)):
        host, path = route.host or "localhost", route.path
        yield from (Row("GET", host, path, key=key) for key in (*keys, "wrong"))
        yield from (Row("POST", f"{host}:{PORT}", path, asked=key) for key in (keys[0], "wr%2Bong"))
        yield from (Row("GET", host, path, login=one) for one in (None, login, (login[0], "no"), ("", "")))
        for rest in ("x", "x/", "./x/../y", "a%20b%2fc%7e", "x?a=%7e&b=/../", "/x//y", "%41", "..", "%c3%a9", "a{b}"):
            yield Row("GET", host, path + rest, keys[1], login=login)
    for path in ("/", "//", "/nothing", "/backend", "/backendx", "/%zz", "/..", "/a/../..", "/a%2f..%2f..%2f..", "/%00",
                 "/backend/../backend/x", "/BACKEND/", "/./backend/", f"/backend/{'x' * 8000}", "/backend/%20?x=%zz",
                 "/backend//?x=%zz"):  # fmt: skip
        yield from (Row("GET", host, path) for host in NAMES)


HOSTS = ["a.test", "b.test", "*.w.test", "x.w.test", f"a.test:{PORT}", "b.test:1", "c.*"]
PATHS = ["/", "/a", "/a/", "/a/b", "/a/b/", "/é/", "/A", "/a%2Fb/", "~/a$", "~/a/[0-9]+$", "~/(?:a|b)/(?<n>\\d+)",
         "~/v[12]/", "~/a/\\d+", "~/é?a", "~/a/b(/|$)", "~/(?i)a/B"]  # fmt: skip
PIECES = ["/", "a", "b", "/a", "/b", "/a/b", "/a/b/", "1", "/12", "/v1/", "%C3%A9", "é", "%2F", "%41", "/..", "/.",
          "//", "x", "%20", "/A/b", "?q=1", "..", "/%c3%a9/", "~", "%7e", "+", ":"]  # fmt: skip


def made(seed: int, count: int = 40) -> dict[str, Any]:
    """A file of routes that clash as often as can be."""
    chance = random.Random(seed)
    services = []
    for at in range(count):
        route: dict[str, Any] = {"name": f"r{at}", "strip_path": chance.random() < 0.6,
                                 "preserve_host": chance.random() < 0.3}  # fmt: skip
        if chance.random() < 0.5:
            route["hosts"] = chance.sample(HOSTS, chance.randint(1, 2))
        if chance.random() < 0.8 or "hosts" not in route:
            route["paths"] = chance.sample(PATHS, chance.randint(1, 3))
        if chance.random() < 0.3:
            route["methods"] = chance.choice([["GET"], ["POST", "PUT"]])
        if chance.random() < 0.2:
            route["regex_priority"] = chance.randint(1, 5)
        base = chance.choice(["", "", "/", "/base", "/base/", "/b%20c"])
        services.append({"name": f"s{at}", "url": f"http://service{at % 3}:{80 if at % 2 else 8080}{base}",
                         "routes": [route]})  # fmt: skip
    return {"_format_version": "3.0", "services": services}


def rows_for(seed: int, count: int) -> Iterator[Row]:
    chance = random.Random(seed)
    hosts = ["a.test", "b.test", "x.w.test", "y.w.test", f"a.test:{PORT}", "b.test:1", "c.org", "localhost", "A.test"]
    for _ in range(count):
        path = "/" + "".join(chance.choice(PIECES) for _ in range(chance.randint(0, 4)))
        yield Row(chance.choice(["GET", "GET", "POST", "PUT"]), chance.choice(hosts), path)


class Echo(BaseHTTPRequestHandler):
    """Answers what it was asked."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def answered(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        said = json.dumps({"path": self.path, "headers": [[name.lower(), value] for name, value in
                                                          self.headers.items()]}).encode()  # fmt: skip
        self.send_response(200)
        self.send_header("Content-Length", str(len(said)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(said)

    do_GET = do_POST = do_PUT = do_OPTIONS = do_DELETE = answered  # noqa: N815

    def log_message(self, *_: object) -> None:
        """Nothing."""


class Quiet(ThreadingHTTPServer):
    """Says nothing where the engine closes a connection."""

    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        """Nothing."""


@contextmanager
def echo(address: str) -> Iterator[str]:
    """A service that answers what it was asked; gives where it is."""
    server = Quiet((address, 0), Echo)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"{address}:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()


def written(document: dict[str, Any], server: str, trusted: Sequence[str] = ()) -> str:
    """The configuration of a file, with the echo at this address for every service; an answer tells its section."""
    assert list(limits.uncarried(kongfile.entities(document))) == []
    text = re.sub(r"server-template (\S+) 1-16 \S+.*", rf"server \1 {server}", configuration.written(document, trusted))
    text = re.sub(r"(option httpchk|http-check|timeout check).*", "", text)
    return re.sub(r"^(backend (.*))$", r"\1\n    http-response set-header X-Test-Route \2", text, flags=re.MULTILINE)


class Asker:
    """Requests on one connection."""

    def __init__(self, port: int) -> None:
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)

    def close(self) -> None:
        """End the connection."""
        self.connection.close()

    def send(self, row: Row, headers: dict[str, str] | None = None) -> tuple[http.client.HTTPResponse, bytes]:
        path = row.path + (("&" if "?" in row.path else "?") + f"apikey={quoted(row.asked)}" if row.asked else "")
        self.connection.putrequest(row.method, path, skip_host=True, skip_accept_encoding=True)
        self.connection.putheader("Host", row.host)
        if row.key:
            self.connection.putheader("apikey", row.key)
        if row.login is not None:
            self.connection.putheader(
                "Authorization", "Basic " + base64.b64encode(":".join(row.login).encode()).decode()
            )
        if row.method in ("POST", "PUT"):
            self.connection.putheader("Content-Length", "0")
        for name, value in (headers or {}).items():
            self.connection.putheader(name, value)
        self.connection.endheaders()
        answer = self.connection.getresponse()
        return answer, answer.read()

    def __call__(self, row: Row) -> Seen:
        answer, body = self.send(row)
        route = answer.headers.get("X-Test-Route")
        if route is None:
            return Seen(answer.status)
        said = json.loads(body)
        headers = dict(said["headers"])
        path = said["path"]
        if row.asked:
            path = re.sub(r"[?&]apikey=.*", "", path)
        return Seen(
            answer.status,
            route,
            path.partition("?")[0],
            headers["host"],
            headers.get("authorization", "").startswith("Basic"),
        )


def quoted(text: str) -> str:
    return "".join(chr(byte) if byte < 128 and chr(byte).isalnum() else f"%{byte:02X}" for byte in text.encode())

"""The gateway from source `build`: HAProxy does by kong.yml what `route.test` says, and takes new routes while it runs.

One container of the image answers every table: each comes by the same script that a reload uses."""

import base64
import contextlib
import itertools
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, cast

import pytest

from tests.dashboards import given, shown
from tests.engine.support import gateway, judges, stacks, standins
from tests.engine.support.gateway import Asker, Row
from tests.engine.support.load import ask, load, page
from tests.engine.support.stacks import Stack, docker, run
from tests.engine.test_gateway_reload import GATEWAY, ROUTES

ROOT = Path(__file__).parents[2]
SHUT = ("--read-only", "--cap-drop", "ALL", "--security-opt", "no-new-privileges", "--tmpfs", "/tmp")
BROKEN = ROUTES.replace(
    "    routes:", '    plugins: [{name: "cors", config: {origins: ["\\\\N{DIGIT ONE}"]}}]\n    routes:'
)
"""What our own check lets through, as Python's expressions have it, and HAProxy refuses."""
BEYOND = ROUTES.replace("targets: [{", 'algorithm: "latency"\n    targets: [{')
"""What Kong takes, and HAProxy can't carry."""


class Engine(NamedTuple):
    """A container of HAProxy, with the folder from which it takes its files."""

    name: str
    folder: Path
    port: int
    server: str
    image: str

    @contextlib.contextmanager
    def take(self, document: dict[str, Any], trusted: Sequence[str] = ()) -> Iterator[Asker]:
        """Have it serve another file, and ask it."""
        (self.folder / "next.cfg").write_text(gateway.written(document, self.server, trusted))
        done = run("docker", "exec", self.name, "sh", "/opt/gateway/reload.sh", "/gateway/next.cfg")
        assert done.code == 0, done
        with contextlib.closing(Asker(self.port)) as asker:
            yield asker


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """A gateway that has started with no route at all."""
    image = judges.built(tmp_path_factory.mktemp("build"))
    folder, name = tmp_path_factory.mktemp("gateway"), f"haproxy-{tmp_path_factory.getbasetemp().name}"
    folder.chmod(0o755)
    bridge = docker("network", "inspect", "bridge", "-f", "{{(index .IPAM.Config 0).Gateway}}").strip()
    with gateway.echo(bridge) as server:
        (folder / "haproxy.cfg").write_text(gateway.written({"_format_version": "3.0"}, server))
        given = {**gateway.SECRETS, "PUBLIC_HTTP_PORT": str(gateway.PORT), "KONG_HTTPS_PORT": "63003"}
        docker("run", "-d", "--name", name, *SHUT, "-v", f"{folder}:/gateway:ro", "-p", "127.0.0.1::8000",
               *(word for key, value in given.items() for word in ("-e", f"{key}={value}")), image)  # fmt: skip
        try:
            port = int(docker("port", name, "8000/tcp").rpartition(":")[2])
            stacks.until(lambda: run("docker", "exec", name, "test", "-S", "/tmp/haproxy.sock").code == 0, "HAProxy")
            yield Engine(name, folder, port, server, image)
        finally:
            run("docker", "rm", "-f", name)


def test_no_credential_shows_in_the_log(engine: Engine) -> None:
    """Neither one that lets its owner in nor one that does not, in a header, a query or as a password; what a service
    answered well has no line at all."""
    document = gateway.shipped((ROOT / "kong/kong.yml").read_text())
    with engine.take(document) as asker:
        for row in itertools.islice(gateway.rows_of(document), 200):
            if row.path.isascii():
                asker.send(row)
    log = run("docker", "logs", engine.name)
    assert " HTTP/1.1 401 " in log.text
    assert not re.search(r" HTTP/1\.1 200 \d+ (?!.*<NOSRV>)", log.text)
    assert [name for name, value in gateway.SECRETS.items() if value in log.text and value != "admin"] == []


def test_it_gives_the_measurements_that_the_gateways_dashboard_shows(engine: Engine) -> None:
    with engine.take(plugins(a=[])) as asker:
        assert got(asker, "/a/").status == 200
        asking = "exec 3<>/dev/tcp/127.0.0.1/8100 && printf 'GET /metrics HTTP/1.0\\r\\n\\r\\n' >&3 && cat <&3"
        told = docker("exec", engine.name, "bash", "-c", asking)
    names = {name for name in shown("kong") if name.startswith("haproxy_")}
    assert len(names) >= 10
    assert names <= given(told)
    assert 'haproxy_frontend_http_responses_total{proxy="gateway",code="2xx"} 1' in told
    assert 'haproxy_backend_http_requests_total{proxy="a"} 1' in told


def plugins(**routes: list[dict[str, Any]]) -> dict[str, Any]:
    """A file with a route of this name for each list of plugins."""
    reader = {"username": "reader", "keyauth_credentials": [{"key": "k%e+y"}], "acls": [{"group": "readers"}]}
    return {
        "_format_version": "3.0",
        "consumers": [reader],
        "services": [{"name": name, "url": "http://web:8080", "routes": [{"name": name, "paths": [f"/{name}/"]}],
                      "plugins": [{"name": kind, "config": config} for one in those for kind, config in one.items()]}
                     for name, those in routes.items()],
    }  # fmt: skip


class Answer(NamedTuple):
    """What the gateway answered, and what the service was asked, where it was."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def asked(self) -> list[list[str]]:
        """The headers that reached the service."""
        assert self.status == 200
        headers: list[list[str]] = json.loads(self.body)["headers"]
        return headers


def got(asker: Asker, path: str, headers: Mapping[str, str] | None = None, method: str = "GET") -> Answer:
    """The answer to one request."""
    answer, body = asker.send(Row(method, f"LOCALHOST:{gateway.PORT}", path), dict(headers or {}))
    return Answer(answer.status, cast("Mapping[str, str]", answer.headers), body)


def test_a_key_lets_its_owner_in_and_is_hidden_from_the_service(engine: Engine) -> None:
    hidden = {"key-auth": {"hide_credentials": True}}
    with engine.take(plugins(key=[hidden, {"acl": {"allow": ["readers"]}}], no=[hidden, {"acl": {"deny": ["readers"]}}],
                             open=[{"acl": {"allow": ["readers"]}}])) as asker:  # fmt: skip
        assert got(asker, "/key/").status == 401
        assert got(asker, "/key/").headers["WWW-Authenticate"] == "Key"
        assert got(asker, "/key/", {"apikey": ""}).status == 401
        assert "apikey" not in dict(got(asker, "/key/", {"apikey": "k%e+y"}).asked)
        asked = got(asker, "/key/x?a=2&apikey=k%25e%2By&b=1", {"X-Consumer-Username": "somebody"})
        assert json.loads(asked.body)["path"] == "/x?a=2&b=1"
        assert [pair for pair in asked.asked if pair[0] == "x-consumer-username"] == [["x-consumer-username", "reader"]]
        assert got(asker, "/no/", {"apikey": "k%e+y"}).status == 403
        assert got(asker, "/open/", {"apikey": "k%e+y"}).status == 401


@pytest.mark.parametrize(
    "value", [gateway.EVERY, f"a {gateway.EVERY[::-1]}", '"', "'", "\\\\", "%", "$", "#", "{x}", ":"]
)
def test_a_credential_may_have_every_character_in_a_header_a_query_and_as_a_password(
    engine: Engine, value: str
) -> None:
    document = plugins(key=[{"key-auth": {}}], login=[{"basic-auth": {}}])
    document["consumers"][0] |= {"keyauth_credentials": [{"key": value}],
                                 "basicauth_credentials": [{"username": "a b", "password": value}]}  # fmt: skip
    with engine.take(document) as asker:
        assert dict(got(asker, "/key/", {"apikey": value}).asked)["apikey"] == value
        assert got(asker, f"/key/?apikey={gateway.quoted(value)}").status == 200
        assert got(asker, "/key/", {"apikey": f"{value}x"}).status == 401
        for password, status in ((value, 200), (f"{value}x", 401), (value[1:], 401)):
            word = base64.b64encode(f"a b:{password}".encode()).decode()
            assert got(asker, "/login/", {"Authorization": f"Basic {word}"}).status == status


@pytest.mark.parametrize(
    ("given", "key"),
    [
        ("SUPABASE_SECRET_KEY", "SUPABASE_SERVICE_ROLE_KEY"),
        ("SUPABASE_PUBLISHABLE_KEY", "SUPABASE_ANON_KEY"),
        ("SUPABASE_ANON_KEY", "SUPABASE_ANON_KEY"),
    ],
)
def test_a_service_of_supabase_gets_the_token_that_stands_for_a_key(engine: Engine, given: str, key: str) -> None:
    apikey, token = gateway.SECRETS[given], gateway.SECRETS[key]
    with engine.take(gateway.shipped((ROOT / "kong/kong.yml").read_text())) as asker:
        for sent in ({}, {"Authorization": "Bearer sb_x"}):
            told = dict(got(asker, "/auth/v1/user", {"apikey": apikey, **sent}).asked)
            assert (told["authorization"], told["x-api-key"]) == (f"Bearer {token}", token)
        mine = dict(got(asker, f"/auth/v1/user?apikey={gateway.quoted(apikey)}", {"Authorization": "Bearer me"}).asked)
        assert (mine["authorization"], mine["x-api-key"]) == ("Bearer me", token)
        assert got(asker, "/auth/v1/user", {"apikey": "sb_secret_2"}).status == 401


@pytest.mark.parametrize(
    ("origin", "allowed"),
    [("http://x.localhost:3000", True), ("http://localhost.evil", False), ("http://a.example", True), ("null", False)],
)
def test_a_page_of_another_site_is_told_whether_it_may_ask(engine: Engine, origin: str, allowed: bool) -> None:
    config = {"origins": ["(.+\\.)?localhost", "http://a.example:80"], "exposed_headers": ["X-A"], "max_age": 9}
    with engine.take(plugins(cors=[{"cors": config}, {"key-auth": {}}])) as asker:
        asked = {"Origin": origin, "Access-Control-Request-Method": "PUT", "Access-Control-Request-Headers": "x-q"}
        first = got(asker, "/cors/", asked, "OPTIONS")
        plain = got(asker, "/cors/", {"Origin": origin, "apikey": "k%e+y"})
        shut = got(asker, "/cors/", {"Origin": origin})
    assert (first.status, first.body, first.headers["Access-Control-Max-Age"]) == (200, b"", "9")
    assert first.headers["Access-Control-Allow-Headers"] == "x-q"
    assert (plain.status, shut.status) == (200, 401)
    assert (plain.headers["Vary"], plain.headers["Access-Control-Expose-Headers"]) == ("Origin", "X-A")
    named = [one.headers["Access-Control-Allow-Origin"] for one in (first, plain, shut)]
    assert named == [origin if allowed else None] * 3


def test_what_is_too_much_is_refused(engine: Engine) -> None:
    small = {"allowed_payload_size": 1, "size_unit": "bytes"}
    with engine.take(plugins(size=[{"request-size-limiting": small}], rate=[{"rate-limiting": {"day": 2}}],
                             address=[{"ip-restriction": {"deny": ["0.0.0.0/0"]}}])) as asker:  # fmt: skip
        assert got(asker, "/address/").status == 403
        rated = [got(asker, "/rate/") for _ in range(3)]
        assert [one.status for one in rated] == [200, 200, 429]
        assert [one.headers["X-RateLimit-Remaining-Day"] for one in rated] == ["1", "0", "0"]
        assert int(rated[2].headers["Retry-After"]) > 0
        assert got(asker, "/size/").status == 200
        assert got(asker, "/size/", {"Content-Length": "2"}).status == 413
    with contextlib.closing(Asker(engine.port)) as asker:
        assert got(asker, "/size/", {"Transfer-Encoding": "chunked"}, "DELETE").status == 411


def test_headers_and_answers_are_made_as_the_file_says(engine: Engine) -> None:
    on_the_way = {"add": {"headers": ["x-a:1%", "x-b:new"]}, "remove": {"headers": ["x-c"]},
                  "rename": {"headers": ["x-d:x-e"]}, "append": {"headers": ["x-b:more"]}}  # fmt: skip
    named = {"header_name": "X-Name", "generator": "uuid", "echo_downstream": True}
    with engine.take(plugins(
        end=[{"request-termination": {"status_code": 418, "message": 'a "b"\n%'}}], name=[{"correlation-id": named}],
        change=[{"request-transformer": on_the_way}, {"response-transformer": {"add": {"headers": ["x-back:yes"]}}}],
    )) as asker:  # fmt: skip
        assert got(asker, "/end/")[::2] == (418, b'{"message":"a \\"b\\"\\n%"}')
        assert got(asker, "/name/", {"X-Name": "mine"}).headers["X-Name"] == "mine"
        made = got(asker, "/name/")
        assert len(made.headers["X-Name"]) == 36
        assert dict(made.asked)["x-name"] == made.headers["X-Name"]
        changed = got(asker, "/change/", {"x-b": "old", "x-c": "gone", "x-d": "moved"})
    assert changed.headers["x-back"] == "yes"
    assert sorted(pair for pair in changed.asked if pair[0] in ("x-a", "x-b", "x-c", "x-d", "x-e")) == [
        ["x-a", "1%"], ["x-b", "more"], ["x-b", "old"], ["x-e", "moved"],
    ]  # fmt: skip


def test_what_a_service_is_told_of_the_client_is_the_gateways_word(engine: Engine) -> None:
    said = {"X-Forwarded-For": "1.2.3.4", "X-Forwarded-Proto": "https", "X-Forwarded-Host": "evil",
            "X-Real-IP": "1.1.1.1", "X-Forwarded-Prefix": "/evil", "X-Forwarded-Port": "1"}  # fmt: skip
    with engine.take(plugins(a=[])) as asker:
        told = dict(got(asker, "/a/%41?x", said).asked)
    client = told["x-real-ip"]
    assert client != "1.1.1.1"
    assert {name: value for name, value in told.items() if name.startswith("x-forwarded")} == {
        "x-forwarded-for": f"1.2.3.4, {client}", "x-forwarded-proto": "http", "x-forwarded-host": "localhost",
        "x-forwarded-port": str(gateway.PORT), "x-forwarded-path": "/a/%41", "x-forwarded-prefix": "/a/",
    }  # fmt: skip


def forwarded(answer: Answer) -> dict[str, str]:
    """What the service was told of where the request came from, without the words X-Forwarded."""
    told = {name.removeprefix("x-forwarded-"): value for name, value in answer.asked if name.startswith("x-forwarded-")}
    return {**told, "client": dict(answer.asked)["x-real-ip"]}


def test_a_trusted_proxys_word_on_the_client_is_passed_on(engine: Engine) -> None:
    """As Kong does it: the peer is added, all else stays; what the client itself claims behind its proxy does not
    count, and one connection carries the requests of many clients."""
    said = {"X-Forwarded-Proto": "https", "X-Forwarded-Host": "n8n.example.org", "X-Forwarded-Port": "443",
            "X-Forwarded-Prefix": "/in/front"}  # fmt: skip
    with engine.take(plugins(a=[]), ["172.16.0.0/12", "10.0.0.1"]) as asker:
        peer = forwarded(got(asker, "/a/"))["client"]
        assert forwarded(got(asker, "/a/", said)) == {
            "for": peer, "client": peer, "path": "/a/", "proto": "https", "host": "n8n.example.org", "port": "443",
            "prefix": "/in/front",
        }  # fmt: skip
        through = ["203.0.113.7, 10.0.0.1", "9.9.9.9, 203.0.113.8", "9.9.9.9, unknown, 10.0.0.1", "::1, 2001:db8::1"]
        seen = [forwarded(got(asker, "/a/", {"X-Forwarded-For": hops})) for hops in through]
        assert [one["client"] for one in seen] == ["203.0.113.7", "203.0.113.8", "10.0.0.1", "2001:db8::1"]
        assert [one["for"] for one in seen] == [f"{hops}, {peer}" for hops in through]
        assert [(one["proto"], one["host"], one["prefix"]) for one in seen] == [("http", "localhost", "/a/")] * 4


def test_a_line_of_its_own_from_the_proxy_is_not_lost_behind_the_clients(engine: Engine) -> None:
    """Some proxies add a header where others add to it; what the client claims stands in the first."""
    with engine.take(plugins(a=[]), ["172.16.0.0/12"]) as asker:
        asker.connection.putrequest("GET", "/a/")
        for address in ("9.9.9.9", "203.0.113.7"):
            asker.connection.putheader("X-Forwarded-For", address)
        asker.connection.endheaders()
        told = dict(json.loads(asker.connection.getresponse().read())["headers"])
    assert told["x-real-ip"] == "203.0.113.7"
    assert told["x-forwarded-for"].startswith("9.9.9.9, 203.0.113.7, 172.")


def test_the_client_behind_a_trusted_proxy_is_the_one_who_is_counted_and_kept_out(engine: Engine) -> None:
    def of(client: str) -> dict[str, str]:
        return {"X-Forwarded-For": f"198.51.100.1, {client}"}

    file = plugins(rate=[{"rate-limiting": {"day": 1}}], address=[{"ip-restriction": {"allow": ["203.0.113.0/24"]}}])
    with engine.take(file, ["172.16.0.0/12"]) as asker:
        rated = [got(asker, "/rate/", of(client)).status for client in ("203.0.113.7", "203.0.113.8", "203.0.113.7")]
        assert rated == [200, 200, 429]
        assert [got(asker, "/address/", of(client)).status for client in ("203.0.113.9", "192.0.2.1")] == [200, 403]
    with engine.take(file) as asker:
        assert got(asker, "/address/", of("203.0.113.9")).status == 403


def test_a_route_of_https_takes_who_came_by_it_to_a_trusted_proxy(engine: Engine) -> None:
    file = plugins(a=[])
    file["services"][0]["routes"][0]["protocols"] = ["https"]
    by_https = {"X-Forwarded-Proto": "https"}
    with engine.take(file, ["172.16.0.0/12"]) as asker:
        assert [got(asker, "/a/", sent).status for sent in (by_https, {"X-Forwarded-Proto": "http"}, {})] == [
            200, 426, 426,
        ]  # fmt: skip
    with engine.take(file) as asker:
        assert got(asker, "/a/", by_https).status == 426


def test_what_is_too_long_or_no_host_is_refused_and_what_is_long_passes_whole(engine: Engine) -> None:
    long, longer = "/a/" + "x" * 8192, "/a/" + "x" * 80_000
    with engine.take(plugins(a=[])) as asker:
        assert json.loads(got(asker, long).body)["path"] == long.removeprefix("/a")
        assert got(asker, "/a/", {"X-Long": "x" * 20_000}).status == 200
        for rest in ("/%20?x=%zz&y=%41//&&", "/b%2Fc?100%", "/x?a=%41//../"):
            assert json.loads(got(asker, f"/a{rest}").body)["path"] == rest
    for path, headers in ((longer, {}), ("/a/", {"X-Long": "x" * 80_000})):
        with contextlib.closing(Asker(engine.port)) as asker:
            assert got(asker, path, headers).status in (400, 414, 431)
    with contextlib.closing(Asker(engine.port)) as asker:
        for host in ("LOCALHOST.", "localhost:99999", "a..b", "[::1]:1"):
            assert asker.send(Row("GET", host, "/a/"))[0].status == 200, host
        assert got(asker, "/a/").status == 200


def test_without_a_credential_that_the_routes_name_it_does_not_start(engine: Engine) -> None:
    (engine.folder / "needs.cfg").write_text(gateway.written(gateway.shipped((ROOT / "kong/kong.yml").read_text()),
                                                             engine.server))  # fmt: skip
    bare = run("docker", "run", "--rm", *SHUT, "-v", f"{engine.folder}:/gateway:ro", "-e", "SUPABASE_ANON_KEY=x",
               "--entrypoint", "sh", engine.image, "/opt/gateway/check.sh", "/gateway/needs.cfg")  # fmt: skip
    assert bare.code == 3
    assert "SUPABASE_SECRET_KEY is not set" in bare.err


@pytest.mark.core
def test_new_routes_come_without_a_failed_request_or_a_new_container(
    new_stack: Callable[..., Stack], tmp_path_factory: pytest.TempPathFactory
) -> None:
    standins.build(tmp_path_factory.mktemp("stand-in"))
    # Another image than that of the usual name, which other tests run meanwhile: it is built anew below.
    stack = new_stack(KONG_API_GATEWAY_SOURCE="build", KONG_API_GATEWAY_BUILD_IMAGE=f"genai-stack/{GATEWAY}:test")
    (stack.root / "kong/kong.yml").write_text(ROUTES)
    page(stack, "web")
    both = ["--service", "web", "--service", GATEWAY]
    stack.up(*both)
    port, before = stack.port(2), stack.identities()[f"{GATEWAY}-1"]
    with load(port) as requests:
        for path in ("/added", "/more"):
            assert ask(port, f"{path}/")[0] == 404
            added = stack.inv("route.add", "--service", "web", "--path", path)
            assert "the running gateway took it" in added.out, added
            assert ask(port, f"{path}/")[0] == 200
            requests.until_more(20)
        (stack.root / "kong/kong.yml").write_text(BEYOND)
        refused = stack.inv("up", *both, "--json")
        assert [problem["code"] for problem in refused.problems] == ["gateway-engine"], refused
        assert "algorithm latency of upstreams" in refused.problems[0]["message"]
        (stack.root / "kong/kong.yml").write_text(BROKEN)
        refused = stack.inv("up", *both, "--json")
        assert [problem["code"] for problem in refused.problems] == ["gateway-config"], refused
        assert ask(port, "/more/")[0] == 200
        requests.until_more(20)
    assert set(requests.statuses) == {"200"}
    # An update that it was not made anew for: what reads its routes may be newer than it is.
    (stack.root / "kong/kong.yml").write_text(ROUTES)
    with (stack.root / "compose/kong-api-gateway/haproxy/check.sh").open("a") as script:
        script.write("# Newer.\n")
    for words in (["route.add", "--service", "web", "--path", "/later"], ["up", "--service", "web"]):
        told = stack.inv(*words)
        assert (told.code, "keeps its routes until: ./inv up" in told.out) == (0, True), told
    assert [ask(port, f"/{name}/")[0] for name in ("later", "more")] == [404, 200]
    assert stack.identities()[f"{GATEWAY}-1"] == before
    stack.up(*both)
    assert ask(port, "/later/")[0] == 200

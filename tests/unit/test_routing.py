"""Where the gateway sends requests: every service of the catalogue, and Kong's order where routes compete."""

from pathlib import Path
from typing import Any, NamedTuple

import pytest

from stack import yamlfile
from stack.errors import StackError
from stack.gateway import routing, uri
from stack.gateway.routing import Match, Miss

ROOT = Path(__file__).parents[2]
SHIPPED = routing.read((ROOT / "kong" / "kong.yml").read_text())
GATE = "localhost:63002"
KEY, PASSWORD, OPEN = "key-auth", "basic-auth", ""


class Row(NamedTuple):
    """A request, and what becomes of it. `service` is the Compose service, empty where the gateway answers itself;
    `sees` is the path that it sees, `auth` what the gateway asks for first, `kept` whether it sees the browser's Host
    header."""

    host: str
    path: str
    route: str
    service: str
    sees: str
    auth: str = OPEN
    kept: bool = False


def at(name: str, path: str, service: str, auth: str = OPEN, route: str = "", kept: bool = True) -> Row:
    """A request to a page with a name of its own, which sees the path as it is."""
    return Row(f"{name}.{GATE}", path, route or name, service, path, auth, kept)


ROWS = [
    Row(GATE, "/", "index", "", ""),
    Row("127.0.0.1:63002", "/", "index", "", ""),
    Row(GATE, "/?next=/backend/", "index", "", ""),
    Row(GATE, "/backend/health", "backend", "backend.upstream:8000", "/health"),
    Row(GATE, "/backend/", "backend", "backend.upstream:8000", "/"),
    Row(GATE, "/backend", "backend", "backend.upstream:8000", "/"),
    Row(GATE, "//backend//services?all=1", "backend", "backend.upstream:8000", "/services"),
    # Supabase
    Row(GATE, "/auth/v1/verify?token=x", "supabase-auth-verify", "supabase-auth:9999", "/verify"),
    Row(GATE, "/auth/v1/callback", "supabase-auth-callback", "supabase-auth:9999", "/callback"),
    Row(GATE, "/auth/v1/authorize", "supabase-auth-authorize", "supabase-auth:9999", "/authorize"),
    Row(GATE, "/auth/v1/.well-known/jwks.json", "supabase-auth-jwks", "supabase-auth:9999", "/.well-known/jwks.json"),
    Row(GATE, "/.well-known/oauth-authorization-server/auth/v1", "supabase-auth-oauth-metadata",
        "supabase-auth:9999", "/.well-known/oauth-authorization-server"),
    Row(GATE, "/auth/v1/sso/saml/acs", "supabase-auth-saml-acs", "supabase-auth:9999", "/sso/saml/acs"),
    Row(GATE, "/auth/v1/sso/saml/metadata", "supabase-auth-saml-metadata", "supabase-auth:9999", "/sso/saml/metadata"),
    Row(GATE, "/auth/v1/token", "supabase-auth", "supabase-auth:9999", "/token", KEY),
    Row(GATE, "/auth/v1/verify/x", "supabase-auth", "supabase-auth:9999", "/verify/x", KEY),
    Row(GATE, "/auth/v1/verifyx", "supabase-auth", "supabase-auth:9999", "/verifyx", KEY),
    Row(GATE, "/auth/v1/x/../verify", "supabase-auth-verify", "supabase-auth:9999", "/verify"),
    Row(GATE, "/rest/v1/todos?select=*", "supabase-api", "supabase-api:3000", "/todos", KEY),
    Row(GATE, "/rest/v1/", "supabase-api-root", "supabase-api:3000", "/", KEY),
    Row(GATE, "/rest/v1", "supabase-api-root", "supabase-api:3000", "/", KEY),
    Row(GATE, "/graphql/v1", "supabase-graphql", "supabase-api:3000", "/rpc/graphql", KEY),
    Row(GATE, "/storage/v1/object/a.png", "supabase-storage", "supabase-storage:5000", "/object/a.png"),
    Row(GATE, "/realtime/v1/websocket?apikey=k", "supabase-realtime",
        "realtime-dev.supabase-realtime:4000", "/socket/websocket", KEY),
    Row(GATE, "/realtime/v1/api/broadcast", "supabase-realtime-api",
        "realtime-dev.supabase-realtime:4000", "/api/broadcast", KEY),
    Row(GATE, "/realtime/v1/api/tenants", "supabase-realtime-closed", "", "", KEY),
    Row(GATE, "/realtime/v1/api/tenants/realtime-dev", "supabase-realtime-closed", "", "", KEY),
    Row(GATE, "/realtime/v1/api/%74enants/x", "supabase-realtime-closed", "", "", KEY),
    Row(GATE, "/pg/tables", "supabase-meta", "supabase-meta:8080", "/tables", KEY),
    at("studio", "/project/default", "supabase-studio:3000", PASSWORD, "supabase-studio"),
    at("studio", "/api/platform/profile", "supabase-studio:3000", PASSWORD, "supabase-studio"),
    Row(f"studio.{GATE}", "/mcp", "supabase-studio-closed", "", "", PASSWORD),
    Row(f"studio.{GATE}", "/api/mcp/x", "supabase-studio-closed", "", "", PASSWORD),
    at("studio", "/mcpx", "supabase-studio:3000", PASSWORD, "supabase-studio"),
    # Models
    Row(GATE, "/ollama/api/tags", "ollama", "ollama:11434", "/api/tags", PASSWORD),
    Row(GATE, "/ollama", "ollama", "ollama:11434", "/", PASSWORD),
    at("litellm", "/v1/chat/completions", "litellm:4000"),
    at("open-web-ui", "/ws/socket.io/?EIO=4", "open-web-ui:8080")._replace(sees="/ws/socket.io/"),
    at("comfyui", "/ws", "comfyui:8188", PASSWORD),
    # Documents and voice
    at("docling", "/v1/convert/file", "docling:5001"),
    at("speaches", "/v1/audio/speech", "speaches:8000", kept=False),
    # Research
    at("searxng", "/search", "searxng:8080", PASSWORD),
    at("local-deep-researcher", "/docs", "local-deep-researcher:2024", PASSWORD),
    # Workflows and notebooks
    at("n8n", "/webhook/x", "n8n:5678"),
    at("n8n", "/", "n8n:5678"),
    at("n8n", "/backend/health", "n8n:5678"),
    at("jupyter", "/api/kernels", "jupyter:8888"),
    # Data stores
    Row(GATE, "/weaviate/v1/meta", "weaviate", "weaviate:8080", "/v1/meta"),
    Row(GATE, "/weaviate", "weaviate", "weaviate:8080", "/"),
    at("qdrant", "/dashboard", "qdrant:6333"),
    Row(GATE, "/elasticsearch/_bulk", "elasticsearch", "elasticsearch:9200", "/_bulk"),
    Row(GATE, "/elasticsearch", "elasticsearch", "elasticsearch:9200", "/"),
    at("neo4j", "/browser/", "neo4j-graph-db:7474"),
    at("rabbitmq", "/api/overview", "rabbitmq:15672"),
    # What watches
    at("prometheus", "/api/v1/query", "prometheus:9090", PASSWORD),
    at("grafana", "/api/live/ws", "grafana:3000"),
    at("jaeger", "/search", "jaeger:16686", PASSWORD),
    Row(GATE, "/zipkin/api/v2/traces", "zipkin", "zipkin:9411", "/zipkin/api/v2/traces", PASSWORD),
    Row(GATE, "/zipkin", "zipkin", "zipkin:9411", "/zipkin", PASSWORD),
    at("consul", "/ui/", "consul:8500", PASSWORD),
]  # fmt: skip


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.host}{row.path}")
def test_a_request_reaches_its_service(row: Row) -> None:
    found = routing.match(SHIPPED, "GET", row.host, row.path)
    assert isinstance(found, Match), found
    assert (found.route, found.upstream, found.path, found.also) == (
        row.route, f"http://{row.service}" if row.service else "", row.sees, (),
    )  # fmt: skip
    assert found.auth == ((row.auth,) if row.auth else ())
    assert found.host == (row.host if row.kept else row.service.replace(".upstream:", ":"))
    assert ("request-termination" in found.plugins) == (row.service == "")


def test_every_route_is_in_the_table() -> None:
    names = {route.value["name"] for route in SHIPPED.found["routes"]}
    assert names == {row.route for row in ROWS}


def test_what_runs_for_every_request_runs_for_each() -> None:
    found = [routing.match(SHIPPED, "GET", row.host, row.path) for row in ROWS]
    everywhere = {"correlation-id": "global", "prometheus": "global", "opentelemetry": "global"}
    assert all(isinstance(one, Match) and everywhere.items() <= one.plugins.items() for one in found)


@pytest.mark.parametrize(
    ("host", "path"),
    [
        (GATE, "/backendx"),
        (GATE, "/backen"),
        (GATE, "/Backend/"),
        (GATE, "/ollamas/api/tags"),
        (GATE, "/weaviate2"),
        (GATE, "/rest/v2/todos"),
        (GATE, "/auth/v1"),
        (GATE, "/pg"),
        (GATE, "/index.html"),
        (GATE, "/n8n/"),
        (GATE, "/project/default"),
        (GATE, "/mcp"),
        (GATE, "/metrics"),
        ("studio.example.com", "/project/default"),
        ("nobody.localhost", "/x"),
        ("xn8n.localhost", "/x"),
        ("n8n.localhost.evil.example", "/x"),
        ("N8N.localhost", "/x"),
        ("kong-api-gateway:8000", "/studio/"),
    ],
)
def test_nothing_else_is_taken(host: str, path: str) -> None:
    assert isinstance(routing.match(SHIPPED, "GET", host, path), Miss)


WITHOUT = {
    "kong-api-gateway": "is the gateway",
    "multi2vec-clip": "Weaviate alone asks it, and it asks nobody who they are",
    "postgres-exporter": "Prometheus alone asks it",
    "redis-exporter": "Prometheus alone asks it",
    "node-exporter": "Prometheus alone asks it",
    "cadvisor": "Prometheus alone asks it",
    "otel-collector": "takes traces from the other services, and has no page",
}
"""The services with an HTTP port on this machine and no route, and why."""


def entries() -> dict[str, dict[str, Any]]:
    """The x-stack entries of the catalogue."""
    files = sorted((ROOT / "compose").glob("*.yml"))
    documents = [yamlfile.load(file.name, file.read_text()) for file in files]
    return {name: entry for document in documents for name, entry in (document.get("x-stack") or {}).items()}


def test_every_http_service_has_a_route_or_a_reason() -> None:
    serving = {name for name, entry in entries().items() if (entry.get("url") or "").startswith("http")}
    published = {name for name, entry in entries().items() if entry.get("ports")}
    routed = {row.service.split(":")[0].removesuffix(".upstream").rpartition(".")[2] for row in ROWS}
    assert serving & published - routed == WITHOUT.keys()


# Kong's order, on small files.


def shape(*routes: str) -> routing.Router:
    """The router of a service at /base with these routes."""
    listed = "".join(f"      - {route}\n" for route in routes)
    return routing.read(
        f'_format_version: "3.0"\nservices:\n  - name: "s"\n    url: "http://s:80/base"\n    routes:\n{listed}'
    )


def taker(table: routing.Router, host: str, path: str, method: str = "GET") -> str:
    found = routing.match(table, method, host, path)
    return found.route if isinstance(found, Match) else ""


@pytest.mark.parametrize(
    ("first", "second", "path"),
    [
        ('{name: "w", hosts: ["a.b"], paths: ["/x"]}', '{name: "l", hosts: ["a.b"]}', "/x"),
        ('{name: "w", hosts: ["a.b"], paths: ["/x"]}', '{name: "l", paths: ["/x/long"]}', "/x/long"),
        ('{name: "w", hosts: ["a.b"]}', '{name: "l", paths: ["/x"]}', "/x"),
        ('{name: "w", hosts: ["a.b"]}', '{name: "l", hosts: ["a.*"]}', "/"),
        ('{name: "w", hosts: ["a.b"]}', '{name: "l", hosts: ["*.b"]}', "/"),
        ('{name: "w", paths: ["/x"]}', '{name: "l", hosts: ["*.b"]}', "/x"),
        ('{name: "w", methods: ["GET"], paths: ["/x"]}', '{name: "l", paths: ["/x/long"]}', "/x/long"),
        ('{name: "w", paths: ["~/x"]}', '{name: "l", paths: ["/x/long"]}', "/x/long"),
        ('{name: "w", paths: ["~/x"], regex_priority: 2}', '{name: "l", paths: ["~/x.*"], regex_priority: 1}', "/xy"),
        ('{name: "w", paths: ["/x/long"]}', '{name: "l", paths: ["/x"]}', "/x/longer"),
        ('{name: "w", paths: ["/a", "/x/long"]}', '{name: "l", paths: ["/x", "~/a/b$"]}', "/x/long"),
    ],
)
def test_the_route_that_asks_for_more_is_taken_whatever_the_order(first: str, second: str, path: str) -> None:
    for table in (shape(first, second), shape(second, first)):
        found = routing.match(table, "GET", "a.b", path)
        assert isinstance(found, Match)
        assert (found.route, found.also) == ("w", ())


def test_a_prefix_takes_more_than_its_segment() -> None:
    assert taker(shape('{name: "v", paths: ["/v1"]}'), "h", "/v1x") == "v"


def test_a_regular_expression_is_anchored_at_its_start_alone() -> None:
    table = shape('{name: "r", paths: ["~/a$"]}', '{name: "o", paths: ["~/open"]}')
    assert taker(table, "h", "/open/x") == "o"
    assert not taker(table, "h", "/x/open")
    assert not taker(table, "h", "/a%0A")


def test_a_route_asks_for_the_port_that_it_names() -> None:
    table = shape('{name: "p", hosts: ["a.b:8000"]}')
    assert taker(table, "a.b:8000", "/") == "p"
    assert not taker(table, "a.b:63002", "/")


def test_routes_of_the_same_rank_are_told() -> None:
    found = routing.match(shape('{name: "b", paths: ["~/x$"]}', '{name: "a", paths: ["~/[x]$"]}'), "GET", "h", "/x")
    assert isinstance(found, Match)
    assert {found.route, *found.also} == {"a", "b"}


@pytest.mark.parametrize(
    ("taken", "other", "request_"),
    [
        ('{name: "w", hosts: ["a.b"]}', '{name: "l", methods: ["GET", "POST"], paths: ["/mp/"]}', "GET a.b /mp/x"),
        ('{name: "w", paths: ["~/rx/\\\\d+$"]}', '{name: "l", methods: ["GET"], paths: ["/rx/"]}', "GET a.b /rx/12"),
        ('{name: "w", hosts: ["a.b"], paths: ["~/x/[a-z]+$"]}',
         '{name: "l", hosts: ["a.b"], methods: ["PUT"], paths: ["/x/"]}', "PUT a.b /x/abc"),
        ('{name: "w", hosts: ["a.b"]}', '{name: "l", hosts: ["*.b"], paths: ["/wp/"]}', "GET a.b /wp/1"),
        ('{name: "w", hosts: [], paths: ["/eh/"]}', '{name: "l", paths: ["/eh/x/"]}', "GET c.d /eh/x/1"),
        ('{name: "w", paths: ["~/x"]}', '{name: "l", hosts: ["*.b"], paths: ["/x"]}', "GET a.b /x"),
    ],
)  # fmt: skip
def test_the_order_is_that_of_kongs_code_not_of_its_documentation(taken: str, other: str, request_: str) -> None:
    method, host, path = request_.split()
    for table in (shape(taken, other), shape(other, taken)):
        found = routing.match(table, method, host, path)
        assert isinstance(found, Match)
        assert (found.route, found.also) == ("w", ())


def test_a_path_goes_on_with_what_may_not_stand_in_a_request_encoded() -> None:
    found = routing.match(shape('{name: "w", paths: ["/x/"]}'), "GET", "h", "/x/a%20b%7B%7D%3C%3E%22%7C%5C%C3%A9/%2f")
    assert isinstance(found, Match)
    assert found.path == "/base/a%20b%7B%7D%3C%3E%22%7C%5C%C3%A9/%2F"


@pytest.mark.parametrize("path", ["/x/%00", "/x/%zz", "/x/%", "/../x", "/x/../../y", "/a b"])
def test_a_malformed_request_is_answered_400(path: str) -> None:
    found = routing.match(shape('{name: "w", paths: ["/"]}'), "GET", "h", path)
    assert isinstance(found, Miss)
    assert found.status == 400


def test_a_host_is_compared_as_it_is_given_and_the_port_at_which_it_is_asked_counts() -> None:
    table = shape('{name: "p", hosts: ["a.b:63002"]}')
    assert isinstance(routing.match(table, "GET", "a.b", "/", 63002), Match)
    assert isinstance(routing.match(table, "GET", "a.b", "/", 80), Miss)
    assert isinstance(routing.match(table, "GET", "A.b:63002", "/"), Miss)


def test_who_does_not_get_a_request_is_told_by_the_same_port() -> None:
    table = shape(
        '{name: "p", hosts: ["a.b:63002"], paths: ["/"], preserve_host: true}',
        '{name: "q", hosts: ["a.b:80", "a.b:63002"]}',
    )
    found = routing.match(table, "GET", "a.b", "/", 63002)
    assert isinstance(found, Match)
    assert (found.route, found.host) == ("p", "a.b")
    assert routing.others(table, "GET", "a.b", "/", 63002) == {"q": "ranks below p"}
    assert routing.others(table, "GET", "a.b", "/", 80) == {"p": "asks for the name a.b:63002"}


def test_a_route_of_a_service_that_is_off_takes_nothing() -> None:
    text = 'services: [{name: "s", url: "http://s", enabled: false, routes: [{paths: ["/x"]}]}]'
    assert not taker(routing.read(text), "h", "/x")


@pytest.mark.parametrize(
    ("method", "host", "path", "why"),
    [
        ("PUT", "a.b", "/x", "not by PUT: w"),
        ("GET", "c.d", "/x", "not under the name c.d: w"),
        ("GET", "a.b", "/y", "no route takes /y under the name a.b"),
    ],
)
def test_a_miss_says_why(method: str, host: str, path: str, why: str) -> None:
    table = shape('{name: "w", hosts: ["a.b"], methods: ["GET"], paths: ["/x"]}')
    assert routing.match(table, method, host, path) == Miss(why)


def test_a_broken_regular_expression_is_named() -> None:
    with pytest.raises(StackError) as caught:
        shape('{name: "r", paths: ["~/(a"]}')
    assert "~/(a: no regular expression to Kong" in caught.value.problems[0].message
    assert caught.value.problems[0].where == "kong/kong.yml: services[0].routes[0].paths"


@pytest.mark.parametrize(
    ("asked", "seen"),
    [
        ("/a/b", "/a/b"),
        ("/a//b", "/a/b"),
        ("/a/./b/.", "/a/b/"),
        ("/a/../b", "/b"),
        ("/../..", "/"),
        ("/a/b/..", "/a/"),
        ("/%61%2f%2F", "/a%2F%2F"),
        ("/a?b=/c", "/a"),
        ("/", "/"),
        ("/a/", "/a/"),
        ("/%C3%A9/", "/é/"),
        ("/é/", "/é/"),
        ("/%7Bid%7D", "/{id}"),
        ("/%FF", "/\udcff"),
    ],
)
def test_the_path_is_made_plain_first(asked: str, seen: str) -> None:
    assert uri.normalized(asked) == seen


@pytest.mark.parametrize(
    ("base", "uri", "prefix", "seen"),
    [
        ("/", "/x/a", "/x/", "/a"),
        ("/", "/x", "/x", "/"),
        ("/", "/x/", "/x", "/"),
        ("/base", "/x/a", "/x", "/base/a"),
        ("/base", "/x/a", "/x/", "/base/a"),
        ("/base", "/x", "/x", "/base"),
        ("/base", "/x/", "/x/", "/base/"),
        ("/base", "/xa", "/x", "/base/a"),
        ("/base/", "/x", "/x", "/base"),
        ("/base/", "/x/", "/x/", "/base/"),
        ("/base/", "/x/a", "/x", "/base/a"),
        ("/base", "/", "/", "/base"),
        ("/base/", "/", "/", "/base/"),
        ("/base", "/x/a", "", "/base/x/a"),
        ("/base/", "/x/a", "", "/base/x/a"),
        ("/base", "/", "", "/base"),
        ("/", "/x/a", "", "/x/a"),
    ],
)
def test_the_services_own_path_comes_first(base: str, uri: str, prefix: str, seen: str) -> None:
    assert routing.joined(base, uri, prefix) == seen


@pytest.mark.parametrize(
    ("address", "sent"),
    [
        ('url: "http://s:80"', "s"),
        ('url: "http://s"', "s"),
        ('url: "https://s"', "s"),
        ('url: "https://s:80"', "s:80"),
        ('url: "http://s:8080/b"', "s:8080"),
        ('host: "s", port: 80', "s"),
        ('host: "s", protocol: "https", port: 443', "s"),
    ],
)
def test_the_service_hears_its_own_name_without_its_usual_port(address: str, sent: str) -> None:
    found = routing.match(routing.read(f'services: [{{{address}, routes: [{{paths: ["/"]}}]}}]'), "GET", "h:1", "/")
    assert isinstance(found, Match)
    assert found.host == sent

"""The gateway's file against the catalogue as Compose merges it: checked, made for each plan, and led to."""

from typing import Any

import pytest

from stack.gateway import declared, entrance, kongfile
from stack.gateway.declared import Route
from stack.running import links, live
from tests import support
from tests.model.refusals import Refusal, Tree, refuses
from tests.model.shipped import CASES, DEFAULT, Case, Made, Shipped
from tests.support import BASE, Checkout, fragment

TIERED = Case(network="tiered")
DATA_STORES = {"weaviate", "qdrant", "neo4j-graph-db", "elasticsearch", "rabbitmq"}
"""The routed services that NETWORK=tiered puts where the gateway can't reach them."""
FILE = "kong/kong.yml"


@pytest.fixture
def shipped(shipped_once: Shipped) -> Shipped:
    """One version of Compose: routes follow from the plan, and that is the same with every version."""
    return shipped_once


def routed(made: Made) -> set[str]:
    """The services that have a route in a plan."""
    return {route.service for route in entrance.of(made.planned).routes}


def everywhere() -> set[str]:
    """The services that have a route in the file."""
    found = declared.routes((support.ROOT / FILE).read_text())
    return {route.service for route in declared.front(found)}


@pytest.mark.parametrize("case", CASES, ids=str)
def test_every_route_leads_to_a_port_that_its_service_has(shipped: Shipped, case: Case) -> None:
    assert entrance.of(shipped.make(case).planned).problems == []


@pytest.mark.parametrize("case", [case for case in CASES if case != TIERED], ids=str)
def test_with_everything_planned_every_route_is_there_whatever_the_sources(shipped: Shipped, case: Case) -> None:
    assert routed(shipped.make(case)) == everywhere()


def test_what_the_gateway_shares_no_network_with_has_no_route(shipped: Shipped) -> None:
    assert everywhere() - routed(shipped.make(TIERED)) == DATA_STORES


@pytest.mark.parametrize("profile", ["core", "supabase", "app", "ai", "tracing", "messaging"])
def test_a_plan_has_the_routes_of_its_services_alone(shipped: Shipped, profile: str) -> None:
    made = shipped.make(DEFAULT, profile)
    names = set(made.planned.plan.names())
    gate = {entrance.SERVICE} <= names
    assert routed(made) == (everywhere() & names if gate else set())
    found = kongfile.entities(kongfile.read(entrance.of(made.planned).config)) if gate else kongfile.Entities()
    reports = {p.value["name"] for p in found["plugins"]} & {"opentelemetry"}
    assert bool(reports) == (gate and "otel-collector" in names)


def test_the_table_names_the_gateways_address_first(shipped: Shipped) -> None:
    made = shipped.make(DEFAULT, "all")
    found = {link.service: (link.url, link.direct, link.user, link.password) for link in links.table(made.planned)}
    dashboard = ("admin", "DASHBOARD_PASSWORD")
    assert found["backend"] == ("http://localhost:63002/backend/", "http://localhost:63016/", "", "")
    assert found["supabase-studio"] == ("http://studio.localhost:63002/", "", *dashboard)
    assert found["ollama"] == ("http://localhost:63002/ollama/", "http://localhost:63012/", *dashboard)
    assert found["zipkin"] == ("http://localhost:63002/zipkin/", "http://localhost:63119/zipkin/", *dashboard)
    assert found["n8n"] == (
        "http://n8n.localhost:63002/", "http://localhost:63017/", "admin@localhost.local", "N8N_OWNER_PASSWORD",
    )  # fmt: skip
    assert found["jupyter"][:2] == ("http://jupyter.localhost:63002/lab", "http://localhost:63105/lab")
    assert found["redis"] == ("redis://localhost:63001", "", "", "")
    assert found["otel-collector"][:2] == ("http://localhost:63117/", "")


def test_without_a_gateway_the_table_has_direct_addresses_alone(shipped: Shipped) -> None:
    made = shipped.make(DEFAULT, "tracing")
    found = {link.service: (link.url, link.direct) for link in links.table(made.planned)}
    assert found["zipkin"] == ("http://localhost:63119/zipkin/", "")


def test_the_backends_page_links_to_the_gateways_addresses(shipped: Shipped) -> None:
    document: Any = live.plan_document(shipped.make(DEFAULT, "all").planned)
    found = {service["name"]: service["link"] for service in document["services"]}
    assert found["grafana"] == "http://grafana.localhost:63002/"
    assert found["supabase-studio"] == "http://studio.localhost:63002/"
    assert found["supabase-imgproxy"] is None


GATE = """ports: ["127.0.0.1:${KONG_HTTP_PORT}:8000"]
environment: {ANON_KEY: "k", KONG_PLUGINS: "${KONG_PLUGINS:-correlation-id,key-auth}"}"""
WEB = """ports: ["127.0.0.1:${WEB_PORT}:8080"]
expose: ["9090"]"""
SMALL = {
    "compose/base.yml": BASE,
    "compose/web.yml": fragment("web", "ports: {WEB_PORT: 21}, url: 'http://web:80'", WEB),
    "compose/kong-api-gateway.yml": fragment(entrance.SERVICE, "ports: {KONG_HTTP_PORT: 2}", GATE),
    FILE: """_format_version: "3.0"
services:
  - {name: "web", url: "http://web:8080", routes: [{name: "web", hosts: ["web.localhost"]}]}
  - {name: "more", url: "http://web:9090", routes: [{name: "more", paths: ["/more/"]}]}
  - {name: "main", url: "http://web:80", routes: [{name: "main", paths: ["/main/"]}]}
plugins: [{name: "key-auth"}]
consumers: [{username: "anon", keyauth_credentials: [{key: "${ANON_KEY}"}]}]
""",
}
"""A gateway, and a service with three ports: one published, one exposed, one in its address."""
PLACE = f"{FILE}:3: services[0].url"
LISTENS = Refusal("gateway-upstream", "web listens on 80, 8080, 9090, not on 8081", PLACE, "edit")


@pytest.fixture
def small(tree: Tree) -> Checkout:
    """A checkout of a gateway and one service."""
    return tree(SMALL)


def mistaken(checkout: Checkout, old: str = "web:8080", new: str = "web:8081") -> Checkout:
    """The same with something else in the gateway's file."""
    assert old in SMALL[FILE]
    checkout.write(FILE, SMALL[FILE].replace(old, new, 1))
    return checkout


def test_the_public_name_is_in_routes_and_links(small: Checkout) -> None:
    data = small.inv_json("eject", "--output", "out", env={"PUBLIC_HOST": "Box.lan"}).data
    assert ".stack/gateway/kong.yml" in data["files"]
    config = (small.root / "out/.stack/gateway/kong.yml").read_text()
    assert Route("web.box.lan", "/", "web", ("key-auth",)) in declared.routes(config)


def test_a_plan_without_a_gateway_is_ejected_without_routes_and_its_file_is_not_looked_at(small: Checkout) -> None:
    data = mistaken(small).inv_json("eject", "--output", "out", "--service", "web").data
    assert ".stack/gateway/kong.yml" not in data["files"]


def test_a_mistake_in_the_file_is_told_beside_the_plan(small: Checkout) -> None:
    planned = mistaken(small).inv_json("plan")
    assert planned.code == 1
    assert {service["name"] for service in planned.json["data"]["services"]} == {entrance.SERVICE, "web"}
    assert LISTENS.said in {problem["message"] for problem in planned.problems}


@pytest.mark.parametrize("words", ["up", "eject --output out"])
def test_a_mistake_in_the_file_stops_what_would_use_it(small: Checkout, words: str) -> None:
    refuses(mistaken(small), words, LISTENS)


@pytest.mark.parametrize(
    ("old", "new", "refusal"),
    [
        ('["web.localhost"]', "[*web]", Refusal("yaml", "undefined alias", f"{FILE}:3", "edit kong/kong.yml:3")),
        ("${ANON_KEY}", "${OTHER}", Refusal("gateway-secret", "${OTHER} is not known", FILE, "container has ANON_KEY")),
        ('"key-auth"', '"cors"',
         Refusal("gateway-plugin", "does not load the plugin cors", FILE, "KONG_PLUGINS correlation-id,key-auth,cors")),
    ],
)  # fmt: skip
def test_the_file_may_use_what_the_gateways_container_has(
    small: Checkout, old: str, new: str, refusal: Refusal
) -> None:
    refuses(mistaken(small, old, new), "up", refusal)


def test_a_gateway_that_loads_every_plugin_may_use_every_plugin(small: Checkout) -> None:
    changed = mistaken(small, '"key-auth"', '"cors"')
    assert changed.inv_json("plan", env={"KONG_PLUGINS": "bundled"}).code == 0


def test_what_was_made_once_is_kept_until_the_file_changes(small: Checkout) -> None:
    assert small.inv_json("plan").code == 0
    [kept] = (small.root / ".stack/cache").glob("entrance-*.json")
    kept.write_text(kept.read_text().replace('"problems":[]', '"problems":[{"code":"kept","message":"kept"}]'))
    assert "kept" in {problem["code"] for problem in small.inv_json("plan").problems}
    mistaken(small, "/more/", "/other/")
    assert "kept" not in {problem["code"] for problem in small.inv_json("plan").problems}

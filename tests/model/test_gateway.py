"""The gateway's file against the catalogue as Compose merges it: checked, made for each plan, and led to."""

from typing import Any

import pytest

from stack import entrance, gateway, kongfile, links, live
from stack.gateway import Route
from tests.model.refusals import Refusal, refuses
from tests.model.shipped import CASES, DEFAULT, Case, Made, Shipped
from tests.support import Checkout

TIERED = Case(network="tiered")
DATA_STORES = {"weaviate", "qdrant", "neo4j-graph-db", "elasticsearch", "rabbitmq"}
"""The routed services that NETWORK=tiered puts where the gateway can't reach them."""
FILE = "kong/kong.yml"


def routed(made: Made) -> set[str]:
    """The services that have a route in a plan."""
    return {route.service for route in entrance.of(made.planned).routes}


def everywhere() -> set[str]:
    """The services that have a route in the file."""
    from tests import support

    found = gateway.routes((support.ROOT / FILE).read_text())
    return {route.service for route in gateway.front(found)}


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


def test_the_public_name_is_in_routes_and_links(checkout: Checkout) -> None:
    data = checkout.inv_json("eject", "--output", "out", "--profile", "automation", "--profile", "app", "--exact",
                             env={"PUBLIC_HOST": "Box.lan"}).data  # fmt: skip
    assert ".stack/gateway/kong.yml" in data["files"]
    config = (checkout.root / "out/.stack/gateway/kong.yml").read_text()
    assert Route("n8n.box.lan", "/", "n8n", (), strip=False) in gateway.routes(config)
    assert "http://n8n.box.lan:63002/" in config


def test_a_plan_without_a_gateway_is_ejected_without_routes(checkout: Checkout) -> None:
    data = checkout.inv_json("eject", "--output", "out", "--service", "redis").data
    assert ".stack/gateway/kong.yml" not in data["files"]


def broken(checkout: Checkout, old: str = "http://n8n:5678", new: str = "http://n8n:5679") -> None:
    """A mistake in the gateway's file."""
    path = checkout.root / FILE
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


PORT = Refusal("gateway-upstream", "n8n listens on 5678, not on 5679", f"{FILE}: services[", "edit kong/kong.yml")


def test_a_mistake_in_the_file_is_told_beside_the_plan_and_stops_up(checkout: Checkout) -> None:
    broken(checkout)
    planned = checkout.inv_json("plan")
    assert planned.code == 1
    assert {service["name"] for service in planned.json["data"]["services"]} >= {entrance.SERVICE, "backend"}
    [problem] = [problem for problem in planned.problems if problem["code"].startswith("gateway")]
    assert PORT.said in problem["message"]
    refuses(checkout, "up", PORT)
    refuses(checkout, "eject --output out", PORT)


def test_what_is_no_yaml_is_told_with_its_line(checkout: Checkout) -> None:
    broken(checkout, "plugins: [*password]", "plugins: [*pasword]")
    refuses(checkout, "up", Refusal("yaml", "undefined alias", f"{FILE}:", "edit kong/kong.yml"))


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('"${DASHBOARD_PASSWORD}"', '"${REDIS_PASSWORD}"', "${REDIS_PASSWORD} is not known to the gateway"),
        ('name: "correlation-id"', 'name: "proxy-cache"', "the gateway does not load the plugin proxy-cache"),
    ],
)
def test_the_file_may_use_what_the_gateways_container_has(checkout: Checkout, old: str, new: str, said: str) -> None:
    broken(checkout, old, new)
    assert any(said in problem["message"] for problem in checkout.inv_json("plan").problems)


def test_a_gateway_that_loads_every_plugin_may_use_every_plugin(checkout: Checkout) -> None:
    broken(checkout, 'name: "correlation-id"', 'name: "proxy-cache"')
    assert checkout.inv_json("plan", env={"KONG_PLUGINS": "bundled"}).code == 0


def test_without_a_planned_gateway_its_file_is_not_looked_at(checkout: Checkout) -> None:
    broken(checkout)
    assert checkout.inv_json("plan", "--service", "redis").code == 0


def test_what_was_made_once_is_kept_until_the_file_changes(checkout: Checkout) -> None:
    assert checkout.inv_json("plan").code == 0
    [kept] = (checkout.root / ".stack/cache").glob("entrance-*.json")
    kept.write_text(kept.read_text().replace('"problems":[]', '"problems":[{"code":"kept","message":"kept"}]'))
    assert "kept" in {problem["code"] for problem in checkout.inv_json("plan").problems}
    broken(checkout, "# The gateway's routes", "# Routes of the gateway")
    assert "kept" not in {problem["code"] for problem in checkout.inv_json("plan").problems}

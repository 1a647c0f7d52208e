"""What a plan adds to and takes from the gateway's file besides its routes: reports, the page of links, names."""

import html
import re
from pathlib import Path
from typing import Any

import pytest

from stack.gateway import indexpage, kongfile, routing
from stack.gateway.declared import Route, Site, front, routes, url
from stack.gateway.effective import REPORTERS, effective, serving
from stack.gateway.indexpage import Row

KONG_YML = (Path(__file__).parents[2] / "kong" / "kong.yml").read_text()
SITE = Site("localhost", 63002)


def plugins(text: str) -> dict[str, Any]:
    """The configuration of each plugin by name."""
    return {p.value["name"]: p.value.get("config") for p in kongfile.entities(kongfile.read(text))["plugins"]}


def reporting(name: str, config: str) -> str:
    return f'_format_version: "3.0"\nplugins: [{{name: "{name}", config: {config}}}]\n'


def test_traces_are_sent_where_their_receiver_is_planned_and_only_there() -> None:
    assert "opentelemetry" not in plugins(effective(KONG_YML, {"backend", "jaeger"}))
    assert "opentelemetry" in plugins(effective(KONG_YML, {"otel-collector"}))
    assert {"correlation-id", "prometheus"} <= plugins(effective(KONG_YML, set())).keys()


@pytest.mark.parametrize(
    ("name", "config", "stays"),
    [
        ("http-log", '{http_endpoint: "http://logs:9000/in"}', False),
        ("http-log", '{http_endpoint: "http://Logs/in"}', False),
        ("http-log", '{http_endpoint: "http://redis:1/in"}', True),
        ("http-log", '{http_endpoint: "https://logs.example.com/in"}', True),
        ("http-log", '{http_endpoint: "http://127.0.0.1:9000"}', True),
        ("http-log", '{http_endpoint: "http://localhost:9000"}', True),
        ("opentelemetry", '{traces_endpoint: "http://redis:1", logs_endpoint: "http://logs:1"}', False),
        ("statsd", '{host: "logs"}', False),
        ("statsd", '{host: "redis", prefix: "logs"}', True),
        ("statsd", '{nested: [{host: "logs"}]}', False),
        ("statsd", "null", True),
        # What is no report stays, whatever it names: a route must not lose its guard.
        ("rate-limiting", '{redis: {host: "logs"}}', True),
        ("request-termination", '{body: "http://logs:1"}', True),
        ("ldap-auth", '{ldap_host: "logs"}', True),
    ],
)
def test_a_report_goes_with_its_receiver_and_nothing_else_does(name: str, config: str, stays: bool) -> None:
    assert (name in plugins(effective(reporting(name, config), {"redis"}))) is stays


def test_no_plugin_that_guards_a_route_is_a_report() -> None:
    guards = {"acl", "basic-auth", "key-auth", "ip-restriction", "rate-limiting", "request-termination"}
    assert not guards & REPORTERS


def page(planned: set[str], site: Site = SITE) -> str:
    """What the gateway answers to a request for /."""
    text = effective(KONG_YML, planned, site)
    found = routing.match(routing.read(text), "GET", site.host, "/")
    assert isinstance(found, routing.Match)
    assert found.plugins["request-termination"] == "route"
    config = plugins(text)["request-termination"]
    assert (config["status_code"], config["content_type"]) == (200, "text/html; charset=utf-8")
    body: str = config["body"]
    return body


def links(text: str) -> dict[str, str]:
    """The links of a page as a browser reads them: name and address."""
    found = re.findall(r'<a href="([^"]*)">([^<]*)</a>', text)
    return {html.unescape(name): html.unescape(address) for address, name in found}


def test_the_index_links_what_is_planned_and_says_what_is_asked_for() -> None:
    text = page({"backend", "n8n", "ollama", "supabase-api", "supabase-studio"})
    assert links(text) == {
        "backend": "/backend/",
        "supabase-api": "/rest/v1/",
        "supabase-studio": "http://studio.localhost:63002/",
        "ollama": "/ollama/",
        "n8n": "http://n8n.localhost:63002/",
    }
    assert re.findall(r">([\w-]+)</a><small>\S+ \(asks for (.*?)\)", text) == [
        ("supabase-api", "a key"),
        ("supabase-studio", "a password"),
        ("ollama", "a password"),
    ]


def test_the_index_says_what_each_is_and_where() -> None:
    text = page({"n8n"}, Site("localhost", 63002, abouts={"n8n": "Workflows & <more>"}))
    assert "n8n</a> <span>Workflows &amp; &lt;more&gt;</span><small>http://n8n.localhost:63002/</small>" in text


def test_the_index_leads_to_the_services_pages_under_the_public_name() -> None:
    site = Site("Box.lan", 80, {"jupyter": "/lab", "zipkin": "/zipkin/", "weaviate": "/v1"})
    assert links(page({"jupyter", "weaviate", "zipkin"}, site)) == {
        "jupyter": "http://jupyter.box.lan/lab",
        "weaviate": "/weaviate/v1",
        "zipkin": "/zipkin/",
    }


def test_names_below_an_address_are_no_links() -> None:
    assert links(page({"backend", "n8n"}, Site("10.1.2.3", 63002))) == {"backend": "/backend/"}


def test_without_routes_the_index_says_so() -> None:
    text = page({"redis"})
    assert links(text) == {}
    assert "No route is planned." in text


def test_every_link_of_the_index_leads_to_its_service() -> None:
    planned = {route.service for route in routes(KONG_YML)}
    text = effective(KONG_YML, planned, SITE)
    table = routing.read(text)
    found = links(plugins(text)["request-termination"]["body"])
    assert found.keys() == planned - {""}
    for service, address in found.items():
        host, path = re.fullmatch(r"(?:http://([^/]+))?(/.*)", address).groups()  # type: ignore[union-attr]
        taken = routing.match(table, "GET", host or "localhost:63002", path)
        assert isinstance(taken, routing.Match)
        assert service in taken.upstream


def test_the_index_says_which_engine_serves_it() -> None:
    for engine in ("Kong", "HAProxy"):
        text = kongfile.write(serving(KONG_YML, {"n8n"}, SITE, engine=engine))
        assert f"{engine} serves here." in plugins(text)["request-termination"]["body"]


def test_the_index_escapes_what_it_shows_and_holds_nothing_that_is_replaced_at_the_start() -> None:
    text = indexpage.page([Row('<b>"${DASHBOARD_PASSWORD}"', '/"><script>$', "a <key>")])
    assert "<script>" not in text
    assert "<b>" not in text
    assert "$" not in text
    assert "\n" not in text
    assert links(text) == {'<b>"${DASHBOARD_PASSWORD}"': '/"><script>$'}


def test_only_the_route_named_index_gets_the_page() -> None:
    text = """
_format_version: "3.0"
routes:
  - {name: "index", paths: ["~/$"], plugins: [{name: "cors"}, {name: "request-termination"}]}
  - {name: "closed", paths: ["/closed/"], plugins: [{name: "request-termination", config: {body: "no"}}]}
"""
    found = kongfile.read(effective(text, set()))["routes"]
    assert found[0]["plugins"][0] == {"name": "cors"}
    assert found[0]["plugins"][1]["config"]["body"].startswith("<!DOCTYPE html>")
    assert found[1]["plugins"][0]["config"] == {"body": "no"}


def test_names_are_written_in_small_letters_as_browsers_send_them() -> None:
    text = effective(KONG_YML, {"n8n"}, Site("Box.Lan"))
    assert Route("n8n.box.lan", "/", "n8n", (), strip=False) in routes(text)


def test_of_several_routes_the_shortest_one_that_takes_all_is_named() -> None:
    found = [
        Route("", "/a/b/", "s", ()),
        Route("", "/a", "s", ()),
        Route("", "/a/", "s", ("key-auth",)),
        Route("*.s.localhost", "/", "s", ()),
        Route("", "/", "", ()),
        Route("t.localhost", "/", "t", ()),
    ]
    assert front(found) == [Route("", "/a/", "s", ("key-auth",)), Route("t.localhost", "/", "t", ())]


@pytest.mark.parametrize(("port", "address"), [(63002, "http://a.localhost:63002/"), (None, "http://a.localhost/")])
def test_an_address_has_the_published_port(port: int | None, address: str) -> None:
    assert url(Route("a.localhost", "/", "a", ()), Site("localhost", port)) == address

"""`inv route.*`: the gateway's file edited in place, and a request tried without a gateway."""

import pytest

from stack.errors import FAILED, USAGE
from tests.model.refusals import Refusal, Tree, refuses
from tests.support import BASE, Checkout, fragment

FILE = "kong/kong.yml"
GATE = """ports: ["127.0.0.1:${KONG_HTTP_PORT}:8000"]
environment: {ANON_KEY: "k", KONG_PLUGINS: "${KONG_PLUGINS:-basic-auth,key-auth}"}"""
KONG = """# Ours.
_format_version: "3.0"
services:
  # The page.
  - {name: "web", url: "http://web:80", routes: [{name: "web", hosts: ["web.localhost"]}]}   # as it was
plugins: [{name: "key-auth"}]
consumers: [{username: "anon", keyauth_credentials: [{key: "${ANON_KEY}"}]}]
"""
WEB = """ports: ["127.0.0.1:${WEB_PORT}:8080"]"""


@pytest.fixture
def gate(tree: Tree) -> Checkout:
    """A gateway with one route, and two services, one of them in no profile that is selected."""
    return tree({
        "compose/base.yml": BASE,
        "compose/web.yml": fragment("web", "ports: {WEB_PORT: 21}, url: 'http://web:80'", WEB),
        "compose/more.yml": fragment("more", "", 'expose: ["9090"]').replace("core", "extra"),
        "compose/kong-api-gateway.yml": fragment("kong-api-gateway", "ports: {KONG_HTTP_PORT: 2}", GATE),
        FILE: KONG,
    })  # fmt: skip


def file(checkout: Checkout) -> bytes:
    return (checkout.root / FILE).read_bytes()


@pytest.mark.parametrize(("source", "engine"), [("container", "Kong"), ("build", "HAProxy")])
def test_every_word_about_the_gateway_says_which_engine_serves(gate: Checkout, source: str, engine: str) -> None:
    (gate.root / "overrides/kong-api-gateway").mkdir(parents=True)
    (gate.root / "overrides/kong-api-gateway/build.yml").write_text("services:\n  kong-api-gateway: {image: proxy}\n")
    env = {"KONG_API_GATEWAY_SOURCE": source}
    said = f"{engine} serves at the gateway, from source {source}"
    for words in (("route.list",), ("route.test", "GET", "http://web.localhost/")):
        assert gate.inv_json(*words, env=env).data["engine"] == engine
        assert said in gate.inv(*words, env=env).out
    told = gate.inv("doctor", "--check", "gateway-config", env=env)
    assert f"{engine} serves at the gateway" in told.out, told


def test_a_route_is_added_listed_met_and_removed(gate: Checkout) -> None:
    before = file(gate)
    shown = gate.inv("route.add", "--service", "more", "--path", "/more", "--dry-run")
    assert '+  - name: "more"' in shown.out
    assert file(gate) == before

    assert gate.inv("route.add", "--service", "more", "--path", "/more").code == 0
    assert set(before.splitlines()) <= set(file(gate).splitlines())
    listed = {row["name"]: row for row in gate.inv_json("route.list").data["routes"]}
    assert (listed["more"]["path"], listed["more"]["service"], listed["more"]["planned"]) == ("/more/", "more", False)
    assert listed["web"]["url"] == "http://web.localhost:63002/"

    met = gate.inv_json("route.test", "get", "http://any.localhost/more/x?y").data
    assert (met["route"], met["upstream"], met["path"]) == ("more", "http://more:9090", "/x")
    assert met["plugins"] == {"key-auth": "global"}
    assert not met["planned"]
    told = gate.inv("route.test", "GET", "http://any.localhost/more/x").out
    assert "more is not planned, so the route more is not there now" in told

    assert gate.inv("route.remove", "--name", "more").code == 0
    assert file(gate) == before


def test_health_checks_come_and_go_with_their_route(gate: Checkout) -> None:
    before = file(gate)
    words = ("--service", "web", "--host", "safe", "--auth", "key", "--health-checks")
    assert gate.inv("route.add", *words).code == 0
    assert b"healthchecks" in file(gate)
    met = gate.inv_json("route.test", "GET", "http://safe.localhost/").data
    assert (met["compose_service"], met["planned"], met["auth"]) == ("web", True, ["key-auth"])
    assert gate.inv("route.remove", "--name", "web-safe").code == 0
    assert file(gate) == before


def test_all_routes_of_a_service_go_together_and_the_next_request_finds_none(gate: Checkout) -> None:
    assert gate.inv("route.add", "--service", "web", "--path", "/pages").code == 0
    assert gate.inv("route.remove", "--service", "web").code == 0
    assert b"web" not in file(gate)
    refuses(gate, "route.test GET http://web.localhost/", Refusal("no-route", "no route takes /", "GET", "route.list"))


def test_a_byte_order_mark_and_the_line_ends_of_another_system_stay(gate: Checkout) -> None:
    odd = ("\ufeff" + KONG.replace("\n", "\r\n")).encode()
    (gate.root / FILE).write_bytes(odd)
    assert gate.inv("route.add", "--service", "web", "--path", "/x", "--health-checks").code == 0
    assert gate.inv("route.remove", "--name", "web-x").code == 0
    assert file(gate) == odd


OPEN = {"BIND_ADDRESS": "0.0.0.0"}


@pytest.mark.parametrize(
    ("words", "refusal", "code"),
    [
        ("--service wbe --path /x", Refusal("unknown-service", "unknown service 'wbe'", "--service", '"web"?'), USAGE),
        ("--service web", Refusal("usage", "a route has a path or a host", "--path", "/my-service"), USAGE),
        ("--service web --path /x --port 81", Refusal("gateway-upstream", "not on 81", FILE, "edit"), FAILED),
        ("--service web --path /x --auth basic", Refusal("gateway-auth", "no consumer has", FILE, "edit"), FAILED),
        ("--service web --host web", Refusal("gateway-route", "route web", FILE, "another path"), FAILED),
        ("--service more --host web", Refusal("gateway-route", "route web", FILE, "another path"), FAILED),
    ],
)  # fmt: skip
def test_a_route_that_can_not_be_changes_nothing(gate: Checkout, words: str, refusal: Refusal, code: int) -> None:
    refuses(gate, f"route.add {words}", refusal, exit_code=code)


def test_an_open_route_beyond_this_machine_is_meant_or_refused(gate: Checkout) -> None:
    refusal = Refusal("open-route", "ask nobody who it is", "--auth", "--auth basic, or --auth none")
    refuses(gate, "route.add --service web --path /x", refusal, exit_code=USAGE, env=OPEN, in_words=True)
    assert gate.inv("route.add", "--service", "web", "--path", "/x", "--auth", "none", env=OPEN).code == 0


@pytest.mark.parametrize(
    ("text", "refusal"),
    [
        (KONG.replace("  - {", "\t- {"), Refusal("yaml", "", f"{FILE}:5", "edit")),
        (KONG + "services: []\n", Refusal("yaml", "duplicate", f"{FILE}:8", "edit")),
        (KONG + "---\n" + KONG, Refusal("yaml", "document", f"{FILE}", "edit")),
    ],
    ids=["tab", "duplicate key", "two documents"],
)
def test_a_file_that_is_not_read_is_not_written(gate: Checkout, text: str, refusal: Refusal) -> None:
    gate.write(FILE, text)
    refuses(gate, "route.add --service web --path /x", refusal)


@pytest.mark.parametrize(
    ("words", "refusal"),
    [
        ("", Refusal("usage", "takes --service or --name", "route.remove", "route.list")),
        ("--name wbe", Refusal("unknown-route", "there is no route 'wbe'", "--name", '"web"?')),
        ("--service more", Refusal("unknown-route", "no route leads to 'more'", "--service", "route.list")),
    ],
)
def test_what_is_not_there_is_not_removed(gate: Checkout, words: str, refusal: Refusal) -> None:
    refuses(gate, f"route.remove {words}", refusal, exit_code=USAGE)


def test_what_is_listed_and_met_is_what_the_gateway_gets(checkout: Checkout) -> None:
    """Of the shipped catalogue with the core alone: no address leads to a 404, and no plugin runs that is not there."""
    env = {"STACK_PROFILES": "core", "PUBLIC_HOST": "box.lan", "DOCKER_HOST": "tcp://127.0.0.1:1"}
    rows = checkout.inv_json("route.list", env=env).data["routes"]
    assert {row["name"] for row in rows if row["url"] or row["planned"]} == {"backend", "index"}
    assert {row["host"] for row in rows if row["name"] == "n8n"} == {"n8n.box.lan"}
    met = checkout.inv_json("route.test", "GET", "http://box.lan/backend/x", env=env).data
    assert (met["planned"], "opentelemetry" in met["plugins"]) == (True, False)
    told = checkout.inv("route.test", "GET", "http://studio.box.lan/mcp/", env=env).out
    assert "supabase-studio is not planned, so the route supabase-studio-closed is not there now" in told
    # The page of links takes what nobody else does.
    other = checkout.inv("route.test", "GET", "http://n8n.box.lan/", env=env).out
    assert "index → answered by the gateway itself" in other
    assert "n8n is not planned, so the route n8n is not there now" in other
    traced = checkout.inv_json(
        "route.test", "GET", "http://box.lan/backend/x", env={**env, "STACK_PROFILES": "core tracing"}
    )
    assert "opentelemetry" in traced.data["plugins"]


def test_a_service_with_a_way_in_gets_a_second_one_of_the_same_word(gate: Checkout) -> None:
    assert gate.inv("route.add", "--service", "more", "--host", "more", "--auth", "key").code == 0
    one = file(gate)
    assert "added more-path: /more to more:9090" in gate.inv("route.add", "--service", "more", "--path", "/more").out
    assert {row["name"] for row in gate.inv_json("route.list").data["routes"]} == {"web", "more", "more-path"}
    assert gate.inv("route.remove", "--name", "more-path").code == 0
    assert file(gate) == one


def test_an_open_way_in_beside_a_protected_one_is_told(gate: Checkout) -> None:
    gate.write(FILE, KONG.replace('{name: "key-auth"}', '{name: "key-auth", service: "web"}'))
    (told,) = gate.inv_json("route.add", "--service", "web", "--path", "/web", "--port", "8080").problems
    assert told["code"] == "open-door"
    assert told["message"].startswith(
        "web-path, /web at the gateway, asks nobody who it is, though web (key-auth) asks"
    )
    first, second = told["fix"].split(" && ")
    assert gate.inv(*first.split()[1:]).code == 0
    assert gate.inv_json(*second.replace("basic", "key").split()[1:]).problems == []
    assert gate.inv_json("route.test", "GET", "/web/x").data["auth"] == ["key-auth"]


def test_a_port_that_a_route_asks_for_is_the_one_at_which_the_gateway_is_reached(gate: Checkout) -> None:
    gate.write(FILE, KONG.replace('"web.localhost"', '"web.localhost:63002"'))
    assert gate.inv_json("route.test", "GET", "http://web.localhost/").data["route"] == "web"


@pytest.mark.parametrize(
    ("words", "said", "where"),
    [
        ("FETCH /x", "'FETCH' is no method of HTTP", "METHOD"),
        ("GET nonsense", "'nonsense' is no address and no path", "URL"),
        ("GET ftp://x.localhost/", "is no address and no path", "URL"),
        ("GET http://x.localhost:99999/", "is no address and no path", "URL"),
    ],
)
def test_a_request_that_nobody_sends_is_told_as_that(gate: Checkout, words: str, said: str, where: str) -> None:
    told = gate.inv_json("route.test", *words.split())
    assert (told.code, told.problems[0]["code"], told.problems[0]["where"]) == (USAGE, "usage", where)
    assert said in told.problems[0]["message"]

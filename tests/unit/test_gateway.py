"""The effective routes of a plan, and what is read off them."""

from pathlib import Path

import pytest

from stack.errors import StackError
from stack.gateway import kongfile
from stack.gateway.declared import Route, compose_service, literal, routes
from stack.gateway.effective import effective

KONG_YML = (Path(__file__).parents[2] / "kong" / "kong.yml").read_text()

SAMPLE = """\
_format_version: "3.0"
services:
  - name: "rest"
    url: "http://supabase-api:3000/"
    plugins: [{name: "key-auth"}, {name: "acl", config: {allow: ["anon"]}}]
    routes:
      - name: "rest"
        paths: ["/rest/v1/"]
  - name: "realtime"
    host: "realtime-dev.supabase-realtime"
    port: 4000
    routes: [{name: "realtime", paths: ["/realtime/v1/", "~/realtime/v1$"]}]
  - name: "n8n"
    url: "http://n8n:5678"
  - name: "pool"
    host: "ollamas"
  - name: "outside"
    url: "https://example.com/"
routes:
  - {name: "n8n", service: "n8n", hosts: ["n8n.localhost"]}
  - {name: "pool", service: "pool", paths: ["/ollama/"], plugins: [{name: "basic-auth"}]}
  - {name: "nothing", paths: ["/nothing/"]}
upstreams:
  - name: "ollamas"
    targets: [{target: "ollama:11434"}, {target: "ollama-gpu:11434"}]
consumers:
  - {username: "anon", keyauth_credentials: [{key: "${SUPABASE_ANON_KEY}"}], acls: [{group: "anon"}]}
  - {username: "on", basicauth_credentials: [{username: "12:30", password: "${DASHBOARD_PASSWORD}"}]}
plugins:
  - {name: "correlation-id"}
  - {name: "cors", service: "n8n"}
  - {name: "cors", route: "pool"}
"""


def names(text: str, kind: str) -> list[str]:
    entities = kongfile.entities(kongfile.read(text))[kind]
    return [str(entity.value.get("name", entity.value.get("username"))) for entity in entities]


def test_a_service_that_is_not_planned_goes_with_its_routes_and_plugins() -> None:
    text = effective(SAMPLE, {"supabase-api"})
    assert names(text, "services") == ["rest"]
    assert set(names(text, "routes")) == {"rest", "nothing"}
    assert set(names(text, "plugins")) == {"correlation-id", "key-auth", "acl"}
    assert "example.com" not in text
    assert "n8n" not in text


def test_an_alias_in_front_of_a_service_is_that_service() -> None:
    assert "realtime" in names(effective(SAMPLE, {"supabase-realtime"}), "services")


def test_a_plugin_and_a_route_that_refer_to_a_planned_service_by_name_stay() -> None:
    text = effective(SAMPLE, {"n8n"})
    assert "n8n" in names(text, "routes")
    assert names(text, "plugins").count("cors") == 1


def test_an_upstream_keeps_its_planned_targets_and_goes_with_the_last() -> None:
    assert "ollama:11434" in effective(SAMPLE, {"ollama"})
    assert "ollama-gpu" not in effective(SAMPLE, {"ollama"})
    assert "pool" in names(effective(SAMPLE, {"ollama-gpu"}), "services")
    assert names(effective(SAMPLE, {"n8n"}), "upstreams") == []
    assert "pool" not in names(effective(SAMPLE, {"n8n"}), "routes")


def test_consumers_and_global_plugins_stay_without_any_service() -> None:
    text = effective(SAMPLE, set())
    assert names(text, "consumers") == ["anon", "on"]
    assert names(text, "plugins") == ["correlation-id"]
    assert "${SUPABASE_ANON_KEY}" in text


def test_strings_that_yaml_1_1_would_misread_are_quoted() -> None:
    text = effective(SAMPLE, set())
    assert 'username: "on"' in text
    assert 'username: "12:30"' in text


def test_the_backend_is_reached_below_its_path_and_without_a_credential() -> None:
    assert Route("", "/backend/", "backend", ()) in routes(KONG_YML)


def test_routes_tell_host_path_service_and_what_asks_for_a_credential() -> None:
    assert routes(SAMPLE) == [
        Route("", "/rest/v1/", "supabase-api", ("key-auth",)),
        Route("", "/realtime/v1/", "supabase-realtime", ()),
        Route("n8n.localhost", "/", "n8n", ()),
        Route("", "/ollama/", "ollama", ("basic-auth",)),
        Route("", "/nothing/", "", ()),
    ]


def test_a_disabled_service_has_no_routes_and_a_disabled_plugin_asks_nobody() -> None:
    text = """
_format_version: "3.0"
services:
  - {url: "http://a:1", enabled: false, routes: [{paths: ["/a/"]}]}
  - {url: "http://b:1", routes: [{paths: ["/b/"], plugins: [{name: "key-auth", enabled: false}]}]}
"""
    assert routes(text) == [Route("", "/b/", "b", ())]


@pytest.mark.parametrize(
    ("path", "typed"),
    [
        ("/a/", "/a/"),
        ("~/a$", "/a"),
        ("~/a(/|$)", "/a"),
        (r"~/v1\.0/x$", "/v1.0/x"),
        ("~/items/[0-9]+$", "/items/"),
    ],
)
def test_the_literal_start_of_a_regular_expression_is_what_one_types(path: str, typed: str) -> None:
    assert literal(path) == typed


def test_the_service_behind_a_host_is_its_last_label() -> None:
    assert compose_service("realtime-dev.Supabase-Realtime") == "supabase-realtime"


@pytest.mark.parametrize(
    ("text", "message", "where"),
    [
        ("services:\n  - name: [\n", "", "kong/kong.yml:3"),
        ("- a\n", "expected a mapping", "kong/kong.yml"),
        ("services: 1\nservices: 2\n", "duplicate key", "kong/kong.yml:2"),
        ("services: &a [*a]\n", "an anchor contains itself", "kong/kong.yml"),
        ("a: 1\n---\nb: 2\n", "", "kong/kong.yml"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_with_its_line(text: str, message: str, where: str) -> None:
    with pytest.raises(StackError) as caught:
        effective(text, set())
    assert message in caught.value.problems[0].message
    assert caught.value.problems[0].where.startswith(where)

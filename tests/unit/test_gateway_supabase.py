"""Supabase's routes in kong/kong.yml, and the names under which browsers reach what has a hostname."""

from pathlib import Path
from typing import Any

import pytest

from stack.gateway import kongfile
from stack.gateway.declared import Site, plugins_of, routes
from stack.gateway.effective import effective

KONG_YML = (Path(__file__).parents[2] / "kong" / "kong.yml").read_text()
FAMILY = {f"supabase-{name}" for name in ("auth", "api", "storage", "realtime", "meta", "studio")}


def guards(name: str) -> dict[str, Any]:
    """The plugins of a route by name, with their configuration."""
    found = kongfile.entities(kongfile.read(KONG_YML))
    route = next(route for route in found["routes"] if route.value["name"] == name)
    return {plugin: entity.value.get("config", {}) for plugin, entity in plugins_of(found, route).items()}


@pytest.mark.parametrize(
    "route",
    ["supabase-auth", "supabase-api", "supabase-graphql", "supabase-realtime", "supabase-realtime-api"],
)
def test_an_api_of_supabase_asks_for_one_of_the_two_keys_and_leaves_it_to_the_service(route: str) -> None:
    assert guards(route)["key-auth"]["hide_credentials"] is False
    assert guards(route)["acl"]["allow"] == ["anon", "admin"]


@pytest.mark.parametrize("route", ["supabase-api-root", "supabase-meta"])
def test_what_tells_the_whole_database_is_for_the_service_role_alone(route: str) -> None:
    assert "key-auth" in guards(route)
    assert guards(route)["acl"]["allow"] == ["admin"]


def test_only_what_browsers_are_sent_to_and_what_checks_for_itself_is_open() -> None:
    mine = [route for route in routes(KONG_YML) if route.service in FAMILY]
    assert {(route.host, route.path) for route in mine if not route.auth} == {
        ("", "/storage/v1/"),
        *(("", f"/auth/v1/{path}") for path in ("verify", "callback", "authorize", ".well-known/jwks.json")),
        *(("", f"/auth/v1/sso/saml/{path}") for path in ("acs", "metadata")),
    }


def test_studio_has_a_password_in_front_and_no_sql_for_programs() -> None:
    studio = [route for route in routes(KONG_YML) if route.service == "supabase-studio"]
    assert {route.host for route in studio} == {"studio.localhost"}
    assert all(route.auth == ("basic-auth",) for route in studio)
    assert guards("supabase-studio-closed")["request-termination"]["status_code"] == 403
    assert guards("supabase-realtime-closed")["request-termination"]["status_code"] == 403


def test_a_silent_websocket_and_a_long_upload_are_not_cut_off() -> None:
    services = kongfile.entities(kongfile.read(KONG_YML))["services"]
    found = {service.value["name"]: service.value for service in services}
    realtime, storage = found["supabase-realtime"], found["supabase-storage"]
    assert realtime["read_timeout"] == realtime["write_timeout"] == 3600000
    assert storage["write_timeout"] == 600000
    assert storage["routes"][0]["request_buffering"] is False


def origins(text: str) -> set[str]:
    plugins = kongfile.entities(kongfile.read(text))["plugins"]
    cors = [plugin.value["config"] for plugin in plugins if plugin.value["name"] == "cors"]
    return {origin for config in cors for origin in config["origins"]}


def test_names_and_origins_follow_the_name_under_which_browsers_reach_the_machine() -> None:
    text = effective(KONG_YML, FAMILY, Site("my-box.lan"))
    assert {route.host for route in routes(text) if route.host} == {"studio.my-box.lan"}
    assert origins(text) == {r"(.+\.)?my\-box\.lan", r"127\.0\.0\.1"}


def test_on_this_machine_the_names_stay_as_they_stand_in_the_file() -> None:
    text = effective(KONG_YML, FAMILY)
    assert {route.host for route in routes(text) if route.host} == {"studio.localhost"}
    assert origins(text) == {r"(.+\.)?localhost", r"127\.0\.0\.1"}


def test_a_name_that_merely_ends_in_the_same_letters_stays() -> None:
    text = '_format_version: "3.0"\nroutes: [{name: "r", hosts: ["mylocalhost", "a.localhost", "b.test"]}]\n'
    hosts = [route.host for route in routes(effective(text, set(), Site("box")))]
    assert hosts == ["mylocalhost", "a.box", "b.test"]

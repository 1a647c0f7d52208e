"""Supabase's routes in kong/kong.yml, and the names under which browsers reach what has a hostname."""

import shutil
import subprocess
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
        ("", "/.well-known/oauth-authorization-server/auth/v1"),
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


@pytest.mark.parametrize(
    ("asked", "given"),
    [
        ((), {r"(.+\.)?localhost", r"127\.0\.0\.1"}),
        (("https://app.test:8443",), {r"(.+\.)?localhost", r"127\.0\.0\.1", "https://app.test:8443"}),
        (("https://app.test", "*"), {"*"}),
    ],
)
def test_pages_elsewhere_may_ask_where_the_setting_names_them(asked: tuple[str, ...], given: set[str]) -> None:
    assert origins(effective(KONG_YML, FAMILY, Site("localhost", origins=asked))) == given


def test_a_list_of_origins_that_is_not_this_machines_stays() -> None:
    text = '_format_version: "3.0"\nplugins: [{name: "cors", config: {origins: ["https://a.test"]}}]\n'
    assert origins(effective(text, set(), Site("box", origins=("https://b.test",)))) == {"https://a.test"}


def test_an_opaque_key_opens_what_its_token_opens() -> None:
    consumers = {one["username"]: one for one in kongfile.read(KONG_YML)["consumers"]}
    keys = {name: [key["key"] for key in one.get("keyauth_credentials", [])] for name, one in consumers.items()}
    assert keys["anon"] == ["${SUPABASE_ANON_KEY}", "${SUPABASE_PUBLISHABLE_KEY}"]
    assert keys["service_role"] == ["${SUPABASE_SERVICE_ROLE_KEY}", "${SUPABASE_SECRET_KEY}"]


KEYS = {"SUPABASE_ANON_KEY": "a.n.on", "SUPABASE_SERVICE_ROLE_KEY": "s.e.rvice",
        "SUPABASE_PUBLISHABLE_KEY": "sb_publishable_1", "SUPABASE_SECRET_KEY": "sb_secret_1"}  # fmt: skip
TOLD = """
local headers, query, set = ...
kong = {request = {get_header = function(n) return headers[n] end, get_query_arg = function(n) return query[n] end},
        service = {request = {set_header = function(n, v) set[n] = v end}}}
"""


@pytest.mark.parametrize(
    ("headers", "query", "told"),
    [
        ("apikey = 'sb_secret_1'", "", "Bearer s.e.rvice s.e.rvice"),
        ("apikey = 'sb_publishable_1', authorization = 'Bearer sb_publishable_1'", "", "Bearer a.n.on a.n.on"),
        ("apikey = 'sb_publishable_1', authorization = 'Bearer u.s.er'", "", "nil a.n.on"),
        ("apikey = 'a.n.on'", "", "Bearer a.n.on a.n.on"),
        ("", "apikey = 'sb_publishable_1'", "Bearer a.n.on a.n.on"),
        ("apikey = 'sb_other'", "", "Bearer sb_other sb_other"),
        ("authorization = 'AWS4-HMAC-SHA256 x'", "", "nil nil"),
        ("", "apikey = true", "nil nil"),
    ],
)
def test_a_service_gets_the_token_of_an_opaque_key(headers: str, query: str, told: str) -> None:
    lua = next((found for name in ("luajit", "lua5.1", "lua") if (found := shutil.which(name))), None)
    if lua is None:
        pytest.skip("no Lua on this machine: apt-get install luajit")
    code = translation("supabase-auth")
    for name, value in KEYS.items():
        code = code.replace(f"${{{name}}}", value)
    text = (
        f"local set = {{}}; (function(...) {TOLD} end)({{{headers}}}, {{{query}}}, set); (function() {code} end)();"
        "io.write(tostring(set.authorization), ' ', tostring(set['x-api-key']))"
    )
    done = subprocess.run([lua, "-e", text], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == (told, "")


def translation(route: str) -> str:
    """What a route does with an opaque key."""
    [code] = guards(route)["pre-function"]["access"]
    return str(code)


def test_every_service_that_knows_tokens_alone_gets_them() -> None:
    routes = ("api", "api-root", "graphql", "storage", "realtime", "realtime-api")
    assert {translation(f"supabase-{name}") for name in routes} == {translation("supabase-auth")}


def test_a_name_that_merely_ends_in_the_same_letters_stays() -> None:
    text = '_format_version: "3.0"\nroutes: [{name: "r", hosts: ["mylocalhost", "a.localhost", "b.test"]}]\n'
    hosts = [route.host for route in routes(effective(text, set(), Site("box")))]
    assert hosts == ["mylocalhost", "a.box", "b.test"]

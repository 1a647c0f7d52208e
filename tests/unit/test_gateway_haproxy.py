"""HAProxy's configuration of Kong's file: what is carried, what is told, and that no secret and no open door comes of
it. How it routes, and what its plugins do, a running one shows (tests/engine/test_gateway_haproxy.py)."""

import re
from pathlib import Path
from typing import Any

import msgspec
import pytest

from stack.gateway import effective, entrance, kongfile
from stack.gateway.declared import Site, behind
from stack.gateway.entrance import Inputs
from stack.gateway.haproxy import configuration, limits, paths, servers, words

TEXT = (Path(__file__).parents[2] / "kong/kong.yml").read_text()
CREDENTIALS = ["SUPABASE_ANON_KEY", "SUPABASE_SERVICE_ROLE_KEY", "SUPABASE_PUBLISHABLE_KEY", "SUPABASE_SECRET_KEY",
               "DASHBOARD_USERNAME", "DASHBOARD_PASSWORD"]  # fmt: skip


def document(plugins: str = "[]", route: str = "", service: str = "", more: str = "") -> dict[str, Any]:
    return kongfile.read(f"""_format_version: "3.0"
services:
  - name: "web"
    url: "http://web:8080"
    {service}
    plugins: {plugins}
    routes: [{{name: "web", paths: ["/web/"]{route}}}]
{more}""")


def section(text: str, name: str) -> str:
    """The lines of one section."""
    found = re.search(rf"^backend {re.escape(name)}\n((?:    .*\n)*)", text, re.MULTILINE)
    assert found, text
    return found[1]


def uncarried(found: dict[str, Any]) -> list[str]:
    return [problem.message for problem in limits.uncarried(kongfile.entities(found))]


def test_all_that_is_shipped_is_carried_but_for_what_only_reports() -> None:
    found = kongfile.entities(kongfile.read(TEXT))
    assert list(limits.uncarried(found)) == []
    assert limits.silent(found) == ["opentelemetry"]


def test_credentials_are_named_and_never_valued_and_all_are_asked_for_at_the_start() -> None:
    found = kongfile.entities(kongfile.read(TEXT))
    planned = {name for service in found["services"] for name in behind(found, service)}
    text = configuration.written(effective.serving(TEXT, planned, Site("localhost", 63002)))
    needs = next(line for line in text.splitlines() if line.startswith(configuration.NEEDS))
    assert sorted(needs.removeprefix(configuration.NEEDS).split()) == sorted(CREDENTIALS)
    assert 'http_auth_pass -m str -- "${DASHBOARD_PASSWORD}"' in text
    # The log has the path without its query, where a key may stand.
    assert "%HPO" in text
    assert not re.search(r"%(HU|HP|HQ|r|hr)\b(?!O)", text.partition("frontend")[0])


@pytest.mark.parametrize(
    ("found", "told"),
    [
        (document('[{name: "jwt"}]'), "the plugin jwt"),
        (document('[{name: "key-auth", config: {anonymous: "x"}}]'), "anonymous of key-auth"),
        (document('[{name: "key-auth", config: {key_in_body: true}}]'), "key_in_body of key-auth"),
        (document('[{name: "rate-limiting", config: {minute: 1, policy: "redis"}}]'), "policy of rate-limiting"),
        (document('[{name: "rate-limiting", config: {year: 1}}]'), "year of rate-limiting"),
        (document('[{name: "rate-limiting", config: {minute: 1, limit_by: "path"}}]'), "limit_by path"),
        (document('[{name: "correlation-id"}]'), "generator uuid#counter of correlation-id"),
        (document('[{name: "request-transformer", config: {add: {querystring: ["a:1"]}}}]'), "add.querystring"),
        (document('[{name: "request-transformer", config: {add: {headers: ["a:$(x)"]}}}]'), "a template"),
        (document('[{name: "pre-function", config: {access: ["x()"]}}]'), "Lua of your own"),
        (document('[{name: "cors", protocols: ["https"]}]'), "a plugin of one protocol"),
        (document(route=', path_handling: "v1"'), "path_handling of routes"),
        (document(route=', snis: ["a.b"]'), "snis of routes"),
        (document(route=', headers: {a: ["~*x"]}'), "a regular expression for a header"),
        (document(route=', protocols: ["grpc"], strip_path: false'), "the protocol grpc"),
        (document(service="tls_verify: true"), "tls_verify of services"),
        (document(more='vaults: [{name: "env", prefix: "x"}]'), "vaults"),
        (document(more='upstreams: [{name: "web", algorithm: "latency"}]'), "algorithm latency"),
    ],
    ids=lambda part: part if isinstance(part, str) else "",
)
def test_what_can_not_be_carried_is_told_by_its_name(found: dict[str, Any], told: str) -> None:
    assert [message for message in uncarried(found) if told in message], uncarried(found)


def test_a_lock_that_is_not_known_stays_shut() -> None:
    lines = section(configuration.written(document('[{name: "jwt"}, {name: "cors"}]')), "web").splitlines()
    assert lines[0].strip().startswith("http-request return status 403")
    assert " if " not in lines[0]
    assert " unless " not in lines[0]


def test_a_group_in_which_nobody_is_lets_nobody_in() -> None:
    text = section(
        configuration.written(document('[{name: "key-auth"}, {name: "acl", config: {allow: ["x"]}}]')), "web"
    )
    refusal = next(line for line in text.splitlines() if "status 403" in line)
    assert refusal.endswith('\'{"message":"You cannot consume this service"}\'')


def test_plan_and_up_tell_it_at_its_place_where_haproxy_serves_alone() -> None:
    text = TEXT.replace("    plugins: [*key, *admin]\n", '    plugins: [*key, *admin, {name: "grpc-web"}]\n')
    assert text != TEXT
    names = [s.rpartition(".")[2] for s in re.findall(r'url: "https?://([\w.-]+):', TEXT)] + ["backend"]
    inputs = Inputs(Site("localhost"), names, names, {}, CREDENTIALS, [])
    built = msgspec.structs.replace(inputs, built=True)
    assert entrance.make(text.encode(), inputs).problems == []
    [problem] = entrance.make(text.encode(), built).problems
    assert "the plugin grpc-web" in problem.message
    assert problem.where.startswith("kong/kong.yml:")


def test_servers_follow_docker_and_an_upstream_its_checks_and_weights() -> None:
    plain = section(configuration.written(document(service="read_timeout: 7\n    retries: 0")), "web")
    assert "timeout server 7ms" in plain
    assert "retries 0" in plain
    assert "redispatch" not in plain
    assert (
        "server-template web_8080- 1-16 web:8080 init-addr last,none resolvers docker resolve-prefer ipv4 check "
        in plain
    )
    assert "observe layer4 error-limit 1 on-error mark-down\n" in plain
    balanced = section(configuration.written(document(more='''upstreams:
  - name: "web"
    host_header: "one.example"
    algorithm: "least-connections"
    targets: [{target: "a:1", weight: 1000}, {target: "10.0.0.1:2", weight: 500}, {target: "c:3", weight: 0}]
    healthchecks:
      active: {http_path: "/h", healthy: {interval: 2, successes: 1},
               unhealthy: {interval: 2, tcp_failures: 1, http_failures: 3}}
      passive: {unhealthy: {tcp_failures: 1}}''')), "web")  # fmt: skip
    assert "balance leastconn" in balanced
    assert "option httpchk GET /h" in balanced
    check = "check inter 2000ms downinter 200ms fall 3 rise 1 observe layer4 error-limit 1 on-error mark-down"
    assert re.findall(r" (\S+:\d) .*?(check .*) weight (\d+)", balanced) == [
        ("a:1", check, "256"), ("10.0.0.1:2", check, "128"), ("c:3", check, "0"),
    ]  # fmt: skip
    assert "set-header Host one.example" in balanced


def test_a_server_that_leads_elsewhere_has_another_name() -> None:
    """HAProxy takes port and TLS of a server from what was known of its name before a reload."""

    def name(url: str) -> str:
        made = document()
        made["services"][0]["url"] = url
        [found] = re.findall(
            r"^ +server(?:-template)? (\S+)", section(configuration.written(made), "web"), re.MULTILINE
        )
        return str(found)

    names = {name(url) for url in ("http://web:8080", "http://web:9999", "https://web:8080", "http://other:8080",
                                   "http://10.0.0.1:8080", "http://10.0.0.1:9999")}  # fmt: skip
    assert len(names) == 6


@pytest.mark.parametrize(
    ("text", "quoted"),
    [
        ("plain/x-1", "plain/x-1"),
        ("", "''"),
        ("a b", "'a b'"),
        ("it's", r"'it'\''s'"),
        ("a${NAME}b'c", "'a'\"${NAME}\"'b'\\''c'"),
        ("two\nlines", r"'two'\n'lines'"),
    ],
)
def test_a_text_becomes_one_word(text: str, quoted: str) -> None:
    assert words.word(text) == quoted


def test_in_a_format_only_the_environment_is_read() -> None:
    assert words.shown("100% ${NAME} %[x]") == "100%% %[env(NAME)] %%[x]"


@pytest.mark.parametrize(
    ("pattern", "choice"),
    [("/a|/b", True), ("/(?:a|b)/", False), (r"/a\|b", False), ("/[|]", False), ("(a|b)|c", True)],
)
def test_a_choice_outside_of_a_group_is_seen(pattern: str, choice: bool) -> None:
    assert paths.split(pattern) is choice


def routed(*routes: dict[str, Any]) -> list[str]:
    """The lines that choose among routes, in their order."""
    named = [{"name": f"r{at}", **route} for at, route in enumerate(routes)]
    text = configuration.written({"_format_version": "3.0", "services": [
        {"name": "web", "url": "http://web:8080", "routes": named}]})  # fmt: skip
    assert text.count("\nbackend r") == len(routes)
    return [line.strip() for line in text.splitlines() if line.startswith(("#map", "    use_backend"))]


def test_however_many_routes_there_are_each_request_is_compared_with_a_few() -> None:
    lines = routed(*({"paths": [f"/r{at}/", f"~/r{at}$"]} for at in range(300)))
    assert sum(line.startswith("#map ") for line in lines) == 600
    assert sum(line.startswith("use_backend %[") for line in lines) == sum(line.startswith("use_") for line in lines)
    assert len(lines) <= 602


def test_ten_thousand_services_share_the_servers_that_a_gateways_memory_has_room_for() -> None:
    found = kongfile.entities({"services": [{"name": f"s{at}", "url": "http://web:1"} for at in range(10_000)]})
    assert " 1-2 web:1 " in servers.of(found, found["services"][0])[-1]


def test_a_look_up_takes_the_longest_start_only_where_kong_does() -> None:
    """Kong ranks an empty list of hosts as a name, before all that is longer."""
    many = [{"paths": [f"/x/{at}/"]} for at in range(3)]
    lines = routed({"paths": ["/x/"], "hosts": []}, *many)
    assert lines[0] == "use_backend r0 if { var(txn.seen) -m beg -- /x/ }"
    assert [line.split()[1] for line in lines[1:]] == ["r1", "r2", "r3"]
    together = routed({"paths": ["/x/"]}, *many)
    assert together[:4] == ["#map 0 /x/0/ r1", "#map 0 /x/1/ r2", "#map 0 /x/2/ r3", "#map 0 /x/ r0"]


@pytest.mark.parametrize(
    "route",
    [{"hosts": ["*.example"]}, {"hosts": ["a.example:81"]}, {"paths": ["/a/"], "methods": ["GET"]},
     {"paths": ["/a/"], "headers": {"x-a": ["1"]}}, {"paths": ["/a/"], "hosts": ["a.example"]}, {"paths": ["~/a.*"]}],
    ids=str,
)  # fmt: skip
def test_what_asks_for_more_than_a_text_is_no_look_up(route: dict[str, Any]) -> None:
    assert not [line for line in routed(*[route] * 5) if "#map" in line or "%[" in line]


def test_only_proxies_that_are_trusted_are_believed_and_each_has_a_line_of_its_own() -> None:
    """HAProxy takes 64 words a line."""
    plain = configuration.written(document())
    assert "set-src" not in plain
    assert "req.fhdr(x-forwarded-proto" not in plain
    networks = [f"10.{at}.0.0/16" for at in range(100)]
    trusting = configuration.written(document(), networks)
    assert [line.strip() for line in trusting.splitlines() if "acl" in line] == [
        f"acl trusted src {network}" for network in networks
    ]
    believed = [line for line in trusting.splitlines() if "set-src" in line]
    assert all(" if trusted" in line for line in believed)
    assert believed

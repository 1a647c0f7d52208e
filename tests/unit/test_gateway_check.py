"""What is said about a file that Kong would refuse, or accept though it can't be meant."""

from pathlib import Path

import pytest

from stack.errors import Problem
from stack.gateway.validity import check

ROOT = Path(__file__).parents[2]
SECRETS = {
    "SUPABASE_ANON_KEY",
    "SUPABASE_SERVICE_ROLE_KEY",
    "SUPABASE_PUBLISHABLE_KEY",
    "SUPABASE_SECRET_KEY",
    "DASHBOARD_USERNAME",
    "DASHBOARD_PASSWORD",
}
CATALOGUE = {"backend", "n8n", "supabase-realtime"}
PORTS = {"backend": {8000}, "n8n": {5678}}

GOOD = """\
_format_version: "3.0"
services:
  - name: "backend"
    url: "http://backend:8000"
    routes:
      - name: "backend"
        paths: ["/backend/", "~/backend$"]
  - name: "n8n"
    host: "n8n"
    port: 5678
    routes:
      - name: "n8n"
        hosts: ["n8n.localhost"]
        plugins: [{name: "key-auth"}, {name: "acl", config: {allow: ["admin"]}}]
consumers:
  - username: "anon"
    keyauth_credentials: [{key: "${SUPABASE_ANON_KEY}"}]
    acls: [{group: "anon"}]
  - username: "service_role"
    keyauth_credentials: [{key: "${SUPABASE_SERVICE_ROLE_KEY}"}]
    acls: [{group: "admin"}]
"""


def found(text: str) -> list[Problem]:
    return check(text, CATALOGUE, PORTS, SECRETS)


def bare(problem: Problem) -> str:
    """The path in the file; its line is a number."""
    file, line, path = problem.where.replace(": ", ":", 1).split(":", 2) if ":" in problem.where else ("", "", "")
    return path if file == "kong/kong.yml" and line.isdecimal() else problem.where


def test_the_file_in_the_repository_has_no_problem() -> None:
    catalogue = {file.stem for file in (ROOT / "compose").glob("*.yml")}
    assert check((ROOT / "kong" / "kong.yml").read_text(), catalogue, {"backend": {8000}}, SECRETS) == []


def test_a_sound_file_has_no_problem() -> None:
    assert found(GOOD) == []


@pytest.mark.parametrize(
    ("old", "new", "code", "where", "message"),
    [
        ('"3.0"', "3.0", "gateway-format", "_format_version", '"3.0"'),
        ("consumers:", "consumer:", "gateway-key", "consumer", "Kong has no consumer"),
        ("consumers:", "x-anchors: {}\nconsumers:", "gateway-key", "x-anchors", "refuse the whole file"),
        ("backend:8000", "backnd:8000", "gateway-upstream", "services[0].url", "no service is called backnd"),
        ("backend:8000", "backend", "gateway-upstream", "services[0].url", "listens on 8000, not on 80"),
        ("port: 5678", "port: 80", "gateway-upstream", "services[1].host", "listens on 5678, not on 80"),
        ("http://backend", "backend", "gateway-value", "services[0].url", "http://name:port"),
        ('host: "n8n"', 'protocol: "http"', "gateway-value", "services[1].host", "asks for this field"),
        ('name: "n8n"\n    host', 'name: "backend"\n    host',
         "gateway-name", "services[1].name", "as services[0]"),
        ('name: "n8n"\n    host', 'name: "n 8"\n    host', "gateway-value", "services[1].name", "letters"),
        ('name: "n8n"\n        hosts', 'name: "backend"\n        hosts', "gateway-name",
         "services[1].routes[0].name", "as services[0].routes[0]"),
        ('"service_role"', '"anon"', "gateway-name", "consumers[1].username", "as consumers[0]"),
        ("SERVICE_ROLE_KEY", "ANON_KEY",
         "gateway-name", "consumers[1].keyauth_credentials[0].key", "the same key"),
        ("SERVICE_ROLE_KEY", "OTHER_KEY", "gateway-secret", "consumers[1].keyauth_credentials[0].key",
         "${SUPABASE_OTHER_KEY} is not known"),
        ('"${SUPABASE_ANON_KEY}"', "12345",
         "gateway-type", "consumers[0].keyauth_credentials[0].key", "a string"),
        ('["n8n.localhost"]', '"n8n.localhost"', "gateway-type", "services[1].routes[0].hosts", "a list"),
        ('["n8n.localhost"]', "[8]", "gateway-type", "services[1].routes[0].hosts[0]", "a string"),
        ('["n8n.localhost"]', '["N8N.localhost"]', "gateway-host", "services[1].routes[0].hosts[0]",
         "no browser asks for N8N.localhost"),
        ('"~/backend$"', '"~/(backend$"', "gateway-value", "services[0].routes[0].paths[1]", "no regular expression"),
        ('hosts: ["n8n.localhost"]', 'paths: ["~/[b]ackend$"]', "gateway-route",
         "services[0].routes[0].paths[1]", "for /backend is not certain: backend, n8n"),
        ('username: "anon"', "username: on",
         "gateway-yaml", "consumers[0].username", "Kong reads on without quotes as true"),
        ('username: "anon"', "username: 12:30:45", "gateway-yaml", "consumers[0].username", "12:30:45"),
        ('username: "anon"', "username: 0777", "gateway-yaml", "consumers[0].username", "0777"),
        ('"/backend/"', '"/backend"',
         "gateway-prefix", "services[0].routes[0].paths[0]", "also takes /backendx"),
        ('"~/backend$"', '"~/backend"',
         "gateway-prefix", "services[0].routes[0].paths[1]", "also takes /backendx"),
        ('"~/backend$"', '"/backend(/|$)"',
         "gateway-path", "services[0].routes[0].paths[1]", "letter by letter"),
        ('"~/backend$"', '"backend/"', "gateway-value", "services[0].routes[0].paths[1]", "start with: /"),
        ('hosts: ["n8n.localhost"]', 'paths: ["/x/", "/backend/"]', "gateway-route",
         "services[1].routes[0].paths[1]", "the same requests as services[0].routes[0].paths[0]"),
        ('["admin"]', '["root"]', "gateway-auth", "services[1].routes[0].plugins[1]", "is in a group"),
        ('allow: ["admin"]', 'deny: ["admin", "anon"]',
         "gateway-auth", "services[1].routes[0].plugins[1]", "is in a group"),
        ('{name: "key-auth"}', '{name: "basic-auth"}', "gateway-auth", "services[1].routes[0].plugins[0]",
         "no consumer has a credential for basic-auth"),
        ('{name: "key-auth"}, ', "", "gateway-auth", "services[1].routes[0].plugins[0]", "no plugin asks"),
        ("consumers:", 'routes: [{service: "ghost", paths: ["/g/"]}]\nconsumers:', "gateway-reference",
         "routes[0].service", "there is no service ghost"),
        ("consumers:", 'routes: [{service: {name: "n8n"}, paths: ["/g/"]}]\nconsumers:', "gateway-reference",
         "routes[0].service", "bare name"),
        ("consumers:", 'plugins: [{name: "cors"}, {name: "cors"}]\nconsumers:', "gateway-name",
         "plugins[1]", "the same plugin in the same place as plugins[0]"),
        ("consumers:", 'upstreams: [{name: "n8n", targets: [{target: "backend:1"}]}]\nconsumers:',
         "gateway-upstream", "upstreams[0].targets[0].target", "listens on 8000, not on 1"),
        ("consumers:", "plugins: {}\nconsumers:", "gateway-type", "plugins", "expected a list"),
        ("consumers:", 'plugins: ["cors"]\nconsumers:', "gateway-type", "plugins[0]", "expected a mapping"),
    ],
)  # fmt: skip
def test_a_mistake_is_named_with_its_place(old: str, new: str, code: str, where: str, message: str) -> None:
    assert old in GOOD
    problems = found(GOOD.replace(old, new, 1))
    assert [(code, where)] == [(p.code, bare(p)) for p in problems if message in p.message]
    assert all(problem.fix for problem in problems)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ('{methods: ["GET"], paths: ["/a/"]}', '{methods: ["POST"], paths: ["/a/"]}'),
        ('{methods: ["GET"], paths: ["/a/"]}', '{paths: ["/a/"]}'),
        ('{hosts: ["a.localhost"], paths: ["/a/"]}', '{hosts: ["b.localhost"], paths: ["/a/"]}'),
        ('{paths: ["/a/"]}', '{paths: ["/a/b/"]}'),
        ('{paths: ["~/a$"], regex_priority: 1}', '{paths: ["~/a$"]}'),
        ('{paths: ["/a/"], headers: {"x": ["1"]}}', '{paths: ["/a/"]}'),
    ],
)
def test_routes_that_differ_in_rank_or_in_what_they_take_are_fine(first: str, second: str) -> None:
    text = f'_format_version: "3.0"\nservices: [{{url: "http://n8n:5678", routes: [{first}, {second}]}}]\n'
    assert found(text) == []


def test_a_plugin_that_the_gateway_does_not_load_is_told() -> None:
    problem, kind = check(GOOD, CATALOGUE, PORTS, SECRETS, ["acl", "cors"])
    assert "keyauth_credentials only where it loads the plugin key-auth" in kind.message
    assert problem.where == "kong/kong.yml:14: services[1].routes[0].plugins[0].name"
    assert "does not load the plugin key-auth" in problem.message
    assert problem.fix == "./inv env.set KONG_PLUGINS acl,cors,key-auth"
    assert check(GOOD, CATALOGUE, PORTS, SECRETS, ["acl", "key-auth"]) == []


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ('{name: "a", paths: ["~/x$"]}', '{name: "b", paths: ["~/x/?$"], regex_priority: 1}'),
        ('{name: "a", paths: ["~/x$"]}', '{name: "b", paths: ["~/x/?$"], hosts: ["b.localhost"]}'),
        ('{name: "a", paths: ["~/x$"], methods: ["GET"]}', '{name: "b", paths: ["~/x/?$"], methods: ["PUT"]}'),
    ],
)
def test_regular_expressions_of_another_rank_or_request_may_fit_the_same_path(first: str, second: str) -> None:
    text = f'_format_version: "3.0"\nservices: [{{url: "http://n8n:5678", routes: [{first}, {second}]}}]\n'
    assert found(text) == []


def test_routes_for_two_protocols_are_not_told_apart() -> None:
    first, second = (f'{{paths: ["/a/"], protocols: ["{name}"]}}' for name in ("http", "https"))
    text = f'_format_version: "3.0"\nservices: [{{url: "http://n8n:5678", routes: [{first}, {second}]}}]\n'
    assert [problem.code for problem in found(text)] == ["gateway-route"]


def test_a_plugin_for_everyone_needs_no_credential() -> None:
    text = GOOD.replace('{name: "key-auth"}', '{name: "basic-auth", config: {anonymous: "anon"}}')
    assert found(text) == []


def test_a_key_in_the_file_is_not_repeated_in_a_message() -> None:
    text = GOOD.replace("${SUPABASE_ANON_KEY}", "abc-secret").replace("${SUPABASE_SERVICE_ROLE_KEY}", "abc-secret")
    assert "abc-secret" not in str(found(text))
    assert found(text)


def test_a_syntax_error_is_the_only_problem_and_has_its_line() -> None:
    (problem,) = found('_format_version: "3.0"\nservices: [\n')
    assert problem.where.startswith("kong/kong.yml:")


def test_a_duplicate_key_is_a_problem_though_kong_takes_the_last() -> None:
    (problem,) = found(f"{GOOD}consumers: []\n")
    assert "consumers" in problem.message

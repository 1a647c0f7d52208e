# ruff: noqa: E501 - tables
"""Files that a real Kong 3.9.3 refuses, each with one mistake, and what it takes."""

import re
from pathlib import Path

import pytest

from stack.gateway import bounds, kongfile, schema
from stack.gateway.validity import check

ROOT = Path(__file__).parents[2]
SERVICE, ROUTE, PLUGIN = (
    'name: "s", url: "http://backend:8000"',
    'name: "r", service: "s", paths: ["/x/"]',
    'name: "cors"',
)
CONSUMER, UPSTREAM, CERTIFICATE = 'username: "c"', 'name: "u", targets: [{target: "backend:8000"}]', ""
LINES = {"services": 3, "routes": 5, "plugins": 7, "consumers": 9, "upstreams": 11, "certificates": 13}


def text(kind: str = "", entry: str = "") -> str:
    """A sound file, with another entry in place of the one of a kind."""
    entries = {"services": SERVICE, "routes": ROUTE, "plugins": PLUGIN, "consumers": CONSUMER, "upstreams": UPSTREAM,
               "certificates": CERTIFICATE} | ({kind: entry} if kind else {})  # fmt: skip
    listed = [f"{name}:\n  - {{{one}}}" if one else f"{name}:\n  []" for name, one in entries.items()]
    return "\n".join(['_format_version: "3.0"', *listed]) + "\n"


REFUSED = {
    "services": [
        (f"{SERVICE}, {field}", where or field.partition(":")[0])
        for field, where in [
            ('connect_timeout: "2000"', ""), ("connect_timeout: 0", ""), ("connect_timeout: 2147483647", ""),
            ("read_timeout: 1.5", ""), ("read_timeout: true", ""), ("write_timeout: -1", ""), ('write_timeout: "1m"', ""),
            ("retries: 40000", ""), ("retries: -1", ""), ('retries: "5"', ""), ("timeout: 5", ""), ("routs: []", ""),
            ('enabled: "false"', ""), ("enabled: 1", ""), ('tags: ["a,b"]', "tags[0]"), ('tags: ["a/b"]', "tags[0]"),
            ('tags: "a"', ""), ('id: "1"', ""), ("id: 5", ""), ("tls_verify: true", ""), ('ca_certificates: ["x"]',
            "ca_certificates[0]"), ("tls_verify_depth: 65", ""),
        ]
    ] + [
        ('name: "s"', "host"), ('name: "s", host: "a b"', "host"), ('name: "s", host: "a:80"', "host"),
        ('name: "s", host: "a-.b"', "host"), ('name: "s", host: "a..b"', "host"), ('name: "s", host: "backend", port: 70000', "port"),
        ('name: "s", host: "backend", port: "80"', "port"), ('name: "s", host: "backend", path: "x"', "path"),
        ('name: "s", host: "backend", path: "/a//b"', "path"), ('name: "s", host: "backend", path: "/a b"', "path"),
        ('name: "s", host: "backend", path: "/%zz"', "path"), ('name: "s", host: "backend", protocol: "ws"', "protocol"),
        ('name: "s", host: "backend", protocol: "HTTP"', "protocol"), ('name: "s", host: "backend", port: 8000, protocol: "tcp", path: "/x"', "path"),
        ('name: "s", url: "HTTP://backend:8000"', "url"), ('name: "s", url: "http://backend:"', "url"),
        ('name: "s", url: "http://backend:99999"', "url"), ('name: "s", url: "http://backend:8000//"', "url"),
        ('name: "s", url: "backend"', "url"), ('name: "s", url: "ws://backend:8000"', "url"), ('name: "s", url: 5', "url"),
        ('name: "a b", url: "http://backend:8000"', "name"), ('name: 5, url: "http://backend:8000"', "name"),
        ('name: "s/t", url: "http://backend:8000"', "name"), ('name: "", url: "http://backend:8000"', "name"),
    ],
    "routes": [
        (f"{ROUTE}, {field}", where or field.partition(":")[0])
        for field, where in [
            ('methods: ["get"]', "methods[0]"), ('methods: "GET"', ""), ('methods: ["GET "]', "methods[0]"),
            ('protocols: ["ws"]', "protocols[0]"), ('protocols: ["http", "grpc"]', ""), ("protocols: []", ""),
            ('protocols: ["http", "tcp"]', ""), ('strip_path: "yes"', ""), ("preserve_host: 1", ""),
            ('request_buffering: "off"', ""), ('response_buffering: "false"', ""), ('regex_priority: "5"', ""),
            ("regex_priority: 1.5", ""), ("https_redirect_status_code: 300", ""), ('path_handling: "v2"', ""),
            ('headers: {host: ["a"]}', "headers.host"), ('headers: {x-a: "b"}', "headers.x-a"),
            ('headers: {"x a": ["b"]}', "headers.x a"), ('headers: ["x"]', ""), ("strip: true", ""),
            ('hosts: ["http://a"]', "hosts[0]"), ('hosts: ["a/b"]', "hosts[0]"), ('hosts: ["a b"]', "hosts[0]"),
            ('hosts: ["*.a.*"]', "hosts[0]"), ('hosts: ["a.*.b"]', "hosts[0]"), ('hosts: ["a*.b"]', "hosts[0]"),
            ('hosts: ["a.b:99999"]', "hosts[0]"), ('hosts: ["a.b:x"]', "hosts[0]"), ('hosts: [""]', "hosts[0]"),
            ("hosts: [5]", "hosts[0]"), ("hosts: [null]", "hosts[0]"), ('snis: ["a:1"]', "snis[0]"),
            ('sources: [{ip: "10.0.0.1"}]', "sources"), ('expression: "x"', ""), ("priority: 1", ""),
        ]
    ] + [
        ('name: "r", service: "s"', ""), ('name: "r", service: "s", paths: []', ""), ('name: "r", service: "s", methods: []', ""),
        ('name: "r", service: "s", protocols: ["grpc"], methods: ["POST"], hosts: ["a.b"]', "methods"),
        ('name: "r", service: "s", protocols: ["grpc"], hosts: ["a.b"], strip_path: true', "strip_path"),
        ('name: "r", service: "s", protocols: ["http"], hosts: ["a.b"], snis: ["a.b"]', "snis"),
        ('name: "r", service: "s", protocols: ["tcp"], paths: ["/x/"]', "paths"),
    ] + [
        (f'name: "r", service: "s", paths: ["{path}"]', "paths[0]")
        for path in [
            "x", "", "~x", "/a//b/", "/a/../b/", "/./", "/a/./b/", "/%41/", "/%C3%A9/", "/%2f/", "/a%zz/", "/%/", "~/(a",
            "~/(?=a)", "~/(?<!a)b", "~/(a)\\\\1", "~/(?>a)", "~/(?#a)", "~/{id}", "~/a\\\\Z", "~/[a", "~/a**)",
        ]
    ],
    "plugins": [
        ('config: {}', "name"), ('name: "cors", config: {origin: "*"}', "config.origin"), ('name: "cors", config: {origins: "*"}', "config.origins"),
        ('name: "cors", config: {methods: ["get"]}', "config.methods[0]"), ('name: "cors", config: {max_age: "5"}', "config.max_age"),
        ('name: "cors", config: {credentials: "yes"}', "config.credentials"), ('name: "cors", config: {origins: ["(a"]}', "config.origins[0]"),
        ('name: "cors", config: []x', "config"), ('name: "cors", protocols: ["tcp"]', "protocols[0]"), ('name: "cors", enabled: "on"', "enabled"),
        ('name: "acl", config: {}', ""), ('name: "acl", config: {allow: ["a"], deny: ["b"]}', "config.allow"), ('name: "acl", config: {allow: "a"}', "config.allow"),
        ('name: "rate-limiting", config: {}', ""), ('name: "rate-limiting", config: {minute: 0}', "config.minute"),
        ('name: "rate-limiting", config: {second: 10, minute: 5}', "config"), ('name: "rate-limiting", config: {minute: "5"}', "config.minute"),
        ('name: "rate-limiting", config: {minute: 5, policy: "cluster"}', "config.policy"), ('name: "rate-limiting", config: {minute: 5, policy: "redis"}', "config.redis.host"),
        ('name: "rate-limiting", config: {minute: 5, limit_by: "header"}', "config.header_name"),
        ('name: "rate-limiting", config: {minute: 5, sync_rate: 1}', "config"),
        ('name: "request-size-limiting", config: {allowed_payload_size: 1.5}', "config.allowed_payload_size"),
        ('name: "request-size-limiting", config: {size_unit: "mb"}', "config.size_unit"),
        ('name: "request-termination", config: {status_code: 600}', "config.status_code"), ('name: "request-termination", config: {message: "a", body: "b"}', "config"),
        ('name: "request-termination", config: {content_type: "a"}', "config"), ('name: "ip-restriction", config: {allow: ["x"]}', "config.allow[0]"),
        ('name: "ip-restriction", config: {allow: ["10.0.0.0/33"]}', "config.allow[0]"), ('name: "ip-restriction"', ""),
        ('name: "request-transformer", config: {add: {headers: ["a"]}}', "config.add.headers[0]"),
        ('name: "request-transformer", config: {add: {headers: ["a b:c"]}}', "config.add.headers[0]"),
        ('name: "key-auth", consumer: "c"', "consumer"), ('name: "cors", consumer: "c"', "consumer"), ('name: "cors", service: {name: "s"}', "service"),
        ('name: "opentelemetry", config: {}', "config"), ('name: "opentelemetry", config: {traces_endpoint: "x"}', "config.traces_endpoint"),
        ('name: "pre-function"', ""), ('name: "http-log"', "config.http_endpoint"), ('name: "cors", instance_name: "a b"', "instance_name"),
        ('name: "correlation-id", config: {generator: "x"}', "config.generator"), ('name: "prometheus", config: {per_consumer: 1}', "config.per_consumer"),
    ],
    "consumers": [
        ('tags: ["a"]', ""), ("username: 5", "username"), ('username: "c", group: "a"', "group"), ('username: ""', "username"),
        ('username: "c", keyauth_credentials: [{key: ""}]', "keyauth_credentials[0].key"), ('username: "c", keyauth_credentials: [{key: 5}]', "keyauth_credentials[0].key"),
        ('username: "c", basicauth_credentials: [{username: "a"}]', "basicauth_credentials[0].password"), ('username: "c", acls: [{}]', "acls[0].group"),
        ('username: "c", basicauth_credentials: [{password: "a"}]', "basicauth_credentials[0].username"),
        ('username: "c", jwt_secrets: [{algorithm: "HS1"}]', "jwt_secrets[0].algorithm"), ('username: "c", jwt_secrets: [{algorithm: "RS256"}]', "jwt_secrets[0].rsa_public_key"),
        ('username: "c", plugins: [{name: "key-auth"}]', "plugins[0]"),
    ],
    "upstreams": [
        ('targets: []', "name"), ('name: "u:80"', "name"), ('name: "1.2.3.4"', "name"), ('name: "u", algorithm: "random"', "algorithm"),
        ('name: "u", slots: 5', "slots"), ('name: "u", targets: [{target: "backend:8000", weight: 70000}]', "targets[0].weight"),
        ('name: "u", targets: [{target: "backend:8000", weight: "1"}]', "targets[0].weight"), ('name: "u", targets: [{target: "a b"}]', "targets[0].target"),
        ('name: "u", targets: [{weight: 1}]', "targets[0].target"), ('name: "u", hash_on: "header"', "hash_on_header"),
        ('name: "u", healthchecks: {active: {timeout: "1"}}', "healthchecks.active.timeout"), ('name: "u", healthchecks: {active: {type: "ftp"}}', "healthchecks.active.type"),
        ('name: "u", healthchecks: {threshold: 101}', "healthchecks.threshold"), ('name: "u", healthchecks: {activ: {}}', "healthchecks.activ"),
        ('name: "u", hash_fallback: "ip"', "hash_fallback"),
    ],
    "certificates": [
        ('cert: "x", key: "y"', "cert"), ('key: "y"', "cert"), ('cert: "x"', "key"),
    ],
}  # fmt: skip
CASES = [(kind, entry, field) for kind, rows in REFUSED.items() for entry, field in rows if "[]x" not in entry]


def told(kind: str, entry: str) -> list[str]:
    return [problem.where for problem in check(text(kind, entry), {"backend"}, {"backend": {8000}}, [])]


def test_there_are_more_than_a_hundred_broken_files() -> None:
    assert len(CASES) > 150


@pytest.mark.parametrize(("kind", "entry", "field"), CASES)
def test_what_kong_refuses_is_refused_with_line_and_field(kind: str, entry: str, field: str) -> None:
    where = f"kong/kong.yml:{LINES[kind]}: {kind}[0]{f'.{field}' if field else ''}"
    assert where in told(kind, entry)


TAKEN = [
    ("services", SERVICE),
    *(("services", f"{SERVICE}, {field}") for field in [
        "connect_timeout: 1", "connect_timeout: 2000.0", "retries: 0", 'tags: ["a b", "é"]', "routes: null", "_comment: \"x\"",
        'id: "3b241101-e2bb-4255-8caf-4136c566a962"', "enabled: true", "_ignore: []",
    ]),
    ("services", 'name: "s", host: "backend", port: 8000, path: "/a%20b/"'),
    ("services", 'name: "s", url: "https://backend:8000/", tls_verify: true'),
    *(("routes", f'name: "r", service: "s", {field}') for field in [
        'hosts: ["a.b:63000"]', 'hosts: ["*.b"]', 'hosts: ["a.*"]', 'hosts: ["10.0.0.1"]', 'hosts: ["a_b.c"]', 'methods: ["GET"]',
        'headers: {x-a: ["b", "c"]}', 'paths: ["/é/"]', 'paths: ["/%2F/"]', 'paths: ["/a@b:c/"]', 'paths: ["~/(?<n>[a-z]+)$"]',
        'paths: ["~/(?P<n>\\\\d+)$"]', 'paths: ["~/a(?i)b$"]', 'paths: ["~/\\\\p{L}+$"]', 'protocols: ["grpc"], hosts: ["a.b"], strip_path: false',
        'protocols: ["https"], snis: ["a.b"]', 'protocols: ["http"], paths: ["/x/"], tags: []',
    ]),
    *(("plugins", entry) for entry in [
        'name: "rate-limiting", config: {minute: 5, redis_host: "redis", policy: "redis"}',
        'name: "rate-limiting", config: {second: 1.5, hour: 9}', 'name: "cors", config: {}', 'name: "cors", service: "s"',
        'name: "request-termination", config: {content_type: "a", body: "b"}', 'name: "opentelemetry", config: {endpoint: "http://a/b"}',
        'name: "cors", config: {origins: ["http://a\\\\.b(:\\\\d+)?"]}', 'name: "ip-restriction", config: {allow: ["10.0.0.0/8", "::1"]}',
        'name: "rate-limiting", consumer: "c", config: {minute: 1}',
    ]),
    ("consumers", 'username: "c", custom_id: "d", keyauth_credentials: [{key: null}], acls: [{group: "a"}]'),
    ("upstreams", 'name: "u", algorithm: "least-connections", targets: [{target: "backend:8000", weight: 0}]'),
    ("upstreams", 'name: "u", hash_on: "header", hash_on_header: "x-a", hash_fallback: "ip"'),
    ("certificates", 'cert: "{vault://env/cert}", key: "{vault://env/key}", snis: [{name: "a.b"}]'),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "entry"), TAKEN)
def test_what_kong_takes_is_taken(kind: str, entry: str) -> None:
    assert told(kind, entry) == []


LEAST = {
    "acl": '{allow: ["a"]}', "acme": '{account_email: "a@b.c", tos_accepted: true}', "ai-prompt-decorator": '{prompts: {append: [{role: "user", content: "a"}]}}',
    "ai-prompt-guard": '{allow_patterns: ["a"]}', "ai-prompt-template": '{templates: [{name: "a", template: "b"}]}',
    "ai-proxy": '{route_type: "llm/v1/chat", model: {provider: "openai"}}',
    "ai-request-transformer": '{prompt: "a", llm: {route_type: "llm/v1/chat", model: {provider: "openai"}}}',
    "ai-response-transformer": '{prompt: "a", llm: {route_type: "llm/v1/chat", model: {provider: "openai"}}}',
    "azure-functions": '{appname: "a", functionname: "b"}', "file-log": '{path: "/dev/stdout"}', "http-log": '{http_endpoint: "http://a"}',
    "ip-restriction": '{deny: ["10.0.0.1"]}', "ldap-auth": '{ldap_host: "a", base_dn: "b", attribute: "c"}', "loggly": '{key: "a"}',
    "opentelemetry": '{traces_endpoint: "http://a"}', "post-function": '{log: ["return"]}', "pre-function": '{access: ["return"]}',
    "oauth2": "{enable_client_credentials: true, scopes: [\"a\"]}", "proxy-cache": '{strategy: "memory"}', "rate-limiting": "{minute: 5}",
    "redirect": '{location: "http://a"}', "response-ratelimiting": "{limits: {a: {minute: 5}}}", "standard-webhooks": '{secret_v1: "a"}',
    "tcp-log": '{host: "a", port: 5}', "udp-log": '{host: "a", port: 5}',
}  # fmt: skip
"""The least that a plugin asks for, of those that ask for anything."""


@pytest.mark.parametrize("name", sorted(schema.schemas().plugins))
def test_the_least_configuration_of_a_plugin_is_taken(name: str) -> None:
    entry = f'name: "{name}", config: {LEAST.get(name, "{}")}'
    assert [line for line in told("plugins", entry) if not line.endswith("plugins[0]")] == []


@pytest.mark.parametrize("name", sorted(LEAST.keys() - {"oauth2"}))
def test_less_than_that_is_refused(name: str) -> None:
    assert told("plugins", f'name: "{name}"')


def test_a_mistake_in_a_file_of_the_users_own_is_told_at_its_line_there() -> None:
    shipped, own = (
        text(),
        '_format_version: "3.0"\nservices:\n  - name: "t"\n    url: "http://backend:8000"\n    retries: "5"\n',
    )
    layers = {"kong/kong.yml": shipped, "local/kong/kong.yml": own}
    both = kongfile.write(kongfile.layered([kongfile.read(one) for one in layers.values()]))
    problems = check(both, {"backend"}, {}, [], file="local/kong/kong.yml", layers=layers)
    assert [(p.where, p.message, p.fix) for p in problems] == [
        ("local/kong/kong.yml:5: services[0].retries", "expected a whole number", "edit local/kong/kong.yml:5")
    ]


@pytest.mark.parametrize(
    ("kind", "entry", "where"),
    [
        ("services", 'name: "s", url: "${ADDRESS}", host: "a b"', "services[0].host"),
        ("routes", 'name: "r", paths: ["/x/"], protocols: ["http"], snis: 5', "routes[0].snis"),
        ("routes", 'name: "r", paths: ["~/x$"], regex_priority: [1]', "routes[0].regex_priority"),
        ("plugins", 'name: ["cors"]', "plugins[0].name"),
    ],
)
def test_what_no_other_rule_can_read_is_told_by_its_own(kind: str, entry: str, where: str) -> None:
    assert any(line.endswith(where) for line in told(kind, entry))


def test_a_vault_has_a_configuration_of_its_own() -> None:
    assert told("vaults", 'name: "env", prefix: "my-env", config: {prefix: "SECRET_"}') == []


def test_every_lua_pattern_of_the_schemas_is_a_regular_expression() -> None:
    patterns = set(re.findall(r'"(?:match|pattern)":"((?:[^"\\]|\\.)*)"', schema.FILE.read_text()))
    for pattern in patterns:
        bounds._lua(pattern.replace("\\\\", "\\"))
    assert len(patterns) > 8

"""The catalogue: which files make a service, how layers merge, and what is refused."""

from typing import Any

import pytest

from stack.errors import StackError
from stack.planning import catalog
from stack.planning.catalog import Catalog, Entry

PATHS = [
    "compose/base.yml", "compose/redis.yml", "overrides/redis/build.yml", "overrides/redis/localhost.yml",
    "local/compose/redis.yml", "local/compose/mine.yml", "local/overrides/redis/any.yml",
    "local/overrides/redis/build.yml", "local/overrides/redis/special.yml",
]  # fmt: skip
ROOTS = ["", "local"]
NAMES = "names such as MY_SERVICE_PORT"
KIND = "hex, hex:LENGTH, sk, sb_publishable, sb_secret, password, jwt:ROLE, asked or optional"


def make(files: dict[str, Any], roots: tuple[str, ...] = ("", "local")) -> Catalog:
    """The catalogue of some parsed files."""
    fragments, base = catalog.arrange(files, list(roots))
    read = {path: catalog.read_file(path, document, {}) for path, document in files.items()}
    return Catalog(fragments, read, base)


def problems(files: dict[str, Any]) -> list[tuple[str, str]]:
    """Code and place of what is wrong with some parsed files."""
    found = make(files)
    return [(p.code, p.where) for p in catalog.check(found) + catalog.orphans(files, found.fragments)]


def refused(document: Any) -> list[tuple[str, str]]:
    """Message and place of what is wrong with one parsed file."""
    with pytest.raises(StackError) as caught:
        catalog.read_file("compose/n8n.yml", document, {})
    assert all(problem.fix for problem in caught.value.problems)
    return [(problem.message, problem.where) for problem in caught.value.problems]


def test_a_service_is_its_fragment_and_the_override_of_its_source() -> None:
    fragments, _ = catalog.arrange(PATHS[:4], [""])
    assert fragments["redis"].files("container") == ["compose/redis.yml"]
    assert fragments["redis"].files("build") == ["compose/redis.yml", "overrides/redis/build.yml"]
    assert fragments["redis"].files("disabled") == ["compose/redis.yml"]


def test_the_users_own_files_are_further_layers_and_any_comes_last() -> None:
    fragments, _ = catalog.arrange(PATHS, ROOTS)
    assert fragments["redis"].files("build") == [
        "compose/redis.yml", "local/compose/redis.yml", "overrides/redis/build.yml",
        "local/overrides/redis/build.yml", "local/overrides/redis/any.yml",
    ]  # fmt: skip


def test_the_sources_are_the_overrides_there_are() -> None:
    fragments, _ = catalog.arrange(PATHS, ROOTS)
    assert fragments["redis"].sources() == ["container", "build", "localhost", "special", "disabled"]
    assert fragments["mine"].sources() == ["container", "disabled"]


def test_what_belongs_to_no_service_is_shared() -> None:
    fragments, base = catalog.arrange([*PATHS, "overrides/base/split.yml"], ROOTS)
    assert base.layers == ("compose/base.yml",)
    assert base.overrides == {"split": ("overrides/base/split.yml",)}
    assert set(fragments) == {"redis", "mine"}


def test_a_companion_belongs_to_the_fragment_that_declares_it() -> None:
    found = make({"compose/db.yml": {"services": {"db": {}, "db-init": {}}}})
    assert found.fragment_of("db-init") == "db"
    assert found.services() == ["db", "db-init"]
    with pytest.raises(KeyError):
        found.fragment_of("nobody")


def test_layers_of_an_entry_merge_key_by_key() -> None:
    shipped = {"ports": {"N8N_PORT": 17, "N8N_ADMIN_PORT": 120}, "page": "/a"}
    found = make({
        "compose/n8n.yml": {"x-stack": {"n8n": shipped}, "services": {"n8n": {}}},
        "local/compose/n8n.yml": {"x-stack": {"n8n": {"ports": {"N8N_PORT": 30}, "page": "/b"}}},
    })  # fmt: skip
    entry = found.entry("n8n", ["compose/n8n.yml", "local/compose/n8n.yml"])
    assert entry == Entry(ports={"N8N_PORT": 30, "N8N_ADMIN_PORT": 120}, page="/b")


@pytest.mark.parametrize(
    ("entry", "message", "where"),
    [
        ({"ports": {"N8N_PORT": "17"}}, 'expected an integer, got "17"', "ports.N8N_PORT"),
        ({"ports": {"N8N_PORT": True}}, "expected an integer, got true", "ports.N8N_PORT"),
        ({"ports": {"N8N_PORT": 1.5}}, "expected an integer, got 1.5", "ports.N8N_PORT"),
        ({"ports": {"N8N_PORT": 200}}, "expected an offset from 0 to 199, got 200", "ports.N8N_PORT"),
        ({"ports": {"N8N_PORT": -1}}, "expected an offset from 0 to 199, got -1", "ports.N8N_PORT"),
        ({"ports": ["N8N_PORT"]}, "expected a mapping, got a list", "ports"),
        ({"ports": {"n8n-port": 17}}, f'expected {NAMES}, got "n8n-port"', "ports"),
        ({"ports": {17: 17}}, f"expected {NAMES}, got 17", "ports"),
        ({"secrets": {"N8N_KEY": "md5"}}, f'expected {KIND}, got "md5"', "secrets.N8N_KEY"),
        ({"secrets": {"N8N_KEY": None}}, f"expected {KIND}, got null", "secrets.N8N_KEY"),
        # The token of N8N__KEY could not be told from that of N8N.
        ({"secrets": {"N8N__KEY": "hex"}}, f'expected {NAMES}, got "N8N__KEY"', "secrets"),
        ({"about": 5}, "expected a text, got 5", "about"),
        ({"url": 5}, "expected a text, got 5", "url"),
        ({"scalable": "yes"}, 'expected true or false, got "yes"', "scalable"),
        ({"login": {"user": "me"}}, "expected a text, got null", "login.password"),
        ({"login": {"user": "me", "password": "A", "realm": "x"}}, "unknown key 'realm'", "login.realm"),
        ({"connections": "redis"}, 'expected a list, got "redis"', "connections"),
        ({"connect": {"a": 1}}, "expected a text, got 1", "connect.a"),
        ({"port": {}}, "unknown key 'port'", "port"),
    ],
)  # fmt: skip
def test_a_wrong_entry_is_told_with_file_path_and_expectation(entry: dict[str, Any], message: str, where: str) -> None:
    assert refused({"x-stack": {"n8n": entry}, "services": {"n8n": {}}}) == [
        (message, f"compose/n8n.yml: x-stack.n8n.{where}")
    ]


@pytest.mark.parametrize(
    ("document", "message", "where"),
    [
        (["n8n"], "expected a mapping, got a list", "compose/n8n.yml"),
        ("n8n", 'expected a mapping, got "n8n"', "compose/n8n.yml"),
        ({"services": ["n8n"]}, "expected a mapping, got a list", "compose/n8n.yml: services"),
        ({"services": {"n8n": "image"}}, 'expected a mapping, got "image"', "compose/n8n.yml: services.n8n"),
        ({"x-stack": 5}, "expected a mapping, got 5", "compose/n8n.yml: x-stack"),
        ({"x-stack": {"n8n": []}}, "expected a mapping, got a list", "compose/n8n.yml: x-stack.n8n"),
    ],
)
def test_a_file_of_another_shape_is_told(document: Any, message: str, where: str) -> None:
    assert refused(document) == [(message, where)]


def test_every_problem_of_a_file_is_told_at_once() -> None:
    entry = {"port": 1, "about": 2, "ports": {"N8N_PORT": "3"}}
    assert len(refused({"x-stack": {"n8n": entry}})) == 3


def test_an_unknown_key_suggests_the_nearest() -> None:
    with pytest.raises(StackError) as caught:
        catalog.read_file("compose/n8n.yml", {"x-stack": {"n8n": {"secret": {}}}}, {})
    assert caught.value.problems[0].fix == 'did you mean "secrets"?'


@pytest.mark.parametrize(
    "kind",
    [
        "hex",
        "hex:64",
        "sk",
        "sb_publishable",
        "sb_secret",
        "password",
        "jwt:anon",
        "jwt:service_role",
        "asked",
        "optional",
    ],
)
def test_every_kind_of_secret_is_taken(kind: str) -> None:
    found = catalog.read_file("compose/n8n.yml", {"x-stack": {"n8n": {"secrets": {"N8N_KEY": kind}}}}, {})
    assert found.entries["n8n"]["secrets"] == {"N8N_KEY": kind}


def test_a_file_may_say_nothing() -> None:
    assert catalog.read_file("compose/base.yml", None, {}).services == {}


def test_a_service_that_an_override_drops_is_known_as_dropped() -> None:
    found = catalog.read_file("overrides/db/external.yml", {"services": {"db": {}, "db-init": None}}, {})
    assert found.services == {"db": True, "db-init": False}


@pytest.mark.parametrize("name", ["My_Service", "9lives", "a" * 41, "-x", "x_y"])
def test_a_name_that_makes_no_variable_is_refused(name: str) -> None:
    assert problems({f"compose/{name}.yml": {"services": {name: {}}}}) == [("service-name", f"compose/{name}.yml")]


def test_a_fragment_must_declare_the_service_of_its_name() -> None:
    assert problems({"compose/web.yml": {"services": {"www": {}}}}) == [("fragment-service", "compose/web.yml")]


def test_a_service_stands_in_one_fragment() -> None:
    files: dict[str, Any] = {
        "compose/a.yml": {"services": {"a": {}, "job": {}}},
        "compose/b.yml": {"services": {"b": {}, "job": {}}},
    }
    assert problems(files) == [("service-twice", "compose/b.yml")]


def test_an_override_needs_a_fragment() -> None:
    assert problems({"overrides/wob/build.yml": {"services": {"wob": {}}}}) == [
        ("override-orphan", "overrides/wob/build.yml")
    ]


def test_an_entry_needs_a_service() -> None:
    files: dict[str, Any] = {"compose/web.yml": {"x-stack": {"wbe": {}}, "services": {"web": {}}}}
    assert problems(files) == [("x-stack-service", "compose/web.yml: x-stack.wbe")]


@pytest.mark.parametrize("name", ["quue", "other", 5])
def test_a_connection_leads_to_what_says_how_it_is_reached(name: object) -> None:
    files: dict[str, Any] = {
        f"compose/{service}.yml": {"x-stack": {service: entry}, "services": {service: {}}}
        for service, entry in {
            "web": {"connections": ["queue", name]}, "queue": {"connect": {"QUEUE_URL": "amqp://queue"}}, "other": {},
        }.items()
    }  # fmt: skip
    assert problems(files) == [("connection", "compose/web.yml: x-stack.web.connections")]


def test_what_is_shared_declares_no_service() -> None:
    files: dict[str, Any] = {"compose/base.yml": {"services": {"web": {}}}}
    assert problems(files) == [("shared-service", "compose/base.yml: services.web")]


def test_a_sound_catalogue_has_no_problem() -> None:
    files: dict[str, Any] = {
        "compose/base.yml": {"networks": {"net": {}}},
        "compose/web.yml": {"x-stack": {"web": {}, "web-job": {}}, "services": {"web": {}, "web-job": {}}},
        "overrides/web/build.yml": {"services": {"web": {}}},
        "local/compose/web.yml": {"x-stack": {"web": {"page": "/"}}},
    }
    assert problems(files) == []

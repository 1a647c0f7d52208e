"""What flags and settings select, as `plan` tells it without an engine."""

import os
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from stack.planning import planner
from stack.planning.plan import data
from stack.planning.planner import Request
from tests import support
from tests.model.refusals import Tree
from tests.support import PAIR, Checkout, fragment

FILES = {
    **PAIR,
    "compose/llm.yml": fragment("llm", "ports: {LLM_PORT: 23}", 'ports: ["127.0.0.1:${LLM_PORT}:1"]'),
    "compose/tool.yml": fragment("tool", "opt_in: true").replace("[core]", "[tools]"),
    "overrides/llm/container-gpu.yml": "services: {llm: {image: 'example/gpu:1'}}\n",
    "overrides/llm/build.yml": "services: {llm: {build: ./stack}}\n",
}
FILES["compose/llm.yml"] = FILES["compose/llm.yml"].replace("[core]", "[ai]")


TCP = {"protocol": "tcp"}
Planning = Callable[..., dict[str, Any]]


@pytest.fixture
def checkout(tree: Tree) -> Checkout:
    """A page that requires a database (core), a model (ai), and a tool that only its own profile brings."""
    return tree(FILES)


@pytest.fixture
def plan(checkout: Checkout, monkeypatch: pytest.MonkeyPatch) -> Planning:
    """The plan of a request as data; `env` is the content of `.env`, the rest is set in the shell."""

    def planned(request: Request | None = None, env: str = "", **shell: str) -> dict[str, Any]:
        checkout.write(".env", env)
        with monkeypatch.context() as patch:
            for name in set(os.environ) - support.environment().keys():
                patch.delenv(name)
            for name, value in {**support.environment(), **shell}.items():
                patch.setenv(name, value)
            made = data(planner.make(checkout.root, request or Request()).plan)
            found: dict[str, Any] = msgspec.to_builtins(made)
            return found

    return planned


def names(found: dict[str, Any]) -> list[str]:
    return [service["name"] for service in found["services"]]


def service(found: dict[str, Any], name: str) -> dict[str, Any]:
    [one] = [service for service in found["services"] if service["name"] == name]
    return dict(one)


@pytest.mark.parametrize(
    ("request_", "env", "expected"),
    [
        (Request(), "", ["db", "web"]),
        (Request(), "STACK_PROFILES=ai", ["llm"]),
        (Request(), "STACK_PROFILES='core, ai'", ["db", "llm", "web"]),
        (Request(profiles=("ai",)), "", ["db", "llm", "web"]),
        (Request(profiles=("ai",), exact=True), "", ["llm"]),
        (Request(profiles=("all",)), "", ["db", "llm", "web"]),
        (Request(profiles=("tools",)), "", ["db", "tool", "web"]),
        (Request(services=("db",)), "", ["db"]),
        (Request(services=("web",)), "", ["db", "web"]),
        (Request(services=("llm", "db")), "", ["db", "llm"]),
        (Request(profiles=("ai",), services=("db",)), "", ["db", "llm"]),
    ],
)
def test_the_selection_brings_what_it_requires(
    plan: Planning, request_: Request, env: str, expected: list[str]
) -> None:
    assert sorted(names(plan(request_, env))) == expected


def test_the_words_are_those_of_the_request(checkout: Checkout) -> None:
    words = (
        "--profile",
        "ai",
        "--profile",
        "tools",
        "--exact",
        "--source",
        "llm=container-gpu",
        "--base-port",
        "40000",
    )
    found = checkout.inv_json("plan", *words).data
    assert names(found) == ["llm", "tool"]
    assert service(found, "llm")["source"] == "container-gpu"
    assert service(found, "llm")["ports"][0]["host"] == 40023
    assert names(checkout.inv_json("plan", "--service", "db").data) == ["db"]


def test_plan_data_is_frozen(checkout: Checkout) -> None:
    checkout.write(".env", "LLM_SOURCE=disabled\nSTACK_PROFILES=core,ai\n")
    found = checkout.inv_json("plan").data
    assert list(found) == [
        "project", "base_port", "profiles", "files", "services", "order", "left_out", "changes",
    ]  # fmt: skip
    assert found["project"] == "genai"
    assert found["base_port"] == 63000
    assert found["profiles"] == ["ai", "core"]
    assert found["files"] == [
        "compose/base.yml", "compose/db.yml", "compose/llm.yml", "compose/tool.yml", "compose/web.yml",
    ]  # fmt: skip
    assert found["order"] == [["db"], ["web"]]
    assert found["left_out"] == [{"name": "llm", "why": "disabled by LLM_SOURCE"}]
    assert found["changes"] is None
    assert service(found, "web") == {
        "name": "web", "source": "container", "containers": 1, "image": "example/app:1",
        "ports": [{"variable": "WEB_PORT", "host_ip": "127.0.0.1", "host": 63021, "container": 80, **TCP}],
        "depends_on": {"db": {"condition": "service_started", "required": True}}, "tier": 1,
        "url": "http://web:80", "about": "", "one_shot": False, "memory_bytes": None,
    }  # fmt: skip


def test_without_an_engine_the_comparison_is_said_to_be_missing(checkout: Checkout) -> None:
    [problem] = checkout.inv_json("plan").problems
    assert problem["code"] == "no-engine"
    text = checkout.inv("plan")
    assert text.code == 0
    assert "note: no engine answers" in text.err


@pytest.mark.parametrize("word", ["llm=container-gpu", "container-gpu"])
def test_one_service_takes_a_source_and_so_do_all_that_have_it(plan: Planning, word: str) -> None:
    found = plan(Request(profiles=("all",), sources=(word,)))
    assert service(found, "llm")["source"] == "container-gpu"
    assert service(found, "llm")["image"] == "example/gpu:1"
    assert service(found, "web")["source"] == "container"


def test_the_flag_wins_over_the_shell_and_the_shell_over_env(plan: Planning) -> None:
    env = "BASE_PORT=30000\n"
    assert plan(env=env)["base_port"] == 30000
    assert plan(env=env, BASE_PORT="40000")["base_port"] == 40000
    found = plan(Request(base_port="50000"), env, BASE_PORT="40000")
    assert found["base_port"] == 50000
    assert service(found, "web")["ports"][0]["host"] == 50021


def test_an_empty_setting_counts_as_unset(plan: Planning) -> None:
    found = plan(env="BASE_PORT=\nWEB_PORT=\nPROJECT_NAME=\n", WEB_SOURCE="")
    assert (found["project"], found["base_port"]) == ("genai", 63000)
    assert service(found, "web")["ports"][0]["host"] == 63021


LLM = Request(services=("llm",))
BUILT = Request(services=("llm",), sources=("llm=build",))


def test_a_default_is_that_of_the_chosen_source(checkout: Checkout, plan: Planning) -> None:
    """One variable with a default in the fragment and another in an override."""
    named = FILES["compose/llm.yml"].replace("example/app:1", '"${LLM_IMAGE:-pulled:1}"')
    checkout.write("compose/llm.yml", named)
    checkout.write("overrides/llm/build.yml", "services: {llm: {image: '${LLM_IMAGE:-built:1}'}}\n")
    assert service(plan(LLM), "llm")["image"] == "pulled:1"
    assert service(plan(BUILT), "llm")["image"] == "built:1"
    assert service(plan(BUILT, "LLM_IMAGE=mine:1\n"), "llm")["image"] == "mine:1"


def test_a_default_may_hold_another(checkout: Checkout, plan: Planning) -> None:
    named = FILES["compose/llm.yml"].replace("example/app:1", '"${LLM_IMAGE:-${HUB:-hub}/llm:1}"')
    checkout.write("compose/llm.yml", named)
    assert service(plan(LLM), "llm")["image"] == "hub/llm:1"
    assert service(plan(LLM, "HUB=mine\n"), "llm")["image"] == "mine/llm:1"


def test_replicas_get_ports_of_the_engines_choice(plan: Planning) -> None:
    web = service(plan(env="WEB_SCALE=3\n"), "web")
    assert web["ports"] == [{"variable": "WEB_PORT", "host_ip": "127.0.0.1", "host": None, "container": 80, **TCP}]


def test_a_mirror_brings_every_image(plan: Planning) -> None:
    found = plan(env="REGISTRY_PREFIX=mirror.example/hub\n")
    assert service(found, "web")["image"] == "mirror.example/hub/example/app:1"


def test_a_plan_writes_nothing_but_the_cache(checkout: Checkout) -> None:
    before = checkout.digest()
    words = ("--profile", "ai", "--base-port", "40000", "--source", "llm=container-gpu")
    assert checkout.inv("plan", *words).code == 0
    assert checkout.digest() == before
    assert {path.name for path in (checkout.root / ".stack").iterdir()} == {"cache", "tmp"}
    assert list((checkout.root / ".stack/tmp").iterdir()) == [], "where the cache was being written"


def test_a_change_of_any_file_is_seen(checkout: Checkout, plan: Planning) -> None:
    assert service(plan(), "web")["image"] == "example/app:1"
    checkout.write("compose/web.yml", FILES["compose/web.yml"].replace("app:1", "app:2"))
    assert service(plan(), "web")["image"] == "example/app:2"
    checkout.write("compose/web.yml", FILES["compose/web.yml"])
    assert service(plan(), "web")["image"] == "example/app:1"

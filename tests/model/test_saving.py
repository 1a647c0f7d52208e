"""What `up` would write to `.env`, and how it says so."""

import os
from pathlib import Path

import pytest

from stack.planning import planner, saving
from stack.planning.planner import Request
from tests import support
from tests.model.refusals import Tree
from tests.support import PAIR, Checkout, fragment

SECRET = "0123456789abcdef0123456789abcdef"
FILES = {
    **PAIR,
    "compose/llm.yml": fragment("llm").replace("[core]", "[ai]"),
    "overrides/db/build.yml": "services: {db: {image: 'built:1'}}\n",
}


@pytest.fixture
def checkout(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> Checkout:
    """A checkout whose one secret is there; nothing is set in the shell, and there is no engine."""
    for name in set(os.environ) - support.environment().keys():
        monkeypatch.delenv(name)
    monkeypatch.setenv("DOCKER_HOST", support.NO_ENGINE)
    return tree({**FILES, ".env": f"DB_PASSWORD={SECRET}\n"})


def saved(root: Path, request: Request) -> tuple[dict[str, str | None], list[str]]:
    """What is saved of a request, and the sentences about it."""
    planned = planner.make(root, request)
    changes = saving.changes(planned, request)
    return changes, saving.sentences(planned, changes)


def test_nothing_is_saved_without_a_flag(checkout: Checkout) -> None:
    assert saved(checkout.root, Request()) == ({}, [])


@pytest.mark.parametrize(
    ("request_", "changes", "undo"),
    [
        (Request(profiles=("ai",)), {"STACK_PROFILES": "core,ai"}, "./inv env.unset STACK_PROFILES"),
        (Request(profiles=("ai",), exact=True), {"STACK_PROFILES": "ai"}, "./inv env.unset STACK_PROFILES"),
        (Request(sources=("db=build",)), {"DB_SOURCE": "build"}, "./inv env.unset DB_SOURCE"),
        (Request(sources=("build",)), {"DB_SOURCE": "build"}, "./inv env.unset DB_SOURCE"),
        (Request(base_port="40000"), {"BASE_PORT": "40000"}, "./inv env.unset BASE_PORT"),
    ],
)
def test_a_flag_lasts_and_says_how_to_undo_it(
    checkout: Checkout, request_: Request, changes: dict[str, str], undo: str
) -> None:
    [(name, value)] = changes.items()
    assert saved(checkout.root, request_) == (changes, [f"saved {name}={value} (undo: {undo})"])


@pytest.mark.parametrize(
    "request_",
    [
        Request(profiles=("ai",), sources=("db=build",), base_port="40000", once=True),
        Request(profiles=("core",)),
        Request(profiles=("ai",), services=("db",)),
        Request(services=("db",)),
        Request(sources=("db=container",)),
    ],
)
def test_what_is_for_once_or_is_so_already_is_not_saved(checkout: Checkout, request_: Request) -> None:
    assert saved(checkout.root, request_) == ({}, [])


def test_the_undo_of_what_was_set_before_brings_that_back(checkout: Checkout) -> None:
    checkout.write(".env", f"DB_PASSWORD={SECRET}\nDB_SOURCE=build\nBASE_PORT=30000\n")
    request = Request(sources=("db=container",), base_port="40000")
    changes, told = saved(checkout.root, request)
    assert changes == {"DB_SOURCE": "container", "BASE_PORT": "40000"}
    assert told == [
        "saved BASE_PORT=40000 (undo: ./inv env.set BASE_PORT 30000)",
        "saved DB_SOURCE=container (undo: ./inv env.set DB_SOURCE build)",
    ]


def test_a_source_of_the_shell_is_not_saved(checkout: Checkout, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DB_SOURCE", "build")
    assert saved(checkout.root, Request()) == ({}, [])


def test_a_secret_that_is_made_is_told_by_its_name_alone(checkout: Checkout) -> None:
    planned = planner.make(checkout.root, Request())
    [told] = saving.sentences(planned, {"DB_PASSWORD": SECRET})
    assert told == "made and saved to .env: DB_PASSWORD"


def test_only_the_secrets_of_what_runs_here_are_made(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    files = {
        **FILES,
        "compose/llm.yml": fragment("llm", "secrets: {LLM_KEY: hex}").replace("[core]", "[ai]"),
        "overrides/db/external.yml": "services: {db: {image: 'far:1'}}\n",
    }
    root = tree(files).root
    monkeypatch.delenv("DB_PASSWORD", raising=False)
    here = saving.new_secrets(planner.make(root, Request()))
    assert set(here) == {"DB_PASSWORD"}
    assert len(here["DB_PASSWORD"]) == 32
    assert saving.new_secrets(planner.make(root, Request(sources=("db=external",)))) == {}
    everything = planner.make(root, Request(profiles=("all",)))
    assert set(saving.new_secrets(everything)) == {"DB_PASSWORD", "LLM_KEY"}


def test_a_secret_of_what_may_come_later_is_made_for_who_uses_it_already(
    tree: Tree, monkeypatch: pytest.MonkeyPatch
) -> None:
    queue = fragment("queue", "secrets: {QUEUE_PASSWORD: hex, QUEUE_COOKIE: hex}").replace("[core]", "[messaging]")
    files = {
        **FILES,
        "compose/web.yml": fragment("web", body='environment: {QUEUE: "amqp://app:${QUEUE_PASSWORD}@queue"}'),
        "compose/queue.yml": queue,
        "overrides/queue/external.yml": "services: {queue: {image: 'far:1'}}\n",
        ".env": f"DB_PASSWORD={SECRET}\n",
    }
    root = tree(files).root
    assert set(saving.new_secrets(planner.make(root, Request()))) == {"QUEUE_PASSWORD"}
    monkeypatch.setenv("QUEUE_SOURCE", "disabled")
    assert set(saving.new_secrets(planner.make(root, Request()))) == {"QUEUE_PASSWORD"}
    monkeypatch.setenv("QUEUE_SOURCE", "external")
    assert saving.new_secrets(planner.make(root, Request())) == {}

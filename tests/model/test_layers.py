"""The user's own files, layered over the shipped ones."""

from typing import Any

import pytest

from tests.model.refusals import Refusal, Tree, refuses
from tests.support import PAIR, Checkout, fragment


def web(checkout: Checkout, *words: str) -> dict[str, Any]:
    """The planned page."""
    found = checkout.inv_json("plan", *words).data["services"]
    [one] = [service for service in found if service["name"] == "web"]
    return dict(one)


def test_a_file_of_the_same_path_is_layered_over_the_shipped_one(tree: Tree) -> None:
    own = "x-stack: {web: {about: Mine, ports: {WEB_PORT: 50}}}\nservices: {web: {image: 'mine:1'}}\n"
    found = web(tree({**PAIR, "local/compose/web.yml": own}))
    assert (found["image"], found["about"], found["url"]) == ("mine:1", "Mine", "http://web:80")
    assert found["ports"][0]["host"] == 63050


def test_a_service_of_ones_own_is_a_file(tree: Tree) -> None:
    own = fragment("mine", "ports: {MINE_PORT: 30}", 'ports: ["127.0.0.1:${MINE_PORT}:1"]', "mine:1")
    found = tree({**PAIR, "local/compose/mine.yml": own}).inv_json("plan").data
    assert "mine" in [service["name"] for service in found["services"]]
    assert found["files"][-2:] == ["local/compose/mine.yml", "compose/web.yml"]


def test_a_source_of_ones_own_is_a_file(tree: Tree) -> None:
    checkout = tree({**PAIR, "local/overrides/web/mine.yml": "services: {web: {image: 'mine:1'}}\n"})
    assert web(checkout)["image"] == "example/app:1"
    assert web(checkout, "--source", "web=mine")["image"] == "mine:1"


def test_any_applies_whatever_the_source_and_last(tree: Tree) -> None:
    checkout = tree({
        **PAIR,
        "overrides/web/other.yml": "services: {web: {image: 'other:1'}}\n",
        "local/overrides/web/any.yml": "services: {web: {image: 'any:1'}}\n",
    })  # fmt: skip
    assert web(checkout)["image"] == web(checkout, "--source", "web=other")["image"] == "any:1"


def test_the_folders_are_a_setting(tree: Tree) -> None:
    one, two = ({f"{name}/compose/web.yml": f"services: {{web: {{image: '{name}:1'}}}}\n"} for name in ("a", "b"))
    checkout = tree({**PAIR, **one, **two, ".env": "STACK_PATH=a,b\n"})
    assert web(checkout)["image"] == "b:1"
    checkout.write(".env", "STACK_PATH='b a'\n")
    assert web(checkout)["image"] == "a:1"


@pytest.mark.parametrize("key", ["ports: {WEB_PORT: '1'}", "prots: 5"])
def test_what_is_wrong_there_is_told_with_its_path(tree: Tree, key: str) -> None:
    path = "local/compose/web.yml"
    checkout = tree({**PAIR, path: f"x-stack: {{web: {{{key}}}}}\n"})
    code = "x-stack-type" if "WEB_PORT" in key else "x-stack-key"
    refuses(checkout, "plan", Refusal(code, "", f"{path}: x-stack.web.", ""))


def test_what_compose_refuses_there_is_told_with_its_path(tree: Tree) -> None:
    path = "local/compose/web.yml"
    checkout = tree({**PAIR, path: "services: {web: {prots: 5}}\n"})
    refuses(checkout, "plan", Refusal("compose", "prots", path, f"edit {path}"))

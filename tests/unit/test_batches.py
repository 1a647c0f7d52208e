"""Batches of fragments: how they are cut, and when their models make one."""

from typing import Any

import pytest

from stack.errors import fail
from stack.planning import batches, catalog
from stack.planning.catalog import File
from stack.planning.model import Model

COUNT = 4 * batches.SIZE + 1
NAMES = [f"s{number}" for number in range(COUNT)]


def found(services: dict[str, list[str]]) -> catalog.Catalog:
    """A catalogue of fragments that declare these services."""
    paths = {f"compose/{name}.yml": names for name, names in services.items()}
    fragments, base = catalog.arrange([*paths, "compose/base.yml"], [""])
    files = {path: File({}, dict.fromkeys(names, True), {}) for path, names in paths.items()}
    return catalog.Catalog(fragments, {**files, "compose/base.yml": File({}, {}, {})}, base)


def merged(files: list[str]) -> Model:
    """What Compose would say of these files."""
    names = [path.removeprefix("compose/").removesuffix(".yml") for path in files]
    return {"name": "x", "services": {name: {"image": name} for name in names if name != "base"}, "networks": {"n": {}}}


def merge(services: dict[str, list[str]], config: Any = merged) -> Model | None:
    catalogue = found(services)
    return batches.merge(catalogue, catalogue.files, config)


def test_every_fragment_is_in_one_batch_and_none_is_too_large() -> None:
    cut = batches.split(NAMES)
    assert sorted(name for batch in cut for name in batch) == sorted(NAMES)
    assert max(map(len, cut)) <= 2 * batches.SIZE


def test_a_fragment_that_comes_changes_one_batch() -> None:
    before, after = batches.split(NAMES[:-2]), batches.split(NAMES[:-1])
    assert len([batch for batch in after if batch not in before]) == 1


def test_many_fragments_make_one_model_with_the_base_in_each_run() -> None:
    runs: list[list[str]] = []

    def config(files: list[str]) -> Model:
        runs.append(files)
        return merged(files)

    whole = merge({name: [name] for name in NAMES}, config)
    assert whole == {"name": "x", "services": {name: {"image": name} for name in sorted(NAMES)}, "networks": {"n": {}}}
    assert len(runs) == len(batches.split(NAMES)) > 1
    assert all("compose/base.yml" in files for files in runs)


def test_few_fragments_are_left_to_one_run() -> None:
    assert merge({name: [name] for name in NAMES[: batches.SIZE]}) is None


def test_a_service_in_two_fragments_is_left_to_one_run() -> None:
    first, second, *_ = batches.split(NAMES)
    assert merge({**{name: [name] for name in NAMES}, first[0]: [first[0], second[0]]}) is None


def test_a_refusal_is_left_to_one_run_for_its_words() -> None:
    def refusing(files: list[str]) -> Model:
        raise fail("compose", "no")

    assert merge({name: [name] for name in NAMES}, refusing) is None


@pytest.mark.parametrize(
    "second",
    [
        pytest.param({"volumes": {"v": {"driver": "y"}}}, id="one volume, two drivers"),
        pytest.param({"name": "y"}, id="two names"),
        pytest.param(
            {"services": {"b": {"image": "b", "networks": {"nowhere": None}}}}, id="a network that none declares"
        ),
    ],
)
def test_what_does_not_go_together_makes_no_model(second: Model) -> None:
    first: Model = {"name": "x", "services": {"a": {"image": "a"}}, "volumes": {"v": {"driver": "x"}}}
    assert batches.united([(first, {"a"}), ({"name": "x", "services": {"b": {"image": "b"}}}, {"b"})]) is not None
    assert batches.united([(first, {"a"}), ({"name": "x", "services": {"b": {"image": "b"}}} | second, {"b"})]) is None


def test_a_service_is_taken_from_its_own_batch_alone() -> None:
    overlay = {"networks": {"n": None}}
    parts: list[tuple[Model, set[str]]] = [
        ({"services": {"a": {"image": "a"}, "b": overlay}, "networks": {"n": {}}}, {"a"}),
        ({"services": {"b": {"image": "b", **overlay}, "a": overlay}, "networks": {"n": {}}}, {"b"}),
    ]
    whole = batches.united(parts)
    assert whole is not None
    assert whole["services"] == {"a": {"image": "a"}, "b": {"image": "b", **overlay}}

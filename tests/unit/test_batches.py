"""Batches of fragments: how they are cut, and when their models make one."""

from typing import Any

import pytest

from stack.errors import fail
from stack.planning import batches, catalog
from stack.planning.catalog import File
from stack.planning.model import Model

NAMES = [f"s{number}" for number in range(4 * batches.SIZE + 1)]


def found(services: dict[str, list[str]], declares: dict[str, list[str]] | None = None) -> catalog.Catalog:
    """A catalogue of fragments that declare these services, and what else."""
    paths = {f"compose/{name}.yml": (names, (declares or {}).get(name, [])) for name, names in services.items()}
    fragments, base = catalog.arrange([*paths, "compose/base.yml"], [""])
    files = {path: File({}, dict.fromkeys(names, True), {}, more) for path, (names, more) in paths.items()}
    return catalog.Catalog(fragments, {**files, "compose/base.yml": File({}, {}, {}, ["networks.n"])}, base)


def merged(files: list[str]) -> Model:
    """What Compose would say of these files."""
    names = [path.removeprefix("compose/").removesuffix(".yml") for path in files]
    services = {name: {"image": name, "networks": {"n": None}} for name in names if name != "base"}
    return {"name": "x", "services": services, "networks": {"n": {}}}


def merge(catalogue: catalog.Catalog, config: Any = merged) -> Model | None:
    mine = batches.own(catalogue, catalogue.files)
    belongs = batches.owners(catalogue, mine)
    parts = belongs and batches.parts([*catalogue.fragments], [*catalogue.files], mine, belongs, config)
    return batches.united(parts.values()) if parts else None


def test_every_fragment_is_in_one_batch_and_none_is_too_large() -> None:
    cut = batches.split(NAMES)
    assert sorted(name for batch in cut for name in batch) == sorted(NAMES)
    assert max(map(len, cut)) <= batches.SIZE
    assert max(map(len, cut)) - min(map(len, cut)) <= 1


@pytest.mark.parametrize(("count", "cores", "expected"), [(0, 2, 0), (1, 2, 1), (25, 2, 2), (25, 8, 3), (300, 2, 6)])
def test_there_are_few_batches_but_one_for_each_core(
    monkeypatch: pytest.MonkeyPatch, count: int, cores: int, expected: int
) -> None:
    monkeypatch.setattr("os.cpu_count", lambda: cores)
    assert len(batches.split([str(number) for number in range(count)])) == expected


def test_many_fragments_make_one_model_with_the_base_in_each_run() -> None:
    runs: list[list[str]] = []

    def config(files: list[str]) -> Model:
        runs.append(files)
        return merged(files)

    assert merge(found({name: [name] for name in NAMES}), config) == merged([f"compose/{name}.yml" for name in NAMES])
    assert len(runs) == len(batches.split(NAMES)) > 1
    assert all("compose/base.yml" in files for files in runs)


@pytest.mark.parametrize(
    ("services", "declares"),
    [
        pytest.param({"a": ["a"], "b": ["b", "a"]}, {}, id="a service"),
        pytest.param({"a": ["a"], "b": ["b"]}, {"a": ["volumes.v"], "b": ["volumes.v"]}, id="a volume"),
        pytest.param({"a": ["a"], "b": ["b"]}, {"b": ["networks.n"]}, id="what all share"),
        pytest.param({"a": ["a"], "b": ["b"]}, {"a": ["x-more"], "b": ["x-more"]}, id="a section of their own"),
    ],
)
def test_what_two_declare_is_left_to_one_run(services: dict[str, list[str]], declares: dict[str, list[str]]) -> None:
    assert merge(found(services)) is None or declares
    assert merge(found(services, declares)) is None


def test_a_refusal_is_left_to_one_run_for_its_words() -> None:
    def refusing(files: list[str]) -> Model:
        raise fail("compose", "no")

    assert merge(found({name: [name] for name in NAMES}), refusing) is None


@pytest.mark.parametrize(
    "second",
    [
        pytest.param({"volumes": {"v": {"driver": "y"}}}, id="one volume, two drivers"),
        pytest.param({"name": "y"}, id="two names"),
        pytest.param({"volumes": "odd"}, id="a section that is none"),
        pytest.param(
            {"services": {"b": {"image": "b", "networks": {"nowhere": None}}}}, id="a network that none declares"
        ),
    ],
)
def test_what_does_not_go_together_makes_no_model(second: Model) -> None:
    first: Model = {"name": "x", "services": {"a": {"image": "a"}}, "volumes": {"v": {"driver": "x"}}}
    assert batches.united([first, {"name": "x", "services": {"b": {"image": "b"}}}]) is not None
    assert batches.united([first, {"name": "x", "services": {"b": {"image": "b"}}} | second]) is None


def test_a_part_is_its_own_services_and_what_they_use() -> None:
    a = {"image": "a", "networks": {"n": None}, "volumes": [{"type": "volume", "source": "a-data", "target": "/a"}]}
    mounts = [{"type": "volume", "source": name, "target": f"/{name}"} for name in ("a-data", "b-data")]
    b = {"image": "b", "networks": {"n": None, "own": None}, "volumes": mounts}
    whole: Model = {
        "name": "x",
        "services": {"a": a, "b": b, "other": {"networks": {"n": None}}},
        "networks": {"n": {}, "own": {}},
        "volumes": {"a-data": {}, "b-data": {}},
        "x-stack": {"a": {"about": "A"}, "b": {"about": "B"}},
        "x-more": {"of": "b"},
    }
    belongs = {"services.a": "a", "services.b": "b", "volumes.a-data": "a", "volumes.b-data": "b", "networks.own": "b",
               "networks.n": batches.SHARED, "x-more": "b"}  # fmt: skip
    assert batches.cut(whole, "a", belongs) == {
        "name": "x", "services": {"a": a}, "networks": {"n": {}}, "volumes": {"a-data": {}},
        "x-stack": {"a": {"about": "A"}},
    }  # fmt: skip
    assert batches.cut(whole, "b", belongs) == {
        "name": "x", "services": {"b": b}, "networks": {"n": {}, "own": {}}, "volumes": {"b-data": {}},
        "x-stack": {"b": {"about": "B"}}, "x-more": {"of": "b"},
    }  # fmt: skip

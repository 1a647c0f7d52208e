"""A service added and taken away again: on files as values, without an engine."""

from collections.abc import Mapping
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from stack import yamlfile
from stack.authoring import addition, fragment
from stack.authoring.addition import Changes
from stack.authoring.definition import Definition, Door, Edge, Mount
from stack.gateway.kongfile import FILE
from stack.planning import catalog, checkouts
from stack.planning.catalog import Catalog
from tests.support import ROOT

BOUNDED = settings(max_examples=25, deadline=None)
SHIPPED = ["compose/base.yml", "compose/redis.yml", FILE]
TREE = {path: (ROOT / path).read_bytes() for path in SHIPPED}
TAKEN = {*addition.RESERVED, "redis", "backend"}
NAMES = st.from_regex(r"[a-z]([a-z0-9]{0,6}(-[a-z0-9]{1,6})?)?", fullmatch=True).filter(lambda name: name not in TAKEN)
TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=20)
LINES = TEXTS.filter(lambda text: "\n" not in text and text.isprintable())
VOLUMES = st.builds(Mount, st.sampled_from(["data", "redis-data", "./compose"]), st.just("/data"))
SETTINGS = st.from_regex(r"[A-Z][A-Z0-9]{0,5}_[A-Z]{1,5}", fullmatch=True)


@st.composite
def definitions(draw: st.DrawFn, names: st.SearchStrategy[str] = NAMES) -> Definition:
    """A service as the flags may say it."""
    name = draw(names)
    ports: list[int] = draw(st.lists(st.integers(1, 65535), unique=True, max_size=3))
    open_door = bool(ports) and draw(st.sampled_from([True, False]))
    checks = ["", 'cmd:test $HOME = "/"', *(["tcp", "http:/health?x=1"] if ports else [])]
    sources = ["container-gpu", *(["localhost", "external"] if ports else [])]
    return Definition(
        name, about=draw(LINES), image="example/app:1", ports=ports, profiles=["app"],
        depends_on=draw(st.lists(st.just(Edge("redis", optional=True)), max_size=1)),
        env=draw(st.dictionaries(SETTINGS, TEXTS.map(fragment.literal), max_size=3)),
        secrets=draw(st.dictionaries(SETTINGS, st.sampled_from(["hex", "hex:64", "asked"]), max_size=2)),
        volumes=draw(st.lists(VOLUMES, max_size=1)), sources=draw(st.lists(st.sampled_from(sources), unique=True)),
        health=draw(st.sampled_from(checks)), doors=[Door(path=f"/x-{name}", port=ports[0])] if open_door else [],
        replicas=draw(st.integers(1, 5)), memory=draw(st.sampled_from(["", "512m"])),
    )  # fmt: skip


def read(files: Mapping[str, bytes]) -> Catalog:
    ours = {path: data for path, data in files.items() if path.startswith(("compose/", "overrides/"))}
    fragments, base = catalog.arrange(ours, [""])
    found = Catalog(fragments, checkouts._read_files(ours), base)
    assert catalog.check(found) == []
    return found


def put(files: Mapping[str, bytes], changes: Changes) -> dict[str, bytes]:
    return {path: data for path, data in {**files, **changes}.items() if data is not None}


def add(files: Mapping[str, bytes], definition: Definition) -> dict[str, bytes]:
    found = read(files)
    addition.check(found, definition)
    return put(files, addition.changes(found, definition, files))


def remove(files: Mapping[str, bytes], name: str) -> dict[str, bytes]:
    return put(files, addition.removal(read(files), name, files))


@BOUNDED
@given(definitions())
def test_what_is_added_and_taken_away_leaves_every_byte(definition: Definition) -> None:
    added = add(TREE, definition)
    assert added.keys() - TREE.keys() == {
        f"compose/{definition.name}.yml", *(f"overrides/{definition.name}/{s}.yml" for s in definition.sources)
    }  # fmt: skip
    assert remove(added, definition.name) == TREE


@BOUNDED
@given(definitions(st.just("one")), definitions(st.just("two")))
def test_the_first_of_two_goes_as_if_it_never_was(one: Definition, two: Definition) -> None:
    first = add(TREE, one)
    left = remove(add(first, two), "one")
    alone = add(TREE, two)
    both = (
        yamlfile.load("", left.pop("compose/two.yml").decode()),
        yamlfile.load("", alone.pop("compose/two.yml").decode()),
    )
    offsets = [document["x-stack"]["two"].pop("ports", {}) for document in both]
    assert both[0] == both[1]
    assert left == alone
    assert list(offsets[0]) == list(offsets[1])
    taken = read(first).entry("one", ["compose/one.yml"]).ports
    assert not {*taken.values()} & {*offsets[0].values()}


@BOUNDED
@given(definitions())
def test_a_container_gets_every_value_as_it_was_given(definition: Definition) -> None:
    document: Any = yamlfile.load("", add(TREE, definition)[f"compose/{definition.name}.yml"].decode())
    service = document["services"][definition.name]
    for name, value in definition.env.items():
        if name not in definition.secrets:
            assert service["environment"][name] == value
    assert len(service.get("ports", [])) == len(definition.ports)
    assert set(document["x-stack"][definition.name].get("ports", {}).values()) <= set(addition.FREE)


@BOUNDED
@given(TEXTS.filter(lambda text: "${" not in text))
def test_compose_hands_on_what_a_flag_says(text: str) -> None:
    assert fragment.literal(text).replace("$$", "$") == text


def test_a_setting_in_a_value_stays_one() -> None:
    assert (
        fragment.literal("a $x ${PUBLIC_HOST:-localhost}/$$ ${lower}")
        == "a $$x ${PUBLIC_HOST:-localhost}/$$$$ $${lower}"
    )

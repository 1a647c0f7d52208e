"""Files of fragments as one text: which of them can be, and that the text says what they say."""

from collections.abc import Mapping
from typing import Any

import pytest
from ruamel.yaml import YAML

from stack.planning import batches, catalog, joining, plan
from tests.model.shipped import FRAGMENTS, TEXTS


def catalogue(texts: Mapping[str, str]) -> catalog.Catalog:
    """Only what tells files of different fragments apart, and where their sections are."""
    fragments, base = catalog.arrange(texts, [""])
    return catalog.Catalog(
        fragments, {path: catalog.File({}, {}, {}, [], joining.lines(text)) for path, text in texts.items()}, base
    )


def joined(texts: Mapping[str, str], sources: Mapping[str, str], network: str = "") -> tuple[list[str], str | None]:
    """What Compose is given in place of the files of these sources."""
    found = catalogue(texts)
    files = plan.file_list(found, {**dict.fromkeys(found.fragments, catalog.PLAIN), **sources}, network)
    mine = batches.own(found, files)
    return joining.joined(found, files, mine, {path: text.encode() for path, text in texts.items()})


def values(text: str | None) -> list[Any]:
    """The documents of a text, with the tags by which a file drops what another one says."""
    return list(YAML().load_all(text or ""))


def test_all_that_is_shipped_is_one_text_but_for_the_layout() -> None:
    for source in catalog.FAR:
        chosen = {name: source for name, one in FRAGMENTS.items() if source in one.overrides}
        assert joined(TEXTS, chosen, "tiered")[0] == [joining.STDIN, "overrides/base/tiered.yml"]


USUAL = "services:\n  a: {image: a}\n"


@pytest.mark.parametrize(
    "text",
    [
        "services:\n  b:\n    image: |+\n      x\n\n\nvolumes:\n  v:\n",
        "# a word\nvolumes:\n  v:\n\nservices:  # another\n\n  # and one more\n  b:\n    image: b\n# the end\n",
        "services:\n  b:\n    environment: &env {A: 1}\n    labels: *env\n",
        "services:\n  b: !override\n    image: é b\n    ports: !reset null\nx-stack:\n  b:\n    about: B\n",
    ],
)
def test_what_is_joined_stands_as_it_stood(text: str) -> None:
    files, whole = joined({"compose/a.yml": USUAL, "compose/b.yml": text}, {})
    assert files == [joining.STDIN]
    [document] = values(whole)
    [alone] = values(text)
    assert document["services"].pop("a") == {"image": "a"}
    assert {name: str(section) for name, section in document.items()} == {n: str(s) for n, s in alone.items()}


@pytest.mark.parametrize(
    "text",
    [
        "", "services:\n", "services: {b: {image: b}}\n", "services:\n    b:\n      image: b\n", "- services\n",
        "services:\n  b: {image: b}", "services:\n  b: {image: b}\nname: x\n", "include:\n  - c.yml\n", "{",
        "---\nservices:\n  b: {image: b}\n", "services:\n  b: {image: b}\n---\nservices:\n  c: {image: c}\n",
        "services:\n  b: {extends: {service: a}}\n", "services: !override\n  b: {image: b}\n",
        "services: &all\n  b: {image: b}\n", "services:\n  b: {labels: &l {A: 1}}\nx-stack:\n  b: {settings: *l}\n",
        "services:\n- b\n", 'services: "b"\n', "? services\n: {b: {image: b}}\n", "services: *a\n",
        "services:\n  b: {image: b}\nservices:\n  c: {image: c}\n",
    ],
    ids=repr,
)  # fmt: skip
def test_what_is_unusual_stays_a_file_of_its_own(text: str) -> None:
    assert joining.lines(text) == {}
    files, whole = joined({"compose/a.yml": USUAL, "compose/b.yml": text, "compose/c.yml": USUAL}, {})
    assert files == [joining.STDIN, "compose/b.yml"]
    assert "b:" not in str(whole)


def test_a_fragment_is_joined_with_all_of_its_files_or_with_none_and_one_file_alone_is_itself() -> None:
    texts = {"compose/base.yml": "networks:\n  n:\n", "compose/a.yml": USUAL, "overrides/a/far.yml": "name: x\n"}
    assert joined(texts, {"a": "far"}) == (["compose/base.yml", "compose/a.yml", "overrides/a/far.yml"], None)
    texts |= {"compose/b.yml": "services:\n  b: {image: b}\n", "overrides/b/far.yml": "services:\n  b: {tty: true}\n"}
    files, text = joined(texts, {"a": "far", "b": "far"})
    assert files == [joining.STDIN, "compose/a.yml", "overrides/a/far.yml"]
    assert values(text) == [
        {"services": {"b": {"image": "b"}}, "networks": {"n": None}}, {"services": {"b": {"tty": True}}},
    ]  # fmt: skip

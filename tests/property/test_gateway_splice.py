"""Entries go in and out of the gateway's file, and every other byte of it stays."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stack.errors import StackError
from stack.gateway import kongfile, splice

BOUNDED = settings(max_examples=60, deadline=None)
COMMENTS = ["", "  # why", '  # - name: "no entry"', " # [ { *x"]
QUOTED = ['"{}"', "'{}'", "{}"]
BETWEEN = ["", "{in_}# about what follows\n", "\n", "\n{in_}# one\n\n", "# at the margin\n"]
AFTER = ["", "\n", "\n# Those who may.\n", "# no blank line\n"]


@st.composite
def block_entry(draw: st.DrawFn, name: str, dash: int, step: int) -> str:
    """One entry of a block list, in one of the styles that people write."""
    margin, inside, nested = " " * dash, " " * (dash + step), draw(st.sampled_from([0, 2]))
    quote, comment = draw(st.sampled_from(QUOTED)), draw(st.sampled_from(COMMENTS))
    lead = f"{margin}-{' ' * (step - 1)}"
    if draw(st.integers(0, 4)) == 0:
        route = f'{{name: "{name}", paths: ["/{name}/"]}}'
        return f'{lead}{{name: "{name}", url: "http://{name}:80", routes: [{route}]}}{comment}\n'
    text = f'{lead}name: {quote.format(name)}{comment}\n{inside}url: "http://{name}:80"\n'
    if draw(st.booleans()):
        item = f"{inside}{' ' * nested}- "
        text += f"{inside}tags:{draw(st.sampled_from(COMMENTS))}\n{item}one\n{item}two\n"
    if draw(st.booleans()):
        text += f"{inside}plugins: [&{name} {{name: cors}}, *{name}]\n"
    if draw(st.integers(0, 3)) == 0:
        keep = draw(st.sampled_from(["", "-"]))
        text += f"{inside}_comment: |{keep}\n{inside}  some words\n{inside}  # no comment\n"
    if draw(st.integers(0, 3)) == 0:
        text += f"{inside}# of this entry\n"
    return text


@st.composite
def documents(draw: st.DrawFn) -> str:
    """A file that looks like a kong.yml."""
    head = (
        draw(st.sampled_from(["", "# The routes.\n\n", "---\n"]))
        + '_format_version: "3.0"'
        + draw(st.sampled_from(COMMENTS))
        + "\n"
    )
    names = draw(st.lists(st.sampled_from(["web", "api", "n8n"]), unique=True, max_size=3))
    kind = draw(st.sampled_from(["block", "flow", "none", "empty", "null"]))
    body = ""
    if kind == "block" and names:
        dash, step = draw(st.sampled_from([0, 2, 4])), draw(st.sampled_from([2, 3, 4]))
        body = f"services:{draw(st.sampled_from(COMMENTS))}\n"
        for name in names:
            body += draw(st.sampled_from(BETWEEN)).format(in_=" " * dash) + draw(block_entry(name, dash, step))
    elif kind == "flow":
        space = draw(st.sampled_from(["", " ", "\n  "]))
        items = f",{space or ' '}".join(f'{{"name": "{name}", "url": "http://{name}:80"}}' for name in names)
        comma = draw(st.sampled_from(["", ","])) if items else ""
        body = f"services: [{space}{items}{comma}{space}]{draw(st.sampled_from(COMMENTS))}\n"
    elif kind == "empty":
        body = "services: []\n"
    elif kind == "null":
        body = f"services:{draw(st.sampled_from(COMMENTS))}\n"
    tail = draw(st.sampled_from(AFTER)) + draw(
        st.sampled_from(["", "consumers:\n  - username: anon\n", "plugins: []\n"])
    )
    text = head + body + tail if draw(st.booleans()) else head + tail + body
    if draw(st.booleans()):
        text = (
            text.rstrip("\n") if not text.rstrip().endswith("no comment") else text
        )  # its last line end is part of the value
    return text.replace("\n", "\r\n") if draw(st.booleans()) else text


def entry(name: str) -> dict[str, Any]:
    return {
        "name": name, "url": f"http://{name}:8000", "connect_timeout": 2000,
        "plugins": [{"name": "basic-auth", "config": {"hide_credentials": True}}],
        "routes": [{"name": name, "paths": [f"/{name}/", f"~/{name}$"], "strip_path": True}],
    }  # fmt: skip


KINDS = st.sampled_from(["services", "upstreams"])


@BOUNDED
@given(documents(), KINDS)
def test_what_is_added_reads_as_meant_and_its_removal_gives_back_every_byte(text: str, kind: str) -> None:
    added = splice.add(text, kind, entry("added"))
    before, after = kongfile.read(text), kongfile.read(added)
    assert after == {**before, kind: [*(before.get(kind) or []), entry("added")]}
    assert splice.remove(added, kind, "added") == text


@BOUNDED
@given(documents())
def test_lines_that_are_not_the_entrys_stay_in_their_order(text: str) -> None:
    after = splice.add(text, "services", entry("added")).splitlines()
    changed = [line for line in text.splitlines() if line not in after]
    assert len(changed) <= ("services: [" in text)
    left = iter(after)
    assert all(line in left for line in text.splitlines() if line not in changed)


@BOUNDED
@given(documents(), KINDS)
def test_of_two_the_first_can_go_as_if_it_never_was(text: str, kind: str) -> None:
    both = splice.add(splice.add(text, kind, entry("one")), kind, entry("two"))
    assert splice.remove(both, kind, "one") == splice.add(text, kind, entry("two"))
    assert splice.remove(both, kind, "two") == splice.add(text, kind, entry("one"))


@BOUNDED
@given(documents())
def test_two_are_the_same_in_either_order_but_for_the_order(text: str) -> None:
    one = kongfile.read(splice.add(splice.add(text, "services", entry("one")), "services", entry("two")))
    other = kongfile.read(splice.add(splice.add(text, "services", entry("two")), "services", entry("one")))
    assert one["services"][:-2] == other["services"][:-2]
    assert one["services"][-2:] == other["services"][:-3:-1]


@BOUNDED
@given(documents())
def test_a_name_is_taken_once(text: str) -> None:
    added = splice.add(text, "services", entry("added"))
    with pytest.raises(StackError) as refused:
        splice.add(added, "services", entry("added"))
    assert refused.value.problems[0].code == "gateway-name"


@BOUNDED
@given(documents())
def test_an_entry_of_the_files_own_goes_alone(text: str) -> None:
    before = kongfile.read(text)
    for own in before.get("services") or []:
        after = kongfile.read(splice.remove(text, "services", own["name"]))
        assert (after.get("services") or []) == [item for item in before["services"] if item is not own]
        assert {k: v for k, v in after.items() if k != "services"} == {
            k: v for k, v in before.items() if k != "services"
        }


def test_a_place_that_lines_would_change_is_left_to_the_user() -> None:
    text = 'services:\n  - name: "a"\n    _comment: |+\n      words\n\nplugins: []\n'
    with pytest.raises(StackError) as refused:
        splice.add(text, "services", entry("added"))
    assert refused.value.problems[0].code == "gateway-style"


def test_an_anchor_that_others_use_does_not_go() -> None:
    text = 'services:\n  - name: "a"\n    plugins: [&p {name: cors}]\n  - name: "b"\n    plugins: [*p]\n'
    with pytest.raises(StackError) as refused:
        splice.remove(text, "services", "a")
    assert refused.value.problems[0].code == "gateway-anchor"
    assert "*p" in refused.value.problems[0].message
    assert kongfile.read(splice.remove(text, "services", "b"))["services"][0]["name"] == "a"

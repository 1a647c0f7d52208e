"""A text of the assembled project means the same in a container of Kubernetes as it does to Compose."""

import re
from collections.abc import Mapping

from hypothesis import given, settings
from hypothesis import strategies as st

from stack.kubernetes import words

SCOPE = words.Scope("test")
SECRETS = {"A_PASSWORD": "one$two", "B": "", "LONGER_NAME": "$(HOME) x"}
PIECES = st.text(st.sampled_from("$(){}:-?aA_ \n"), max_size=6) | st.text(max_size=4)
TEXTS = st.lists(PIECES.map(lambda piece: piece.replace("$", "$$"))
                 | st.sampled_from([f"${{{name}:{mark}}}" for name in SECRETS for mark in ("?not set", "-")]),
                 max_size=6).map("".join)  # fmt: skip
"""What is in an assembled project: each dollar stands twice, but before a secret."""


def by_compose(value: str) -> str:
    """Compose's interpolation of such a text (docs.docker.com, Interpolation)."""
    return re.sub(r"\$\$|\$\{(\w+):[?-][^}]*\}", lambda found: SECRETS[found[1]] if found[1] else "$", value)


def by_kubelet(value: str, around: Mapping[str, str]) -> str:
    """What the kubelet makes of a container's command, argument or variable: `$(NAME)` is a variable if there is one,
    and `$$` a dollar (kubernetes.io, API reference, Container: args)."""
    pattern = r"\$\$|\$\(([^)]*)\)"
    return re.sub(pattern, lambda one: "$" if one[0] == "$$" else around.get(one[1], one[0]), value, flags=re.DOTALL)


def environment(service: Mapping[str, object]) -> dict[str, str]:
    """The variables of a container, in their order, as the kubelet has them."""
    found: dict[str, str] = {}
    for variable in words.variables(SCOPE, service):
        key = variable.get("valueFrom", {}).get("secretKeyRef")
        found[variable["name"]] = SECRETS[key["key"]] if key else by_kubelet(variable["value"], found)
    return found


@settings(max_examples=300, deadline=None)
@given(TEXTS, TEXTS)
def test_a_variable_and_an_argument_are_what_compose_would_make_of_them(value: str, argument: str) -> None:
    around = environment({"environment": {"VALUE": value}, "command": [argument]})
    assert around["VALUE"] == by_compose(value)
    assert by_kubelet(words.text(argument), around) == by_compose(argument)


@settings(max_examples=100, deadline=None)
@given(PIECES)
def test_what_nobody_replaces_anything_in_has_each_dollar_once(piece: str) -> None:
    assert words.plain(piece.replace("$", "$$")) == piece
    assert by_kubelet(words.literal(piece), {"a": "b", "A": "c"}) == piece


@given(st.text(max_size=90))
def test_any_volume_has_a_name_that_an_object_may_have(name: str) -> None:
    assert re.fullmatch(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", words.label(name))
    assert re.fullmatch(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", words.digested(name, name))

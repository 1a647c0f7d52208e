"""How the shipped files are written."""

import re

import pytest

from stack.env import variables
from tests.model.shipped import TEXTS


@pytest.mark.parametrize("path", sorted(TEXTS))
def test_defaults_hold_for_empty_values_too_and_nothing_must_be_set(path: str) -> None:
    """An empty value counts as unset, so only `:-` and `:+`; what is missing is told by the plan, in its own words."""
    text = variables.without_comments(TEXTS[path])
    assert re.findall(r"(?<!\$)\$\{\w+(?!\w|\}|:[-+])[^}]*\}", text) == []


@pytest.mark.parametrize("path", sorted(TEXTS))
def test_no_hyphen_reaches_a_variable(path: str) -> None:
    assert all(re.fullmatch(r"[A-Z][A-Z0-9_]*", name) for name in variables.variables(TEXTS[path]))


@pytest.mark.parametrize("path", sorted(path for path in TEXTS if path.endswith("/external.yml")))
def test_a_source_elsewhere_has_no_default_address(path: str) -> None:
    addresses = {n: default for n, default in variables.variables(TEXTS[path]).items() if "EXTERNAL_URL" in n}
    assert addresses
    assert set(addresses.values()) == {None}


def test_a_variable_of_several_fragments_has_one_default() -> None:
    """Else two services would disagree on a setting that nobody set."""
    defaults: dict[str, dict[str, str]] = {}
    for path, text in TEXTS.items():
        for name, default in variables.variables(text).items():
            if default is not None and path.startswith("compose/"):
                defaults.setdefault(name, {})[default] = path
    assert {name: found for name, found in defaults.items() if len(found) > 1} == {}

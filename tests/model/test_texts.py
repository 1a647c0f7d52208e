"""How the shipped files are written."""

import re

import pytest

from stack.env import variables
from tests.model.shipped import TEXTS


def test_defaults_hold_for_empty_values_too_and_nothing_must_be_set() -> None:
    """An empty value counts as unset, so only `:-` and `:+`; what is missing is told by the plan, in its own words."""
    other = re.compile(r"(?<!\$)\$\{\w+(?!\w|\}|:[-+])[^}]*\}")
    found = {path: other.findall(variables.without_comments(text)) for path, text in TEXTS.items()}
    assert {path: wrong for path, wrong in found.items() if wrong} == {}


def test_no_hyphen_reaches_a_variable() -> None:
    names = [(path, name) for path, text in TEXTS.items() for name in variables.variables(text)]
    assert [one for one in names if not re.fullmatch(r"[A-Z][A-Z0-9_]*", one[1])] == []


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

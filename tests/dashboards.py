"""The expressions of the provisioned dashboards, and the measurements in them."""

import json
import re
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[1] / "compose/grafana/dashboards"
DASHBOARDS = sorted(FOLDER.glob("*.json"))
# What else can be a word in PromQL, as far as it is used here.
KEYWORDS = {"by", "or", "and", "unless"}
TYPED = re.compile(r"^# TYPE (\S+) (\S+)", re.MULTILINE)
PARTS = {"histogram": ("_bucket", "_count", "_sum"), "summary": ("", "_count", "_sum")}


def expressions(name: str) -> list[str]:
    """Every expression of one dashboard."""
    panels = json.loads((FOLDER / f"{name}.json").read_text())["panels"]
    return [target["expr"] for panel in panels for target in panel["targets"]]


def measurements(expression: str) -> set[str]:
    """The names of the series that an expression reads."""
    bare = re.sub(r"\{[^}]*\}|\[[^\]]*\]|\bby\s*\([^)]*\)", " ", expression)
    return set(re.findall(r"\b[A-Za-z_]\w*\b(?!\s*\()", bare)) - KEYWORDS


def shown(name: str) -> set[str]:
    """The names of the series that a dashboard reads."""
    return {series for expression in expressions(name) for series in measurements(expression)}


def given(text: str) -> set[str]:
    """The names of the series that a program gives, by what it says of its measurements."""
    return {name + part for name, kind in TYPED.findall(text) for part in PARTS.get(kind, ("",))}

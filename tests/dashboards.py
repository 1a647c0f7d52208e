"""The expressions of the provisioned dashboards, and the measurements in them."""

import json
import re
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[1] / "compose/grafana/dashboards"
DASHBOARDS = sorted(FOLDER.glob("*.json"))
# What else can be a word in PromQL, as far as it is used here.
KEYWORDS = {"by", "or", "and", "unless"}


def expressions(name: str) -> list[str]:
    """Every expression of one dashboard."""
    panels = json.loads((FOLDER / f"{name}.json").read_text())["panels"]
    return [target["expr"] for panel in panels for target in panel["targets"]]


def measurements(expression: str) -> set[str]:
    """The names of the series that an expression reads."""
    bare = re.sub(r"\{[^}]*\}|\[[^\]]*\]|\bby\s*\([^)]*\)", " ", expression)
    return set(re.findall(r"\b[a-z_]+\b(?!\s*\()", bare)) - KEYWORDS

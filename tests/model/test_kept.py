"""What is kept between commands: a plan is the same whatever was kept before it, and little is asked for again."""

import json
import shutil
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from stack import compose, tree
from stack.planning import batches, catalog, joining, plan, planner
from stack.planning.planner import Request
from tests.answers import kept
from tests.model.shipped import ADDRESSES, FRAGMENTS, PROFILES, TEXTS
from tests.support import Checkout, keep

SOURCED = [
    f"{name}={source}"
    for name, fragment in FRAGMENTS.items()
    for source in fragment.sources()
    if source != catalog.DISABLED
]
CHANGED = sorted(path for path in TEXTS if path.startswith("compose/") and "environment:\n" in TEXTS[path])
EXAMPLES = settings.default.max_examples if settings.default else 100
"""As many as `--hypothesis-profile long` says, else a few: each merges the catalogue three times."""


def planned(root: Path, request: Request) -> str:
    """The plan's data and the model that it was cut from, as bytes would be printed."""
    made = planner.make(root, request)
    return json.dumps([plan.data(made.plan), made.facts.model])


def cold(root: Path, request: Request) -> str:
    """The same with nothing kept."""
    shutil.rmtree(root / tree.GENERATED, ignore_errors=True)
    return planned(root, request)


REQUESTS = st.builds(
    Request,
    profiles=st.lists(st.sampled_from(PROFILES), min_size=1, max_size=3, unique=True).map(tuple),
    sources=st.lists(st.sampled_from(SOURCED), max_size=4, unique_by=lambda s: s.partition("=")[0]).map(tuple),
    exact=st.booleans(),
)


@settings(max_examples=EXAMPLES if EXAMPLES > 100 else 3, deadline=None, suppress_health_check=list(HealthCheck))
@given(request=REQUESTS, before=REQUESTS, changed=st.sampled_from(CHANGED))
def test_a_plan_is_the_same_whatever_was_kept(
    checkout: Checkout, answers: Path, monkeypatch: pytest.MonkeyPatch, request: Request, before: Request, changed: str
) -> None:
    monkeypatch.setattr(compose, "config", kept(answers))
    for name, address in ADDRESSES.items():
        monkeypatch.setenv(name, address)
    path = checkout.root / changed
    path.write_text(TEXTS[changed])
    fresh = cold(checkout.root, request)
    assert planned(checkout.root, request) == fresh
    planned(checkout.root, before)
    path.write_text(TEXTS[changed].replace("environment:\n", "environment:\n      CHANGED: here\n", 1))
    one_changed = planned(checkout.root, request)
    assert one_changed == cold(checkout.root, request)
    assert "CHANGED" in one_changed


@pytest.fixture
def asked(answers: Path, monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """Of each question to Compose, the files by their names, and the services of those that it is given as one text."""
    found: list[list[str]] = []
    config = kept(answers)

    def counted(root: Path, files: list[str], env: dict[str, str], project: str, text: str | None = None) -> str:
        together = [name for part in YAML(typ="safe").load_all(text or "") for name in (part or {}).get("services", {})]
        found.append([*(file for file in files if file != joining.STDIN), *together])
        return config(root, files, env, project, text)

    monkeypatch.setattr(compose, "config", counted)
    return found


def test_of_a_changed_file_one_fragment_is_asked_for(checkout: Checkout, asked: list[list[str]]) -> None:
    planner.make(checkout.root, Request())
    assert len(asked) == len(batches.split([*FRAGMENTS])) > 1
    asked.clear()
    path = checkout.root / "compose" / "redis.yml"
    path.write_text(path.read_text().replace("appendonly", "appendfsync"))
    planner.make(checkout.root, Request())
    assert asked == [["redis"]]
    asked.clear()
    (checkout.root / ".env").write_text("REDIS_MEMORY=3g\n")
    planner.make(checkout.root, Request())
    assert asked == [["redis"]]


def test_what_two_files_say_of_one_volume_is_never_kept_for_one_alone(
    checkout: Checkout, asked: list[list[str]]
) -> None:
    keep(checkout.root)
    mine = checkout.root / "compose" / "mine.yml"
    alone = "services: {mine: {image: mine}}\n"
    for more in ("volumes: {redis-data: {labels: {a: b}}}\n", "", "volumes: {redis-data: }\n"):
        mine.write_text(alone + more)
        made = planned(checkout.root, Request())
        assert made == cold(checkout.root, Request())
        assert ('"labels": {"a": "b"}' in made) == ("labels" in more)
    mine.unlink()
    planned(checkout.root, Request())
    asked.clear()
    assert planned(checkout.root, Request()) == cold(checkout.root, Request())

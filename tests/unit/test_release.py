"""What must agree across files at a release."""

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

import stack
from stack.builds import base
from stack.engine import compose_plugin, probe, verdict

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def project() -> dict[str, Any]:
    """pyproject.toml's own part."""
    found: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    return found


def test_the_version_is_the_same_everywhere(project: dict[str, Any]) -> None:
    assert project["version"] == stack.__version__ == base.TAG.partition(":")[2]


def locked(name: str) -> dict[str, str]:
    """What a lock pins: versions by package."""
    text = (ROOT / name).read_text()
    return dict(re.findall(r"^([a-z0-9][a-z0-9-]*)==([^\s;]+)", text, re.MULTILINE))


def names(requirements: list[str]) -> set[str]:
    return {re.sub(r"[-_.]+", "-", re.split(r"[^\w.-]", entry)[0]).lower() for entry in requirements}


def test_the_locks_pin_all_that_the_project_asks_for(project: dict[str, Any]) -> None:
    run, dev = locked("requirements.lock"), locked("requirements-dev.lock")
    assert names(project["dependencies"]) <= set(run)
    assert names(project["optional-dependencies"]["dev"]) <= set(dev)
    assert run.items() <= dev.items()


@pytest.mark.parametrize("name", ["requirements.lock", "requirements-dev.lock"])
def test_every_locked_package_has_its_digests_and_no_address(name: str) -> None:
    text = (ROOT / name).read_text()
    entries = re.split(r"^(?=[a-z0-9])", text, flags=re.MULTILINE)[1:]
    assert all("--hash=sha256:" in entry for entry in entries)
    assert "://" not in text


@pytest.mark.parametrize("release", [compose_plugin.CLASSIC, compose_plugin.NEWEST])
def test_the_compose_that_is_installed_is_new_enough(release: compose_plugin.Release) -> None:
    assert probe.version(release.version) >= probe.version(verdict.OLDEST_COMPOSE)

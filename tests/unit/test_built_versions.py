"""A program that is built here is the version of the image that it stands in for, where its packages are pinned."""

import json
import re

import pytest

from tests.support import ROOT


def pulled(service: str, image: str = "") -> str:
    """The version in the tag of a service's image, or of another one of its fragment."""
    text = (ROOT / f"compose/{service}.yml").read_text()
    found = re.search(rf"\$\{{{image or service.upper()}_IMAGE:-[^}}]*:v?(\d+\.\d+\.\d+)", text)
    assert found is not None
    return found[1]


def test_n8n_from_npm_is_the_version_of_the_image() -> None:
    wanted = json.loads((ROOT / "compose/n8n/image/package.json").read_text())["dependencies"]["n8n"]
    locked = json.loads((ROOT / "compose/n8n/image/package-lock.json").read_text())["packages"]["node_modules/n8n"]
    assert wanted == locked["version"] == pulled("n8n") == pulled("n8n", "N8N_RUNNERS")


def test_litellm_from_pypi_is_the_version_of_the_image() -> None:
    assert f"\nlitellm=={pulled('litellm')} " in (ROOT / "compose/litellm/requirements.lock").read_text()


def test_a_lock_names_no_host_and_holds_a_hash_for_every_package() -> None:
    packages = json.loads((ROOT / "compose/n8n/image/package-lock.json").read_text())["packages"]
    assert [name for name, entry in packages.items() if "resolved" in entry] == []
    installed = {name: entry for name, entry in packages.items() if name and not entry.get("inBundle")}
    assert [name for name, entry in installed.items() if not entry.get("integrity")] == []


@pytest.mark.parametrize("service", ["backend", "jupyter", "litellm", "local-deep-researcher"])
def test_what_pip_installs_is_pinned_with_hashes(service: str) -> None:
    lines = (ROOT / f"compose/{service}/requirements.lock").read_text().splitlines()
    packages = [line for line in lines if re.match(r"[a-z]", line)]
    assert packages
    assert all("==" in line and line.endswith("\\") for line in packages)

"""What the model tests share: what is shipped, with Compose in two versions."""

import os
from pathlib import Path

import pytest

from stack import compose
from tests import support
from tests.answers import kept
from tests.model import plugins
from tests.model.shipped import ADDRESSES, Shipped


def _with(version: str, root: Path, folder: Path, patch: pytest.MonkeyPatch) -> Shipped:
    """What is shipped, with a version of Compose; there is no engine, and no setting in the shell but the
    addresses of what is elsewhere."""
    for name in set(os.environ) - support.environment().keys():
        patch.delenv(name)
    plugin = {"DOCKER_CONFIG": str(plugins.folder(version))}
    for name, value in {**support.environment(), **ADDRESSES, **plugin}.items():
        patch.setenv(name, value)
    patch.setattr(compose, "config", kept(folder))
    return Shipped(root, version)


@pytest.fixture(params=plugins.VERSIONS)
def shipped(request: pytest.FixtureRequest, root: Path, answers: Path, monkeypatch: pytest.MonkeyPatch) -> Shipped:
    """What is shipped, with each version of Compose."""
    return _with(request.param, root, answers, monkeypatch)


@pytest.fixture
def shipped_once(root: Path, answers: Path, monkeypatch: pytest.MonkeyPatch) -> Shipped:
    """What is shipped, with the oldest version, for what the others show as well."""
    return _with(plugins.VERSIONS[0], root, answers, monkeypatch)


@pytest.fixture
def shipped_newest(root: Path, answers: Path, monkeypatch: pytest.MonkeyPatch) -> Shipped:
    """What is shipped, with the newest version."""
    return _with(plugins.VERSIONS[-1], root, answers, monkeypatch)

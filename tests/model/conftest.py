"""What the model tests share: Compose in two versions, and a checkout that is only read."""

import os
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

import pytest
from filelock import FileLock

from stack import docker
from tests import support
from tests.model import plugins
from tests.model.shipped import ADDRESSES, Shipped


@pytest.fixture(scope="session")
def root(tmp_path_factory: pytest.TempPathFactory, bytecode: None) -> Path:
    """A copy of what is shipped, shared by all workers: what Compose made of it is kept there."""
    folder = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        folder = folder.parent
    checkout = folder / "shipped"
    with FileLock(folder / "shipped.lock"):
        if not checkout.exists():
            support.make(checkout, support.SHIPPED, {})
    return checkout


REAL = docker.config


@cache
def _said(root: Path, files: tuple[str, ...], env: tuple[tuple[str, str], ...], project: str, _: object) -> str:
    return REAL(root, files, dict(env), project)


def _config(root: Path, files: Sequence[str], env: Mapping[str, str], project: str) -> str:
    """Compose's answer, for which it is asked once: nobody writes to what is shipped, and the combinations of sources
    have most of their batches in common."""
    around = tuple(sorted(docker.bare_environment().items()))
    return _said(root, tuple(files), tuple(sorted(env.items())), project, around)


def _with(version: str, root: Path, patch: pytest.MonkeyPatch) -> Shipped:
    """What is shipped, with a version of Compose; there is no engine, and no setting in the shell but the
    addresses of what is elsewhere."""
    for name in set(os.environ) - support.environment().keys():
        patch.delenv(name)
    plugin = {"DOCKER_CONFIG": str(plugins.folder(version))}
    for name, value in {**support.environment(), **ADDRESSES, **plugin}.items():
        patch.setenv(name, value)
    patch.setattr(docker, "config", _config)
    return Shipped(root, version)


@pytest.fixture(params=plugins.VERSIONS)
def shipped(request: pytest.FixtureRequest, root: Path, monkeypatch: pytest.MonkeyPatch) -> Shipped:
    """What is shipped, with each version of Compose."""
    return _with(request.param, root, monkeypatch)


@pytest.fixture
def shipped_once(root: Path, monkeypatch: pytest.MonkeyPatch) -> Shipped:
    """What is shipped, with the oldest version, for what the others show as well."""
    return _with(plugins.VERSIONS[0], root, monkeypatch)


@pytest.fixture
def shipped_newest(root: Path, monkeypatch: pytest.MonkeyPatch) -> Shipped:
    """What is shipped, with the newest version."""
    return _with(plugins.VERSIONS[-1], root, monkeypatch)

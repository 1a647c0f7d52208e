"""Compose files as hypothesis makes them: what Compose makes of theirs and of ours agrees in every field but those that
are changed on purpose. More examples: `pytest --hypothesis-profile long`."""

import itertools
import json
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stack import docker
from stack.authoring import addition, compose_file, fragment, renaming
from stack.planning.assembly import to_yaml
from tests.model import plugins
from tests.support import ROOT

EXAMPLES = settings.default.max_examples if settings.default else 100
BOUNDED = settings(max_examples=EXAMPLES if EXAMPLES > 100 else 4, deadline=None)
CHANGED = ("networks", "container_name", "profiles", "logging", "links", "deploy", "restart", "scale", "ports",
           "environment", "volumes", "depends_on", "mem_limit", "cpus", "pids_limit", "mem_reservation")  # fmt: skip
"""What has its own place or form here; of some of it the substance is compared."""

WORDS = st.from_regex(r"[a-z][a-z0-9 =:.,/_-]{0,11}", fullmatch=True)
SCALARS = st.one_of(
    WORDS, st.booleans(), st.integers(-999, 99999),
    st.sampled_from(["", "1e6", "012", "2026-01-02", "yes", "null", "$$x"]),
    st.sampled_from(["${A:-one}", "${B-two}", "x${C:-}y", "${D:-${E:-deep}}", "$$HOME/${F:-bin}", "${G:+set}"]),
)  # fmt: skip
KEYS = st.from_regex(r"[A-Z][A-Z_]{0,7}[A-Z]", fullmatch=True)
TIMES = st.sampled_from(["5s", "1m30s", "500ms"])
SERVICE = st.fixed_dictionaries(
    {"image": st.sampled_from(["example/a:1", "${IMAGE_OF:-example/b:2}", "reg.example.org:5000/c:3"])},
    optional={
        "environment": st.dictionaries(KEYS, SCALARS, max_size=4),
        "command": st.one_of(st.lists(WORDS, min_size=1, max_size=3), st.just("run --now")),
        "entrypoint": st.lists(WORDS, min_size=1, max_size=2), "user": st.sampled_from(["1000:1000", "app"]),
        "working_dir": st.just("/srv"), "hostname": st.just("here.example"), "init": st.booleans(),
        "read_only": st.booleans(), "tty": st.booleans(), "stdin_open": st.booleans(),
        "cap_drop": st.just(["ALL"]), "cap_add": st.just(["NET_ADMIN"]), "stop_signal": st.just("SIGINT"),
        "security_opt": st.just(["no-new-privileges:true"]), "stop_grace_period": TIMES, "shm_size": st.just("64m"),
        "dns": st.just(["10.0.0.2"]), "extra_hosts": st.just(["far:10.0.0.1"]), "expose": st.just(["${P:-9000}"]),
        "labels": st.dictionaries(st.sampled_from(["a", "b.c"]), st.one_of(WORDS, st.integers(0, 9)), max_size=2),
        "sysctls": st.just({"net.core.somaxconn": 1024}), "ulimits": st.just({"nofile": {"soft": 10, "hard": 20}}),
        "tmpfs": st.just(["/run", "/tmp:size=64m"]), "group_add": st.just(["44"]), "platform": st.just("linux/amd64"),
        "healthcheck": st.fixed_dictionaries({"test": st.sampled_from([["CMD", "true"], "exit 0", ["NONE"]])},
                                             optional={"interval": TIMES, "retries": st.integers(1, 9)}),
        "ports": st.lists(st.sampled_from(["80", "8080:81", "127.0.0.1:82:82", "${PORT_OF:-83}:83"]), unique=True),
        "volumes": st.lists(st.sampled_from(["data:/data", "./state:/var/lib/x", "/nowhere/x:/x", "${DIR:-./y}:/y:ro"]),
                            unique=True, max_size=3),
        "restart": st.sampled_from(["always", "unless-stopped", "on-failure"]), "mem_limit": st.just("64m"),
        "cpus": st.sampled_from([0.5, "${CPUS:-2}"]), "logging": st.just({"driver": "json-file"}),
    },
)  # fmt: skip


@st.composite
def files(draw: st.DrawFn) -> dict[str, Any]:
    """A file of some services, of which each may wait for those above it. Many in one file, as Compose takes long."""
    services = {}
    for number in range(draw(st.integers(4, 8))):
        raw: dict[str, Any] = draw(SERVICE)
        if number and draw(st.booleans()):
            raw["depends_on"] = {
                f"s_{number - 1}": {"condition": draw(st.sampled_from(["service_started", "service_healthy"]))}
            }
            raw["environment"] = {
                **raw.get("environment", {}),
                "UPSTREAM_URL": f"http://s_{number - 1}:80/s_{number - 1}",
            }
        services[f"s_{number}"] = raw
    return {"services": services, "volumes": {"data": None}}


def config(folder: Path, *names: str, env: dict[str, str]) -> dict[str, Any]:
    words = [word for name in names for word in ("-f", name)]
    args = ["compose", *words, "-p", "x", "--profile", "*", "config", "--no-path-resolution", "--format", "json"]
    done = docker.run(args, cwd=folder, env={**docker.environment(), **env}, timeout=120)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)["services"]
    return found


@pytest.fixture(scope="module", params=plugins.VERSIONS, autouse=True)
def version(request: pytest.FixtureRequest) -> Iterator[None]:
    """Each Compose in its turn, the oldest that is supported and the newest."""
    before = os.environ.get("DOCKER_CONFIG")
    os.environ["DOCKER_CONFIG"] = str(plugins.folder(request.param))
    yield
    os.environ.pop("DOCKER_CONFIG")
    os.environ |= {"DOCKER_CONFIG": before} if before else {}


@BOUNDED
@given(files())
def test_theirs_and_ours_agree_but_where_it_is_meant_otherwise(document: dict[str, Any]) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "compose.yml").write_text(to_yaml(document))
        made, losses = compose_file.read(str(folder / "compose.yml"), "mine", {})
        made = msgspec.structs.replace(made, profiles=["app"])
        offsets = dict(zip(addition.offsets_of(made), itertools.count(21)))
        (folder / "mine.yml").write_text(fragment.text(made, offsets, {}))
        (folder / "base.yml").write_text((ROOT / "compose/base.yml").read_text())
        theirs = config(folder, "compose.yml", env={})
        ours = config(folder, "base.yml", "mine.yml", env={key: str(40000 + value) for key, value in offsets.items()})
    told = {loss.path for loss in losses}
    names = {part.about.removesuffix(" of mine"): part.name for part in made.companions}
    names |= dict.fromkeys(theirs.keys() - names.keys(), "mine")
    assert {*ours} == {*names.values()}
    for old, their in theirs.items():
        our = ours[names[old]]
        for key in (their.keys() | our.keys()) - {*CHANGED}:
            assert renaming.renamed(json.dumps(their.get(key)), names) == json.dumps(our.get(key)), f"{old}.{key}"
        assert environment(their, names) == environment(our, {}), old
        assert targets(their) == targets(our), old
        mounts = [{one["target"] for one in service.get("volumes") or []} for service in (their, our)]
        assert mounts[0] == mounts[1] or f"{old}.volumes" in told, old
        waits = {names[to]: edge["condition"] for to, edge in (their.get("depends_on") or {}).items()}
        assert waits == {to: edge["condition"] for to, edge in (our.get("depends_on") or {}).items()}, old


def environment(service: dict[str, Any], names: dict[str, str]) -> dict[str, str]:
    """What the container is given, with hosts under their new names."""
    return {key: renaming.renamed(value or "", names) for key, value in (service.get("environment") or {}).items()}


def targets(service: dict[str, Any]) -> set[int]:
    return {port["target"] for port in service.get("ports") or []}

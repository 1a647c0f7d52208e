"""A bundle's images and models go from one engine to another; and the whole of it, on a machine without any network."""

import functools
import os
import re
import shutil
import subprocess
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import msgspec
import pytest

from stack.builds import base
from stack.bundle import archive, images, load, manifest, models, packages
from stack.bundle.archive import Bundle
from stack.output.progress import Progress
from tests.engine.support import engines, stacks
from tests.engine.support.engines import Engine
from tests.engine.support.stacks import SOURCE_TREE, Done, Stack, docker, run
from tests.support import GATHERED, SHIPPED

DISCARD = 9
"""A port that nobody listens on: the second engine's mirror, which is never asked."""
NAMES = {name: name for name in (stacks.BASE, stacks.REDIS)}
NOTE = b'{"config": {"digest": "sha256:aa", "size": 3}, "layers": [{"digest": "sha256:bb", "size": 2000000}]}'
MODEL = {"blobs/sha256-aa": b"{ }", "blobs/sha256-bb": b"\0" * 2_000_000, models.path("small:1b"): NOTE}


@pytest.fixture
def other(tmp_path: Path) -> Iterator[Engine]:
    """An engine with nothing in it, in a network without any way out."""
    with engines.second_engine(tmp_path / "second", DISCARD) as engine:
        yield engine


@pytest.fixture
def store(base_image: str, tmp_path: Path) -> Iterator[models.Store]:
    """A volume with one model."""
    place = models.Store(f"bundle{os.getpid()}", "data", f"bundle{os.getpid()}_data", base_image)
    for name, data in MODEL.items():
        path = tmp_path / "models" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    models.make_volume(place)
    with models.reached(place) as container:
        docker("cp", str(tmp_path / "models"), f"{container}:/store")
    yield place
    docker("volume", "rm", place.volume)


def saved(target: Path, store: models.Store) -> Path:
    """A bundle of NAMES and the one model."""
    with archive.drafted(target, "k") as draft, models.reached(store) as container:
        notes = models.noted(container, ["small:1b", "not-there"])
        described = manifest.Manifest(
            manifest.FORMAT, "0.1.0", manifest.Platform("Linux", "x86_64"), [], [], [], {},
            images.save(draft, NAMES, lambda _: None), models.save(draft, container, notes, lambda _: None),
            list(draft.parts.values()),
        )  # fmt: skip
        draft.close(msgspec.json.encode(described))
    return target


def test_images_and_models_come_to_another_engine_and_what_is_there_stays(
    other: Engine, store: models.Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = {name: docker("inspect", "--format", "{{.Id}}", name) for name in NAMES}
    with archive.opened(saved(tmp_path / "x.bundle", store)) as bundle:
        layers = [name for image in bundle.manifest.images for name in image.layers]
        assert len(set(layers)) < len(layers), "a layer of both is there twice"
        assert images.lacking(bundle.manifest.images) == []
        monkeypatch.setenv("DOCKER_HOST", other.address)
        interrupted(bundle)
        loaded = load.load(bundle, Progress())
        assert len(loaded) == 1, "what was loaded before the interruption is loaded again"
        assert load.load(bundle, Progress()) == []
        assert {name: docker("inspect", "--format", "{{.Id}}", name) for name in NAMES} == ids
        models.make_volume(store)
        with models.reached(store) as container:
            (model,) = models.lacking(bundle, container)
            models.load(bundle, container, model, lambda _: None)
            assert models.lacking(bundle, container) == []
            docker("cp", f"{container}:/store/models", str(tmp_path / "back"))
    there = {
        str(path.relative_to(tmp_path / "back")): path for path in (tmp_path / "back").rglob("*") if path.is_file()
    }
    assert {name: path.read_bytes() for name, path in there.items()} == MODEL
    labels = docker("volume", "inspect", "--format", "{{.Labels}}", store.volume)
    assert f"com.docker.compose.project:{store.project}" in labels


def interrupted(bundle: Bundle) -> None:
    """Load the first image, and half of the second."""
    first, second = bundle.manifest.images
    images.load(bundle, first, lambda _: None)
    sizes = [len(chunk) for chunk in images.stream(bundle, second)]

    def stop(count: int) -> None:
        sizes.remove(count)
        if len(sizes) < 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        images.load(bundle, second, stop)


CONTROL = "Package: genai-tiny\nVersion: 1.0\nArchitecture: all\nMaintainer: none <none@none>\nDescription: tiny\n"


@pytest.mark.skipif(not packages.here().release, reason="there is no apt here")
@pytest.mark.parametrize("release", [packages.here().release, "debian 0 m68k"])
def test_apt_takes_packages_from_the_bundle_alone_on_the_release_that_they_are_for(
    tmp_path: Path, release: str
) -> None:
    (tmp_path / "tiny" / "DEBIAN").mkdir(parents=True)
    (tmp_path / "tiny" / "DEBIAN" / "control").write_text(CONTROL)
    assert run("dpkg-deb", "--build", str(tmp_path / "tiny"), str(tmp_path / "tiny.deb")).code == 0
    with archive.drafted(tmp_path / "x", "k") as draft:
        packages.save(draft, packages.DEBS, [tmp_path / "tiny.deb"])
        here = manifest.Platform("Linux", "x86_64", release)
        described = manifest.Manifest(1, "0.1.0", here, [], [], [], {}, [], [], list(draft.parts.values()))
        draft.close(msgspec.json.encode(described))
    (tmp_path / "unpacked").mkdir()
    with archive.opened(tmp_path / "x") as bundle:
        supply = packages.unpack(bundle, tmp_path / "unpacked")
    if release != packages.here().release:
        assert supply.apt() == []
        return
    assert run("apt-get", *supply.apt(), "update").code == 0
    assert "Inst genai-tiny" in run("apt-get", *supply.apt(), "--simulate", "install", "genai-tiny").out
    assert run("apt-get", *supply.apt(), "--simulate", "install", "hello").code != 0


NOWHERE = {"PIP_INDEX_URL": f"http://127.0.0.1:{DISCARD}", "PIP_RETRIES": "0", "PIP_NO_CACHE_DIR": "1"}


def test_what_is_missing_is_built_once_that_is_agreed_to(stack: Stack, tmp_path: Path) -> None:
    image = f"genai-stack/made-by-a-test:{stack.project}"
    (stack.root / "compose" / "made").mkdir()
    (stack.root / "compose" / "made" / "Dockerfile").write_text(f"FROM {stacks.BASE}\nENV VERSION=one\n")
    stack.service("made", image=image, build={"context": "./compose/made"}, environment={"KEY": "${MADE_KEY:?}"},
                  entry={"secrets": {"MADE_KEY": "hex"}})  # fmt: skip
    words = ["bundle", "--output", str(tmp_path / "x.bundle")]
    try:
        asked = stack.inv(*words, "--json")
        assert (asked.code, asked.problems[0]["code"]) == (1, "not-agreed"), asked
        assert asked.problems[0]["message"] == "to be built here: made"
        assert run("docker", "image", "inspect", image).code == 1
        # Its packages come from nowhere: what is made by then stays, and no start was.
        done = stack.inv(*words, "--yes", "--json", env=NOWHERE)
        assert (done.code, done.problems[0]["code"]) == (1, "program"), done
        assert "VERSION=one" in docker("image", "inspect", image)
        assert not (stack.root / "compose.yaml").exists()
        assert "MADE_KEY" not in stack.env()
    finally:
        run("docker", "rmi", "-f", image)


def test_up_from_a_bundle_that_is_killed_leaves_nothing_half_and_the_next_goes_on(stack: Stack, tmp_path: Path) -> None:
    image, file = f"genai-stack/came-in-a-file:{stack.project}", tmp_path / "x.bundle"
    docker("run", "--name", stack.project, stacks.BASE, "sh", "-c", "head -c 8M /dev/urandom >/noise")
    docker("commit", stack.project, image)
    docker("rm", stack.project)
    with archive.drafted(file, "k") as draft:
        described = manifest.Manifest(
            manifest.FORMAT, "0.1.0", manifest.Platform("Linux", "x86_64"), ["small"], [], [], {},
            images.save(draft, {image: image}, lambda _: None), [], list(draft.parts.values()),
        )  # fmt: skip
        draft.close(msgspec.json.encode(described))
    docker("rmi", image)
    stack.service("app", image=image, environment={"KEY": "${APP_KEY:?}"}, entry={"secrets": {"APP_KEY": "hex"}})
    before = (stack.root / ".env").read_bytes()
    try:
        for moment in ("verifying", "loading 1 of 1"):
            running = stack.start("up", "--bundle", str(file))
            running.wait_for(moment)
            running.kill()
            running.process.wait()
            assert (stack.root / ".env").read_bytes() == before, moment
            assert not (stack.root / "compose.yaml").exists(), moment
            assert stack.containers() == {}, moment
            assert stack.files_are_whole(), moment
        done = stack.inv("up", "--bundle", str(file), "--json")
        assert done.code == 0, done
        assert stack.exec("app", "stat", "-c", "%s", "/noise").strip() == str(8 * 2**20)
    finally:
        stack.inv("down", "--yes")
        run("docker", "rmi", "-f", image)


CLONE = ("inv", "pyproject.toml", "requirements.lock", "requirements-dev.lock")


class Made(NamedTuple):
    """A bundle of the core: the checkout that made it, its file, and what was said."""

    stack: Stack
    file: Path
    done: Done


@pytest.fixture(scope="module")
def made(new_lasting_stack: Callable[..., Stack], tmp_path_factory: pytest.TempPathFactory) -> Made:
    """A core of which only Redis ever ran here, and a bundle of it: what is missing is built for that."""
    stack = new_lasting_stack(whole=True, STACK_PROFILES="core", **stacks.BUILT)
    shutil.copy(SOURCE_TREE / "requirements.lock", stack.root)
    stack.up("--service", "redis")
    file = tmp_path_factory.mktemp("made") / "core.bundle"
    return Made(stack, file, typed(stack, *stack.command(("bundle", "--output", str(file), "--yes", "--json"))))


def clone(made: Made, root: Path) -> Stack:
    """A fresh clone, with a name and ports of its own; no link leads out of it."""
    stack = Stack(root, f"{made.stack.project}-offline", made.stack.base_port)
    root.mkdir()
    for name in (*CLONE, *SHIPPED):
        source = SOURCE_TREE / name
        copied = functools.partial(shutil.copytree, ignore=GATHERED) if source.is_dir() else shutil.copy
        copied(source, root / name)
    (root / ".env").write_text(f"PROJECT_NAME={stack.project}\nBASE_PORT={stack.base_port}\n")
    return stack


@pytest.mark.offline
def test_a_bundle_has_no_secret(made: Made) -> None:
    env = made.stack.env().items()
    secrets = [value for name, value in env if name not in PLAIN and not name.endswith("_SOURCE")]
    assert held(made.file, secrets) == []


@pytest.mark.offline
def test_a_fresh_clone_without_network_comes_up_healthy(
    made: Made, other: Engine, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    stack = clone(made, tmp_path / "clone")
    assert run(*other.enter, "ip", "route", "show", "default").out == ""
    words = [str(stack.root / "inv"), "up", "--bundle", str(made.file), "--json"]
    up = typed(stack, *other.enter, *words, DOCKER_HOST=other.address)
    assert sorted(up.json["data"]["loaded"]["images"]) == sorted(made.done.json["data"]["images"])
    states = docker("-H", other.address, "ps", "--format", "{{.Status}}").splitlines()
    assert len(states) == 3
    assert all(state.endswith("(healthy)") for state in states)
    with capsys.disabled():
        print(f"\n{made.done.json['data']['bytes'] / 1e6:.0f} MB\n{made.done.err}{up.err}")


ENTER = """
set -e
tree=$1 bundle=$2
mount --make-rprivate /
mount --bind "$tree" "$tree"
for name in proc sys dev; do mount --rbind "/$name" "$tree/$name"; done
for name in run var/lib/docker; do mkdir -p "$tree/$name"; mount -t tmpfs tmpfs "$tree/$name"; done
mkdir -p "$tree/before" "$tree/tmp/bundle"
mount --bind "$bundle" "$tree/tmp/bundle"
ip link set lo up
cd "$tree"
pivot_root . before
umount -l /before
cd /clone
export HOME=/root PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
if command -v docker || python3 -c "import ensurepip" 2>/dev/null || [ -n "$(ip route)" ]; then exit 9; fi
trap './inv down --volumes --yes >&2; ./inv engine --stop >&2' EXIT
./inv up --bundle /tmp/bundle/core.bundle --yes --json
"""
"""A machine that has a Debian with Python and nothing else, and no network: what is typed there, and its end."""


@pytest.mark.offline
@pytest.mark.skipif(not packages.here().release or os.geteuid() != 0, reason="it takes root on Debian or Ubuntu")
def test_a_bare_system_gets_its_engine_out_of_the_bundle(
    made: Made, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    if not shutil.which("mmdebstrap"):
        assert run("apt-get", "install", "-y", "--no-install-recommends", "mmdebstrap").code == 0
    suite, tree = base.sources()[0].split()[2], tmp_path / "tree"
    typed(made.stack, "mmdebstrap", "--quiet", "--variant=minbase", "--include=python3,iproute2", suite, str(tree),
          *base.sources())  # fmt: skip
    clone(made, tree / "clone")
    up = typed(made.stack, "unshare", "--net", "--mount", "sh", "-c", ENTER, "sh", str(tree), str(made.file.parent))
    assert up.json["data"]["loaded"]["images"]
    with capsys.disabled():
        print(f"\n{up.err}")


def typed(stack: Stack, *words: str, **env: str) -> Done:
    """Run a program that takes minutes, and has to succeed."""
    done = subprocess.run(words, cwd=stack.root, env=stack.environment(env), capture_output=True, text=True,
                          timeout=1800, check=False)  # fmt: skip
    assert done.returncode == 0, done
    return Done(words, done.returncode, done.stdout, done.stderr)


PLAIN = ("PROJECT_NAME", "BASE_PORT", "STACK_PROFILES")


def held(file: Path, secrets: list[str]) -> list[str]:
    """Those of the secrets that some file of the bundle has, layers unpacked."""
    assert secrets
    pattern = re.compile(b"|".join(re.escape(secret.encode()) for secret in secrets))
    found: list[str] = []
    with archive.opened(file) as bundle:
        for part in bundle.manifest.parts:
            unpacker, tail = zlib.decompressobj(images.GZIP), b""
            for chunk in bundle.read(part.name):
                tail += unpacker.decompress(chunk) if part.name.endswith("layer.tar") else chunk
                found += [part.name] if pattern.search(tail) else []
                tail = tail[-max(map(len, secrets)) :]
    return found

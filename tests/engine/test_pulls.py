"""Images from a real registry: progress, each failure as what it is, mirrors, and what happens without one."""

import contextlib
import os
import pty
import re
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.engine.support import engines, images, lines, registries, stacks
from tests.engine.support.images import MEGABYTE
from tests.engine.support.ports import free_port
from tests.engine.support.stacks import Stack, docker, run

LOGIN = "auth: {{htpasswd: {{realm: test, path: {users}}}}}\n"
# bcrypt of a random word that nobody knows: every login is refused.
NOBODY = "nobody:$2b$05$8WP29QiECTxo3Qk7jbBdj.8a62kBP4vEQwbb1UGhi5CzvuREV35oK\n"


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """A registry without a login. What came from ports of this machine is forgotten afterwards."""
    before = loopback_images()
    with registries.registry(tmp_path_factory.mktemp("registry")) as found:
        yield found
    for name in loopback_images() - before:
        run("docker", "rmi", "-f", name)


def loopback_images() -> set[str]:
    names = docker("images", "--format", "{{.Repository}}:{{.Tag}}").split()
    return {name for name in names if name.startswith("127.0.0.1:") and not name.endswith("<none>")}


@pytest.fixture(scope="module")
def small(base_image: str) -> dict[str, bytes]:
    """What a container needs to sleep."""
    return images.root_filesystem()


def test_each_failed_pull_is_told_as_what_it_is(
    stack: Stack, port: int, small: dict[str, bytes], tmp_path: Path
) -> None:
    images.publish(port, "here:1", images.layer(small))
    images.publish(port, "elsewhere:1", images.layer(small), only_for=images.OTHER)
    users = tmp_path / "users"
    users.write_text(NOBODY)
    with contextlib.ExitStack() as servers:
        login = servers.enter_context(registries.registry(tmp_path, LOGIN.format(users=users)))
        forbidden = servers.enter_context(registries.refusing(403, "DENIED"))
        limited = servers.enter_context(registries.refusing(429, "TOOMANYREQUESTS"))
        kinds = {
            f"127.0.0.1:{port}/here:none": "pull-tag", f"127.0.0.1:{port}/nobody/knows:1": "pull-tag",
            f"127.0.0.1:{port}/elsewhere:1": "pull-platform", f"127.0.0.1:{login}/here:1": "pull-denied",
            f"127.0.0.1:{forbidden}/here:1": "pull-denied", f"127.0.0.1:{limited}/here:1": "pull-rate",
        }  # fmt: skip
        for number, image in enumerate(kinds):
            stack.service(f"bad{number}", image=image)
        stack.service("fine", image=f"127.0.0.1:{port}/here:1")
        failed = stack.inv("up", "--json")
    assert failed.code == 1
    assert {problem["where"]: problem["code"] for problem in failed.problems} == kinds
    assert all(problem["fix"] for problem in failed.problems)
    assert stack.containers() == {}
    assert not (stack.root / "compose.yaml").exists()


def in_a_terminal(stack: Stack, *words: str) -> tuple[int, str]:
    """Run a command in a terminal of its own; gives its exit code and all that it drew."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(stack.command(words), cwd=stack.root, stdin=theirs, stdout=theirs, stderr=theirs,
                               env={**stack.environment(), "TERM": "xterm"}, start_new_session=True)  # fmt: skip
    os.close(theirs)
    drawn = b""
    with contextlib.suppress(OSError):
        while piece := os.read(ours, 4096):
            drawn += piece
    os.close(ours)
    return process.wait(stacks.PATIENCE), drawn.decode(errors="replace")


def test_a_terminal_shows_the_share_of_a_slow_pull_that_outlasts_the_timeout(
    stack: Stack, port: int, small: dict[str, bytes]
) -> None:
    images.publish(port, "slow:1", images.layer(small, 3 * MEGABYTE))
    over = threading.Event()
    with lines.line(port, lines.at_rate(MEGABYTE, over)) as slow:
        stack.service("web", image=f"127.0.0.1:{slow.port}/slow:1", command=None, init=None)
        code, drawn = in_a_terminal(stack, "up", "--timeout", "2")
        over.set()
    assert code == 0, drawn
    shares = [int(share) for share in re.findall(r"pulling (\d+) %", drawn)]
    assert len(set(shares)) > 3
    assert shares == sorted(shares)
    assert stack.one("web")["State"]["Running"]
    # The registry's port is closed by now: what is here is used as it is.
    assert stack.inv("down").code == 0
    assert "pulling" not in stack.up().text


def test_a_connection_cut_in_the_middle_of_a_layer_is_taken_up_again(
    stack: Stack, port: int, small: dict[str, bytes]
) -> None:
    images.publish(port, "cut:1", images.layer(small, 3 * MEGABYTE))
    cuts: list[int] = []

    def once(sent: int) -> bool:
        if sent > MEGABYTE and not cuts:
            cuts.append(sent)
            return False
        return True

    with lines.line(port, once) as line:
        stack.service("web", image=f"127.0.0.1:{line.port}/cut:1", command=None, init=None)
        stack.up()
    assert len(cuts) == 1
    assert stack.one("web")["State"]["Running"]


def test_an_answer_cut_off_is_asked_for_again_and_that_is_told(
    stack: Stack, port: int, small: dict[str, bytes]
) -> None:
    images.publish(port, "early:1", images.layer(small))
    pieces: list[int] = []

    def not_at_first(sent: int) -> bool:
        pieces.append(sent)
        return len(pieces) > 2

    with lines.line(port, not_at_first) as line:
        stack.service("web", image=f"127.0.0.1:{line.port}/early:1", command=None, init=None)
        done = stack.up()
    assert "cut off, going on" in done.err
    assert stack.one("web")["State"]["Running"]


def test_official_owned_and_other_images_all_come_through_the_prefix(
    stack: Stack, port: int, small: dict[str, bytes]
) -> None:
    places = {
        "official": ("official-test:1", "library/official-test:1"),
        "owned": ("owner/image-test:2", "owner/image-test:2"),
        "other": ("registry.invalid/deep/image-test:3", "deep/image-test:3"),
    }
    for name, (image, place) in places.items():
        stack.service(name, image=image, command=None, init=None)
        images.publish(port, f"hub/{place}", images.layer(small))
    stack.set(REGISTRY_PREFIX=f"127.0.0.1:{port}/hub")
    stack.up()
    for name, (_, place) in places.items():
        assert stack.one(name)["State"]["Running"]
        assert stack.one(name)["Config"]["Image"] == f"127.0.0.1:{port}/hub/{place}"


def test_an_image_on_this_machine_is_never_asked_for(stack: Stack, port: int) -> None:
    with lines.line(port) as line:
        image = f"127.0.0.1:{line.port}/mine:1"
        docker("tag", stacks.BASE, image)
        try:
            stack.service("web", image=image)
            stack.up()
            stack.up("--recreate")
            assert line.connections == 0
        finally:
            stacks.remove(stack.project)
            run("docker", "rmi", image)


def test_what_is_wrong_is_told_before_anything_is_pulled(stack: Stack, port: int, small: dict[str, bytes]) -> None:
    images.publish(port, "late:1", images.layer(small))
    with lines.line(port) as line, stacks.listener(stack.port(21)):
        stack.service("web", image=f"127.0.0.1:{line.port}/late:1", entry={"ports": {"WEB_PORT": 21}},
                      ports=["${WEB_BIND_ADDRESS:-127.0.0.1}:${WEB_PORT}:80"])  # fmt: skip
        refused = stack.inv("up", "--json")
        assert [problem["code"] for problem in refused.problems] == ["port-taken"]
        assert line.connections == 0


BUILD = """services:
  keeper:
    image: {image}
    build: {{context: ./compose/keeper, network: host, args: {{BASE_IMAGE: "{base}"}}}}
    volumes: !override ["keeper-build-data:/data"]
"""


def test_without_a_registry_a_service_is_built_for_good_unless_it_has_data_from_before(stack: Stack) -> None:
    nowhere, built = f"127.0.0.1:{free_port()}/keeper:1", f"genai-stack-test/{stack.project}:1"
    for folder in ("compose/keeper", "overrides/keeper"):
        (stack.root / folder).mkdir()
    (stack.root / "compose/keeper/Dockerfile").write_text("ARG BASE_IMAGE\nFROM ${BASE_IMAGE}\n")
    (stack.root / "overrides/keeper/build.yml").write_text(BUILD.format(image=built, base=stacks.BASE))
    stack.service("keeper", image=nowhere, volumes=["keeper-data:/data"])
    stack.volume("keeper", "keeper-data", "keeper-build-data")
    stack.service("bare", image=nowhere)
    try:
        done = stack.up("--once")
        assert "keeper: no registry can be reached, so it is built here" in done.err
        assert "KEEPER_SOURCE" not in stack.env()
        assert stack.one("keeper")["Config"]["Image"] == built
        assert "left out: bare" in done.out
        assert stack.containers().keys() == {"keeper-1"}

        # Data of the source that is chosen: what is built would not open it.
        assert stack.inv("down", "--volumes", "--yes").code == 0
        data = f"{stack.project}_keeper-data"
        docker("volume", "create", "--label", f"com.docker.compose.project={stack.project}", data)
        refused = stack.inv("up", "--service", "keeper", "--json")
        assert refused.code == 1
        assert [problem["code"] for problem in refused.problems] == ["no-image"]
        assert stack.containers() == {}
        docker("volume", "rm", data)

        offline = stack.up("--offline")
        assert "saved KEEPER_SOURCE=build" in offline.out
        assert stack.env()["KEEPER_SOURCE"] == "build"
        assert stack.one("keeper")["Config"]["Image"] == built
    finally:
        stacks.remove(stack.project)
        run("docker", "rmi", "-f", built)


def test_a_whole_start_goes_through_the_engines_mirror_and_a_full_disk_is_told_as_that(
    stack: Stack, port: int, small: dict[str, bytes], tmp_path: Path
) -> None:
    image = f"{stack.project}-small:1"
    images.publish(port, f"library/{image}", images.layer(small))
    images.publish(port, "big:1", images.layer(small, 24 * MEGABYTE))
    alone: dict[str, Any] = {"command": None, "init": None, "networks": None, "network_mode": "none"}
    stack.service("web", image=image, **alone)
    second: list[engines.Engine] = []

    def full(sent: int) -> bool:
        if sent > MEGABYTE:
            second[0].shrink()
        return True

    with lines.line(port, full) as line, engines.second_engine(tmp_path / "second", port, line.port) as engine:
        second.append(engine)
        host = {"DOCKER_HOST": engine.address}
        done = stack.inv("up", env=host)
        assert done.code == 0, done
        assert "web: pulling" in done.err
        names = run("docker", "-H", engine.address, "ps", "--format", "{{.Names}} {{.Image}}").out.split()
        assert names == [f"{stack.project}-web-1", image]
        assert stack.inv("down", env=host).code == 0

        stack.service("web", image=f"127.0.0.1:{line.port}/big:1", **alone)
        failed = stack.inv("up", "--json", env=host)
        assert failed.code == 1
        assert [problem["code"] for problem in failed.problems] == ["pull-space"]
        again = stack.inv("up", "--json", env=host)
        assert [problem["code"] for problem in again.problems] == ["disk"]

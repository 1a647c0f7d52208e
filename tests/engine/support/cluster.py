"""Three engines on this machine, joined to a swarm, for tests and to try things by hand.

Usage, as root: python -m tests.engine.support.cluster [COMMAND [ARGUMENTS]]

The command, or a shell, runs in the first engine's network, with DOCKER_HOST at it and NODES with the sockets of all.
What is published is on each engine's own address (10.214.N.11 to .13), which this machine reaches as well. Everything
is gone when it ends."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path

import pytest
from filelock import FileLock, Timeout

from stack.engine import probe
from tests.engine.support import stacks
from tests.engine.support.stacks import Done, run

MOST = 8
"""Clusters at the same time on one machine: each has a number, and with it a network of its own."""
TOOLS = ("dockerd", "ip", "iptables", "nsenter", "unshare", "setpriv")
BUILT = tuple(f"genai-stack/{name}:swarm" for name in ("redis", "supabase-db", "backend", "gateway", "ambassador"))
CARRIED = ("genai-stack/base:0.1.0", *BUILT, "genai-stack/ambassador:0.1.0", "genai-stack/registry:0.1.0",
           "genai-stack/stand-in:test")  # fmt: skip
"""Images of this machine's engine that each of the cluster's gets, where they are there."""
START_S = 60
DISK = 4 * 2**30
# Its processes, mounts and host name are its own, and end with the first process, as those of a machine do. Mounts of
# this machine's engine that come and go here do so there: it could not remove what another holds.
MACHINE = """
set -e
name=$1 folder=$2
hostname "$name"
mount -t proc proc /proc
mkdir -p /run/docker /run/containerd
mount -t tmpfs tmpfs /run/docker
# An engine takes the system's containerd where there is one.
mount -t tmpfs tmpfs /run/containerd
if [ -d /etc/docker ]; then mount --bind "$folder/etc" /etc/docker; fi
touch "$folder/up"
# A shell that waits takes the end of every process that has lost its parent.
sleep infinity &
while :; do wait; done
"""
DOCKERD = """
name=$1 folder=$2
rm -f /run/docker/engine.pid
umount /run/docker.sock 2>/dev/null || true
dockerd --config-file "$folder/engine.json" --data-root "$folder/data" --exec-root /run/docker \
    --pidfile /run/docker/engine.pid --host "unix://$folder/docker.sock" --log-level warn \
    --exec-opt native.cgroupdriver=cgroupfs --cgroup-parent "/$name" </dev/null >>"$folder/log" 2>&1 &
"""


class Node:
    """One engine: its name, its address and its socket; `enter` are the words that run a command in its network."""

    def __init__(self, cluster: int, number: int, folder: Path) -> None:
        self.name = f"genai-{cluster}-{number}"
        self.address = f"10.214.{cluster}.{10 + number}"
        self.outer = f"genai{cluster}-{number}"
        self.folder = folder / str(number)
        self.host = f"unix://{self.folder}/docker.sock"
        self.enter = ["nsenter", f"--net=/run/netns/{self.name}"]
        self._machine: subprocess.Popen[bytes] | None = None

    @property
    def env(self) -> dict[str, str]:
        """What the environment of a client has more."""
        return {"DOCKER_HOST": self.host}

    @property
    def log(self) -> str:
        """What the engine has written."""
        return (self.folder / "log").read_text(errors="replace")

    def run(self, *words: str) -> Done:
        """Run a command in its network, with a client at its engine."""
        return run(*self.enter, *words, env=self.env)

    def docker(self, *words: str) -> str:
        """What `docker WORDS` prints at this engine; it has to succeed."""
        done = self.run("docker", *words)
        assert done.code == 0, done
        return done.out

    def id(self) -> str:
        """Its number in the swarm."""
        return self.docker("info", "--format", "{{.Swarm.NodeID}}").strip()

    def state(self) -> str:
        """Of its part in a swarm: `active`, `inactive`, `pending`, `error`; empty where its engine does not answer."""
        done = self.run("docker", "info", "--format", "{{.Swarm.LocalNodeState}}")
        return done.out.strip() if done.code == 0 else ""

    def boot(self) -> None:
        """Start the machine, if it is off, and its engine, if that does not run, and wait until it answers."""
        if self._machine and probe.ask(self.host).answers:
            return
        if self._machine is None:
            (self.folder / "etc").mkdir(parents=True, exist_ok=True)
            self._disk()
            (self.folder / "engine.json").write_text("{}")
            (self.folder / "up").unlink(missing_ok=True)
            words = [*self.enter, "unshare", "--mount", "--propagation", "slave", "--uts", "--pid", "--fork",
                     "--kill-child", "sh", "-c", MACHINE, "sh", self.name, str(self.folder)]  # fmt: skip
            # It ends with this process, however that ends.
            self._machine = subprocess.Popen(["setpriv", "--pdeathsig", "KILL", *words], stdin=subprocess.DEVNULL,
                                             start_new_session=True)  # fmt: skip
            stacks.until((self.folder / "up").exists, f"{self.name}'s mounts")
        done = run(*self._inside(), "sh", "-c", DOCKERD, "sh", self.name, str(self.folder))
        assert done.code == 0, done
        stacks.until(lambda: probe.ask(self.host).answers, f"the start of {self.name}'s engine")
        # Where a container that mounts the usual socket looks for it; else it would find this machine's engine there.
        usual = 'test ! -e /run/docker.sock || mount --bind "$1/docker.sock" /run/docker.sock'
        done = run(*self._inside(), "sh", "-c", usual, "sh", str(self.folder))
        assert done.code == 0, done

    def take_images(self, other: "Node") -> None:
        """Before it is started: have the images that another engine has. To load them costs ten times as much."""
        self._disk()
        for name in ("image", "overlay2"):
            shutil.rmtree(self.folder / "data" / name, ignore_errors=True)
            done = run("cp", "-a", str(other.folder / "data" / name), str(self.folder / "data"))
            assert done.code == 0, done

    def shrink(self, free: int) -> None:
        """Leave so many bytes free on its disk, which `grow` undoes."""
        data = self.folder / "data"
        disk = os.statvfs(data)
        self._resize((disk.f_blocks - disk.f_bfree) * disk.f_frsize + free)

    def grow(self) -> None:
        """Its disk is as large as it was at first."""
        self._resize(DISK)

    def _resize(self, size: int) -> None:
        done = run("mount", "-o", f"remount,size={size}", str(self.folder / "data"))
        assert done.code == 0, done

    def _disk(self) -> None:
        """A disk of its own, which a machine without power keeps. In memory, which is taken only for what is written:
        a swarm waits for its disk at every step."""
        data = self.folder / "data"
        data.mkdir(parents=True, exist_ok=True)
        if not data.is_mount():
            done = run("mount", "-t", "tmpfs", "-o", f"size={DISK}", self.name, str(data))
            assert done.code == 0, done

    def kill(self) -> None:
        """SIGKILL to its engine alone: what it has started runs on."""
        done = run(*self._inside(), "sh", "-c", "kill -9 $(cat /run/docker/engine.pid)")
        assert done.code == 0, done
        stacks.until(lambda: not probe.ask(self.host).answers, f"the end of {self.name}'s engine")

    @contextlib.contextmanager
    def configured(self, settings: Mapping[str, object]) -> Iterator[None]:
        """Its engine has these settings, as in daemon.json; it is started anew for them, and again after."""
        self._anew(settings)
        try:
            yield
        finally:
            self._anew({})

    def _anew(self, settings: Mapping[str, object]) -> None:
        self.kill()
        (self.folder / "engine.json").write_text(json.dumps(settings))
        self.boot()
        stacks.until(lambda: self.state() == "active", f"{self.name} in the swarm again")

    def trust(self, registry: str, authority: str) -> None:
        """Have its engine take the certificates of an authority for a registry."""
        folder = self.folder / "etc" / "certs.d" / registry
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "ca.crt").write_text(authority)

    def power_off(self) -> None:
        """Everything on it ends at once, as without power; `boot` starts it with the disk as it was."""
        if self._machine is None:
            return
        # unshare tells its child; nsenter became unshare, as setpriv became nsenter.
        self._machine.kill()
        self._machine.wait(START_S)
        self._machine = None
        for path in _cgroups(self.name):
            with contextlib.suppress(OSError):
                path.rmdir()

    @contextlib.contextmanager
    def unplugged(self) -> Iterator[None]:
        """Its link to the others, and to everything else, is cut."""
        _ip("link", "set", self.outer, "down")
        try:
            yield
        finally:
            _ip("link", "set", self.outer, "up")

    @contextlib.contextmanager
    def apart_from(self, other: "Node") -> Iterator[None]:
        """These two can't reach each other, but whatever else there is."""
        rules = [["INPUT", "-s", other.address, "-j", "DROP"], ["OUTPUT", "-d", other.address, "-j", "DROP"]]
        for rule in rules:
            run(*self.enter, "iptables", "-I", *rule)
        try:
            yield
        finally:
            for rule in rules:
                run(*self.enter, "iptables", "-D", *rule)

    def _inside(self) -> list[str]:
        """The words that run a command on the machine, among its mounts and processes."""
        assert self._machine is not None
        children = Path(f"/proc/{self._machine.pid}/task/{self._machine.pid}/children").read_text().split()
        return ["nsenter", "--target", children[0], "--mount", "--uts", "--net", "--pid"]


class Cluster:
    """The engines; the first is a manager, and the others have joined it."""

    def __init__(self, nodes: list[Node]) -> None:
        self.nodes = nodes
        self.first = nodes[0]

    @property
    def env(self) -> dict[str, str]:
        """What the environment of a command has more that is run beside the first."""
        return {**self.first.env, "NODES": " ".join(node.host for node in self.nodes)}

    def load(self, *images: str) -> None:
        """Bring images of this machine's engine to each of the nodes."""
        _load(images, self.nodes)

    def form(self, managers: int) -> None:
        """Make a swarm of the engines, the first so many of which are managers."""
        self.first.docker("swarm", "init", "--advertise-addr", self.first.address)
        for number, node in enumerate(self.nodes[1:], 2):
            token = self.first.docker("swarm", "join-token", "-q", "manager" if number <= managers else "worker")
            words = ("docker", "swarm", "join", "--advertise-addr", node.address, "--token", token.strip(),
                     f"{self.first.address}:2377")  # fmt: skip
            stacks.until(partial(_joined, node, words), f"{node.name} in the swarm")

    @contextlib.contextmanager
    def managers(self, *others: Node) -> Iterator[None]:
        """These are managers beside the first while the block runs: its changes wait until each can be asked. All have
        to run at its end."""
        first, ids = self.first, [node.id() for node in others]
        for one in ids:
            first.docker("node", "promote", one)
        self._reachable(1 + len(ids))
        # One that ends at once after it was taken in does not know the others when it starts again (20.10), but by what
        # is decided after that.
        for one in ids:
            first.docker("node", "update", "--label-add", "seen=true", one)
            first.docker("node", "update", "--label-rm", "seen", one)
        yield
        self._reachable(1 + len(ids))
        for one in ids:
            stacks.until(partial(_demoted, first, one), f"a worker of {one}")

    def _reachable(self, count: int) -> None:
        """Wait until so many managers reach each other."""
        words = ("docker", "node", "ls", "--format", "{{.ManagerStatus}}")
        stacks.until(lambda: self.first.run(*words).out.split().count("Reachable") == count - 1, f"{count} managers")


def _demoted(manager: Node, one: str) -> bool:
    """Make a manager a worker, and tell whether that was taken."""
    return manager.run("docker", "node", "demote", one).code == 0


def _joined(node: Node, words: Sequence[str]) -> bool:
    """Whether a node is in the swarm. On a busy machine the client may stop waiting before the engine has joined, and
    the engine may give up."""
    state = node.state()
    if state == "error":
        node.run("docker", "swarm", "leave", "--force")
    if state in ("error", "inactive"):
        node.run(*words)
    return state == "active"


def _load(images: Sequence[str], nodes: Sequence[Node]) -> None:
    """Bring images of this machine's engine to these."""
    with contextlib.ExitStack() as opened:
        saving = opened.enter_context(subprocess.Popen(["docker", "save", *images], stdout=subprocess.PIPE))
        words = ["docker", "load", "--quiet"]
        loads = [opened.enter_context(subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
                                                       env={**os.environ, **node.env})) for node in nodes]  # fmt: skip
        assert saving.stdout is not None
        while piece := saving.stdout.read(1 << 20):
            for load in loads:
                assert load.stdin is not None
                load.stdin.write(piece)
    assert [saving.returncode, *(load.returncode for load in loads)] == [0] * (1 + len(loads))


def why_not() -> str:
    """Why there can be no cluster on this machine; empty where there can be."""
    if sys.platform != "linux":
        return "network namespaces are Linux's"
    if os.geteuid() != 0:
        return "networks and mounts of their own may only be made by root"
    lacking = [tool for tool in TOOLS if not shutil.which(tool)]
    if lacking:
        return f"not installed: {', '.join(lacking)}"
    if not Path("/proc/self/task", str(os.getpid()), "children").exists():
        return "this kernel does not tell a process's children"
    return ""


@contextlib.contextmanager
def cluster(
    nodes: int = 3, managers: int = 1, images: Sequence[str] = CARRIED, swarm: bool = True
) -> Iterator[Cluster]:
    """So many engines with these images, as one swarm unless they are to be without; afterwards nothing is left of
    them. Skips the test where there can be none."""
    reason = why_not()
    if reason:
        pytest.skip(f"no three engines here: {reason}")
    here = [image for image in images if run("docker", "image", "inspect", image).code == 0]
    with _number() as number, contextlib.ExitStack() as undone:
        _sweep(number)
        folder = _folder(number)
        undone.callback(_sweep, number)
        made = [Node(number, one, folder) for one in range(1, nodes + 1)]
        _bridge(number)
        for node in made:
            _join(node, number)
            undone.callback(node.power_off)
            if node is not made[0]:
                node.take_images(made[0])
            node.boot()
            if node is made[0] and here:
                _load(here, made[:1])
        cluster = Cluster(made)
        if swarm:
            cluster.form(managers)
        yield cluster


@contextlib.contextmanager
def _number() -> Iterator[int]:
    """A number that no other cluster of this machine has now."""
    for number in range(MOST):
        lock = FileLock(f"{_folder(number)}.lock")
        try:
            with lock.acquire(timeout=0):
                yield number
                return
        except Timeout:
            continue
    raise AssertionError(f"{MOST} clusters run on this machine already")


def _folder(number: int) -> Path:
    """Where everything of a cluster lies: a socket's path holds 107 bytes, and those of tests are long."""
    return Path(tempfile.gettempdir()) / f"genai-cluster-{number}"


def _sweep(number: int) -> None:
    """Take away what there is of a cluster; one that was killed left what its next run takes away."""
    bridge = f"genai{number}"
    names = [word for word in run("ip", "netns", "list").out.split() if word.startswith(f"genai-{number}-")]
    for name in names:
        run("ip", "netns", "del", name)
    # The kernel takes a network's links away a while after the network.
    links = [path.name for path in Path("/sys/class/net").glob(f"{bridge}-*")]
    for link in (*links, bridge):
        run("ip", "link", "del", link)
    for rule in _rules(number):
        while run("iptables", *rule("-D")).code == 0:
            pass
    for path in _cgroups(f"genai-{number}-*"):
        with contextlib.suppress(OSError):
            path.rmdir()
    for data in _folder(number).glob("*/data"):
        run("umount", "-l", str(data))
    shutil.rmtree(_folder(number), ignore_errors=True)


def _cgroups(name: str) -> list[Path]:
    """The control groups of machines, the innermost first: an engine that ended at once left them."""
    tops = [*Path("/sys/fs/cgroup").glob(name), *Path("/sys/fs/cgroup").glob(f"*/{name}")]
    inner = (path for top in tops for path in top.rglob("*") if path.is_dir())
    return [*sorted(inner, reverse=True), *tops]


def _rules(number: int) -> Iterator[Callable[[str], list[str]]]:
    """The rules that let the nodes reach each other and out, as words of iptables for -I or -D."""
    bridge, subnet = f"genai{number}", f"10.214.{number}.0/24"
    yield lambda how: ["-w", how, "FORWARD", "-i", bridge, "-j", "ACCEPT"]
    yield lambda how: ["-w", how, "FORWARD", "-o", bridge, "-j", "ACCEPT"]
    yield lambda how: ["-w", "-t", "nat", how, "POSTROUTING", "-s", subnet, "!", "-d", subnet, "-j", "MASQUERADE"]


def _bridge(number: int) -> None:
    """The network between the nodes."""
    _ip("link", "add", f"genai{number}", "type", "bridge")
    _ip("addr", "add", f"10.214.{number}.1/24", "dev", f"genai{number}")
    _ip("link", "set", f"genai{number}", "up")
    for rule in _rules(number):
        done = run("iptables", *rule("-I"))
        assert done.code == 0, done


def _join(node: Node, number: int) -> None:
    """A network of its own for a node, on the bridge."""
    _ip("netns", "add", node.name)
    _ip("link", "add", node.outer, "type", "veth", "peer", "name", "eth0", "netns", node.name)
    _ip("link", "set", node.outer, "master", f"genai{number}")
    _ip("link", "set", node.outer, "up")
    for words in (["addr", "add", f"{node.address}/24", "dev", "eth0"], ["link", "set", "eth0", "up"],
                  ["link", "set", "lo", "up"], ["route", "add", "default", "via", f"10.214.{number}.1"]):  # fmt: skip
        _ip("-n", node.name, *words)


def _ip(*words: str) -> None:
    done = run("ip", *words)
    assert done.code == 0, done


def main(*words: str) -> int:
    """Run the command, or a shell, beside a cluster; its exit code."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    if why_not():
        raise SystemExit(f"no three engines here: {why_not()}")
    with cluster() as made:
        env: Mapping[str, str] = {**os.environ, **made.env}
        for node in made.nodes:
            print(f"{node.address}: DOCKER_HOST={node.host} {' '.join(node.enter)} COMMAND", file=sys.stderr)
        return subprocess.run([*made.first.enter, *(words or [os.environ.get("SHELL", "sh")])], env=env,
                              check=False).returncode  # fmt: skip


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))

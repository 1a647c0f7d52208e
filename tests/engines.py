"""Runs a command beside another engine, of a Debian release's packages: a tree of them, a network of its own.

Usage, as root: python -m tests.engines ENGINE [COMMAND [ARGUMENTS]]

The tree and the engine's images stay in the cache for the next run. What the command publishes is on the 127.0.0.1 of
that network, where the command is as well. Without a command the tree is made, and no more."""

import contextlib
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from filelock import FileLock

from stack import compose
from stack.builds import base
from stack.commands.check import ENGINES
from stack.engine import probe

DOCKER = ("docker.io", "docker-cli", "docker-buildx", "iptables", "ca-certificates", "procps", "iproute2", "kmod")
ROOTLESS = ("docker.io", "iptables", "ca-certificates", "procps", "iproute2", "rootlesskit", "slirp4netns", "uidmap")
PODMAN = ("podman", "netavark", "aardvark-dns", "nftables", "catatonit", "ca-certificates")
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "genai-stack" / "engines"
CHECKOUT = Path(__file__).parents[1]
SHARED = ("/tmp", str(CHECKOUT))
"""Folders that the engine sees at the same place as the tests do: what they mount lies there."""
TOOLS = {"mmdebstrap": "mmdebstrap", "ip": "iproute2", "iptables": "iptables"}
"""What is needed here, with the package that has it."""
CARRIED = ("base:0.1.0", "redis:0.1.0", "supabase-db:0.1.0", "ambassador:0.1.0", "backend:0.1.0-debian")
"""Our images that are taken along from this machine's engine, where they are there: no need to build them twice."""
SOCKET = "unix:///run/docker.sock"
USER = 61937
"""Of whom a rootless engine is, and what runs beside it: nobody's number, as it has a name in the tree alone."""
AS_USER = ("setpriv", "--clear-groups", "--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search")
"""Words that run something as a user who may read all, as the checkout or its Python may lie in root's home."""
START_S = 120
ENTER = """
set -e
tree=$1 run=$2; shift 2
mount --make-rprivate /
mount --bind "$tree" "$tree"
for name in proc sys dev; do mount --rbind "/$name" "$tree/$name"; done
mount --bind "$run" "$tree/run"
for name in "$@"; do mkdir -p "$tree$name"; mount --rbind "$name" "$tree$name"; done
cd "$tree"
mkdir -p before
# A plain chroot would do for the engine, but not for what it starts in a container that runs.
pivot_root . before
umount -l /before
"""
"""Goes into the tree. A chroot is not enough: health checks then fail by their working directory."""
DOCKERD = f"exec dockerd --host {SOCKET} --pidfile /run/docker.pid"
# crun takes no second hierarchy of cgroups with controllers in it (hybrid mode).
PODMAND = f"""
mount -t proc proc /proc
umount -l /sys/fs/cgroup/unified 2>/dev/null || true
exec catatonit -- podman system service --time=0 {SOCKET}
"""
# With a way to the 127.0.0.1 of the machine, which is shut unless it is asked for; where there is no systemd, as here.
ROOTLESSD = f"""
mount -t proc proc /proc
id stack >/dev/null 2>&1 || useradd --uid {USER} --create-home stack
grep -q stack /etc/subuid || echo stack:100000:65536 | tee -a /etc/subuid >>/etc/subgid
mount -t tmpfs tmpfs /dev/net
mknod -m 0666 /dev/net/tun c 10 200
install -d -o stack -g stack -m 0755 /run/user
cd /home/stack
# Not by exec: who becomes another user is not told any more that its parent has ended.
setpriv --reuid=stack --regid=stack --clear-groups env -i HOME=/home/stack PATH=/usr/sbin:/usr/bin:/sbin:/bin \
    XDG_RUNTIME_DIR=/run/user DOCKERD_ROOTLESS_ROOTLESSKIT_FLAGS=--disable-host-loopback=false \
    sh /usr/share/docker.io/contrib/dockerd-rootless.sh
exit
"""
OWN_PIDS = ("--pid", "--fork", "--kill-child")
"""Words of unshare: whatever the engine starts ends with it."""
LIMITS = {"nofile": resource.RLIMIT_NOFILE, "nproc": resource.RLIMIT_NPROC}


def _alone(_: Path, run: Path) -> dict[str, str]:
    return {"DOCKER_HOST": f"unix://{run}/docker.sock"}


class Engine(NamedTuple):
    """An engine: the Debian release and the packages that it is made of, the line that becomes it in its tree, and what
    that needs beside the packages: given the tree and the folder of the run, it gives what the environment has more."""

    suite: str
    packages: tuple[str, ...] = DOCKER
    line: str = DOCKERD
    apart: tuple[str, ...] = ()
    """Words of unshare, for what it is to have of its own beside its mounts."""
    user: int = 0
    """Whose it is."""
    prepare: Callable[[Path, Path], dict[str, str]] = _alone


def _rootless(_: Path, run: Path) -> dict[str, str]:
    """A home for the user, with Compose."""
    home = run / "home"
    plugins = home / ".docker" / "cli-plugins"
    plugins.mkdir(parents=True)
    plugin = compose.plugin()
    assert plugin
    shutil.copy(plugin, plugins)
    for path in (home, *home.rglob("*")):
        os.chown(path, USER, USER)
    # The checkout is not the user's to write in.
    own = {"PYTEST_ADDOPTS": "-p no:cacheprovider", "PYTHONDONTWRITEBYTECODE": "1", "USER": "stack", "LOGNAME": "stack"}
    return {"DOCKER_HOST": f"unix://{run}/user/docker.sock", "HOME": str(home), **own}


def _podman(tree: Path, run: Path) -> dict[str, str]:
    """Podman's limits, as those that it gives to builds may be higher than ours."""
    limits = [f"{name}={resource.getrlimit(kind)[1]}" for name, kind in LIMITS.items()]
    (tree / "etc/containers/containers.conf").write_text(f"[containers]\ndefault_ulimits = {json.dumps(limits)}\n")
    return _alone(tree, run)


KINDS = {
    "trixie": Engine("trixie"),
    "sid": Engine("sid"),
    "podman": Engine("trixie", PODMAN, PODMAND, OWN_PIDS, prepare=_podman),
    "rootless": Engine("bookworm", ROOTLESS, ROOTLESSD, OWN_PIDS, USER, _rootless),
}


def main(name: str, *words: str) -> int:
    """Run the command beside that engine; its exit code. Without one, make its tree of packages."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    CACHE.mkdir(parents=True, exist_ok=True)
    _install()
    if not words:
        with FileLock(CACHE / f"{name}.lock"):
            made(name)
        return 0
    with FileLock(CACHE / f"{name}.lock"), _network(name) as enter, _engine(name, enter) as around:
        user = KINDS[name].user
        as_user = [*AS_USER, f"--reuid={user}", f"--regid={user}"] if user else []
        env = {**os.environ, **around}
        return subprocess.run([*enter, *as_user, *words], env=env, check=False).returncode


def _install() -> None:
    """Install what is missing of TOOLS."""
    missing = [package for tool, package in TOOLS.items() if not shutil.which(tool)]
    for words in (["update"], ["install", "-y", "--no-install-recommends", *missing]) if missing else ():
        subprocess.run(["apt-get", "-qq", *words], env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"}, check=True)


def made(name: str) -> Path:
    """The folder of an engine's packages, made where it is not there yet: 490 MB, a minute or two."""
    tree, engine = CACHE / name, KINDS[name]
    if tree.exists():
        return tree
    print(f"making a tree of Debian's {engine.suite} in {tree} …", flush=True)
    unfinished = CACHE / f"{name}.unfinished"
    shutil.rmtree(unfinished, ignore_errors=True)
    source = base.sources()[0].split()[1]
    subprocess.run(["mmdebstrap", "--quiet", "--variant=minbase", f"--include={','.join(engine.packages)}",
                    # A mirror that stands still has a list of sid that is past its date.
                    '--aptopt=Acquire::Check-Valid-Until "false"',
                    engine.suite, str(unfinished), f"deb {source} {engine.suite} main"], check=True)  # fmt: skip
    unfinished.rename(tree)
    return tree


@contextlib.contextmanager
def _network(engine: str) -> Iterator[list[str]]:
    """A network namespace with a way out; gives the words that run a command in it."""
    name, number = f"genai-{engine}", ENGINES.index(engine)
    ours, theirs, outer = f"10.213.{number}.1", f"10.213.{number}.2", f"genai{number}"
    rules = [["-t", "nat", "POSTROUTING", "-s", theirs, "-j", "MASQUERADE"],
             *(["FORWARD", way, outer, "-j", "ACCEPT"] for way in ("-i", "-o"))]  # fmt: skip
    _ip("netns", "add", name)
    try:
        _ip("link", "add", outer, "type", "veth", "peer", "name", "eth0", "netns", name)
        _ip("addr", "add", f"{ours}/30", "dev", outer)
        _ip("link", "set", outer, "up")
        for words in (["addr", "add", f"{theirs}/30", "dev", "eth0"], ["link", "set", "eth0", "up"],
                      ["link", "set", "lo", "up"], ["route", "add", "default", "via", ours]):  # fmt: skip
            _ip("-n", name, *words)
        for rule in rules:
            _rule("-I", rule)
        yield ["nsenter", f"--net=/var/run/netns/{name}"]
    finally:
        for rule in rules:
            _rule("-D", rule, check=False)
        # The pair of links goes with it.
        _ip("netns", "del", name)


@contextlib.contextmanager
def _engine(name: str, enter: list[str]) -> Iterator[dict[str, str]]:
    """The engine, started in its tree; gives what the environment of a client has more."""
    kind, tree, run = KINDS[name], made(name), Path(tempfile.mkdtemp(prefix="genai-engine-"))
    run.chmod(0o755)
    shutil.copy("/etc/resolv.conf", tree / "etc/resolv.conf")
    around = kind.prepare(tree, run)
    log = CACHE / f"{name}.log"
    words = [*enter, "unshare", "--mount", *kind.apart, "sh", "-c", ENTER + kind.line, "sh", str(tree), str(run)]
    with log.open("w") as file:
        engine = subprocess.Popen([*words, *SHARED], stdin=subprocess.DEVNULL, stdout=file, stderr=file,
                                  start_new_session=True)  # fmt: skip
    try:
        _answers(engine, around["DOCKER_HOST"], log)
        _carry(around["DOCKER_HOST"])
        yield around
    finally:
        # unshare hands no SIGTERM on, and what has its own processes ends with the first of them.
        engine.kill() if kind.apart else engine.terminate()
        engine.wait(START_S)
        shutil.rmtree(run, ignore_errors=True)


def _answers(engine: subprocess.Popen[bytes], host: str, log: Path) -> None:
    """Wait until the engine answers; raises SystemExit with the log's place where it ends before."""
    for _ in range(START_S * 2):
        if probe.ask(host).state == "answers":
            return
        with contextlib.suppress(subprocess.TimeoutExpired):
            engine.wait(0.5)
            break
    raise SystemExit(f"the engine did not start: {log}")


def _carry(host: str) -> None:
    """Load the images that the new engine lacks."""
    there = {**os.environ, "DOCKER_HOST": host}
    here = [name for name in (f"genai-stack/{one}" for one in CARRIED) if _has(name, os.environ)]
    lacking = [name for name in here if not _has(name, there)]
    if lacking:
        with subprocess.Popen(["docker", "save", *lacking], stdout=subprocess.PIPE) as saving:
            subprocess.run(["docker", "load", "--quiet"], stdin=saving.stdout, env=there, check=True)


def _has(image: str, env: Mapping[str, str]) -> bool:
    asked = subprocess.run(["docker", "image", "inspect", image], env=env, capture_output=True, check=False)
    return asked.returncode == 0


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True)


def _rule(how: str, rule: list[str], check: bool = True) -> None:
    at = rule.index("POSTROUTING" if "POSTROUTING" in rule else "FORWARD")
    subprocess.run(["iptables", *rule[:at], how, *rule[at:]], check=check)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))

"""Runs a command beside the Docker engine of another Debian release: a tree of packages, a network of its own.

Usage, as root: python -m tests.engines SUITE COMMAND [ARGUMENTS]

The tree and the engine's images stay in the cache for the next run. What the command publishes is on the 127.0.0.1 of
that network, where the command is as well."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from filelock import FileLock

from stack.builds import base
from stack.commands.check import SUITES
from stack.engine import probe

PACKAGES = ("docker.io", "docker-cli", "docker-buildx", "iptables", "ca-certificates", "procps", "iproute2", "kmod")
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "genai-stack" / "engines"
CHECKOUT = Path(__file__).parents[1]
SHARED = ("/tmp", str(CHECKOUT))
"""Folders that the engine sees at the same place as the tests do: what they mount lies there."""
TOOLS = {"mmdebstrap": "mmdebstrap", "ip": "iproute2", "iptables": "iptables"}
"""What is needed here, with the package that has it."""
CARRIED = ("base:0.1.0", "redis:0.1.0", "supabase-db:0.1.0", "ambassador:0.1.0", "backend:0.1.0-debian")
"""Our images that are taken along from this machine's engine, where they are there: no need to build them twice."""
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
exec dockerd --host unix:///run/docker.sock --pidfile /run/docker.pid
"""
"""Becomes the engine in its tree. A chroot is not enough: health checks then fail by their working directory."""


def main(suite: str, *words: str) -> int:
    """Run the command beside that release's engine; its exit code."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    CACHE.mkdir(parents=True, exist_ok=True)
    _install()
    with FileLock(CACHE / f"{suite}.lock", timeout=0), _network(suite) as enter, _engine(suite, enter) as host:
        return subprocess.run([*enter, *words], env={**os.environ, "DOCKER_HOST": host}, check=False).returncode


def _install() -> None:
    """Install what is missing of TOOLS."""
    missing = [package for tool, package in TOOLS.items() if not shutil.which(tool)]
    for words in (["update"], ["install", "-y", "--no-install-recommends", *missing]) if missing else ():
        subprocess.run(["apt-get", "-qq", *words], env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"}, check=True)


def made(suite: str) -> Path:
    """The folder of a release's packages, made where it is not there yet: 490 MB, a minute or two."""
    tree = CACHE / suite
    if tree.exists():
        return tree
    print(f"making a tree of Debian's {suite} in {tree} …", flush=True)
    unfinished = CACHE / f"{suite}.unfinished"
    shutil.rmtree(unfinished, ignore_errors=True)
    source = base.sources()[0].split()[1]
    subprocess.run(["mmdebstrap", "--quiet", "--variant=minbase", f"--include={','.join(PACKAGES)}",
                    # A mirror that stands still has a list of sid that is past its date.
                    '--aptopt=Acquire::Check-Valid-Until "false"',
                    suite, str(unfinished), f"deb {source} {suite} main"], check=True)  # fmt: skip
    unfinished.rename(tree)
    return tree


@contextlib.contextmanager
def _network(suite: str) -> Iterator[list[str]]:
    """A network namespace with a way out; gives the words that run a command in it."""
    name, number = f"genai-{suite}", SUITES.index(suite)
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
def _engine(suite: str, enter: list[str]) -> Iterator[str]:
    """The release's engine, started in its tree; gives its address."""
    tree, run = made(suite), CACHE / f"{suite}.run"
    shutil.rmtree(run, ignore_errors=True)
    run.mkdir()
    shutil.copy("/etc/resolv.conf", tree / "etc/resolv.conf")
    host, log = f"unix://{run}/docker.sock", CACHE / f"{suite}.log"
    words = [*enter, "unshare", "--mount", "sh", "-c", ENTER, "sh", str(tree), str(run), *SHARED]
    with log.open("w") as file:
        engine = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=file, stderr=file, start_new_session=True)
    try:
        _answers(engine, host, log)
        _carry(host)
        yield host
    finally:
        engine.terminate()
        engine.wait(START_S)


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

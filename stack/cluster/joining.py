"""The edge that makes this engine a manager, and tells how another machine joins it."""

import ipaddress
import socket
from typing import Any

from stack import docker, process
from stack.errors import StackError, fail

PORT = 2377
"""Of the managers (docs.docker.com, swarm-tutorial, Open protocols and ports between the hosts)."""
OPEN = "2377/tcp, 7946/tcp and udp, 4789/udp"
"""What has to be open between the machines (docs.docker.com, the same)."""
USUAL = ipaddress.ip_network("10.0.0.0/9")
"""Where the overlays of a cluster begin, where nothing else is said: 10.0.0.0/8 (docs.docker.com, swarm init)."""
OTHER = "10.128.0.0/9"
INIT_S = 60.0


def state(info: dict[str, Any]) -> str:
    """What this engine is: manager, worker, none, or what stands between (pending, error, locked)."""
    swarm = info.get("Swarm") or {}
    local = str(swarm.get("LocalNodeState") or "inactive")
    if local != "active":
        return "none" if local == "inactive" else local
    return "manager" if swarm.get("ControlAvailable") else "worker"


def managers(info: dict[str, Any]) -> list[str]:
    """The addresses of the managers that this engine knows, with their ports."""
    return sorted(one["Addr"] for one in (info.get("Swarm") or {}).get("RemoteManagers") or [])


def check(info: dict[str, Any]) -> None:
    """Raises StackError where this engine can become no manager."""
    if docker.podman():
        raise fail(
            "no-cluster", "Podman has no clusters", fix="DOCKER_HOST=… ./inv cluster --join, with Docker's engine"
        )
    if docker.rootless(info.get("SecurityOptions") or []):
        message = "a rootless engine has no networks that reach other machines"
        raise fail("no-cluster", message, fix="take the system's engine: DOCKER_HOST=unix:///var/run/docker.sock")
    found = state(info)
    if found == "worker":
        message = f"this engine is a worker of a cluster already, whose managers are {', '.join(managers(info))}"
        raise fail("not-a-manager", message, fix="on a manager: docker node promote " + str(info.get("Name", "NODE")))
    if found not in ("none", "manager"):
        message = (
            f"this engine's part in a cluster is {found}: {(info.get('Swarm') or {}).get('Error') or 'not settled'}"
        )
        raise fail("no-cluster", message, fix="docker info; docker swarm leave --force gives it up")


def address() -> str:
    """This machine's address on the way to others; empty where there is no way out. Nothing is sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        try:
            sock.connect(("192.0.2.1", 9))
        except OSError:
            return ""
        return str(sock.getsockname()[0])


def words(own: str) -> list[str]:
    """The docker client's words that make an engine the first manager of a cluster. `own` is its address for others;
    the client looks for one where that is empty. Overlays keep away from the network that it is in. Pure."""
    found = ["swarm", "init"]
    if own:
        found += ["--advertise-addr", own]
        found += ["--default-addr-pool", OTHER] if ipaddress.ip_address(own) in USUAL else []
    return found


def make(own: str) -> None:
    """Make this engine the first manager. Raises StackError with the engine's words where it can't be."""
    done = docker.run(words(own), timeout=INIT_S)
    if done.returncode:
        raise fail("no-cluster", f"this engine can't become a manager{process.last_lines(done.stderr)}",
                   fix="docker swarm init --advertise-addr ADDRESS, with this machine's address for the others; then "
                       "./inv cluster --join")  # fmt: skip


def line(info: dict[str, Any]) -> str:
    """What is typed on another machine, as root or in its docker group, to make it a worker. It holds a secret."""
    done = docker.run(["swarm", "join-token", "--quiet", "worker"])
    if done.returncode:
        raise docker.failed(["swarm", "join-token"], done.stderr)
    return f"docker swarm join --token {done.stdout.strip()} {(info.get('Swarm') or {}).get('NodeAddr')}:{PORT}"


def tasks() -> list[dict[str, Any]]:
    """Every task of the cluster that the managers still know; none where only a client reaches them."""
    try:
        return docker.told("/tasks") or []
    except (LookupError, StackError):
        return []

"""What there is of Docker on this machine: looked at, not judged (stack/engine/verdict.py does that)."""

import functools
import json
import os
import platform
import re
import shutil
import subprocess
from pathlib import Path

import msgspec

from stack import client, compose, tree
from stack.engine import probe, record

DEFAULT_ENDPOINT = client.SOCKET
# Debian's, Docker's own, Azure's and Docker Desktop's packages of an engine; and Podman's.
PACKAGES = ("docker.io", "docker-ce", "moby-engine", "docker-desktop", "podman", "podman-docker")
QUICK_S = 10.0


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """What was seen. Paths and versions are "" where there is none."""

    system: str = "linux"
    manager: str = ""
    """The package manager: apt, dnf, …"""
    root: bool = False
    in_group: bool = False
    """Whether the docker group has this user, be it that this session does not know yet."""
    wsl: bool = False
    systemd: bool = False
    apparmor_tools_missing: bool = False
    desktop: bool = False
    """Whether Docker Desktop is installed."""
    docker: str = ""
    dockerd: str = ""
    podman: str = ""
    podman_as_docker: bool = False
    """Whether the program named docker is Podman's stand-in."""
    packages: tuple[str, ...] = ()
    contexts: dict[str, str] = {}
    """The endpoint of each context but `default`."""
    host_variable: str = ""
    context_variable: str = ""
    context_setting: str = ""
    probes: dict[str, probe.Probe] = {}
    """What each known endpoint answered; one that is not there is left out."""
    client_api: str = ""
    """The newest API version that the docker client speaks; "" for an engine that takes old ones."""
    compose: str = ""
    ours: bool = False
    """Whether `./inv engine` installed this engine, or started it by hand."""

    @property
    def endpoint(self) -> str:
        """The address that the docker client would use; "" for a context that is not there."""
        return client.address(self.host_variable, self.context, lambda name: self.contexts.get(name, ""))

    @property
    def context(self) -> str:
        """The context that the docker client would use, "" where DOCKER_HOST decides."""
        return "" if self.host_variable else self.context_variable or self.context_setting or "default"


def look() -> Facts:
    """Gathers the facts: a few milliseconds where an engine answers and Compose is known."""
    home = Path(os.environ.get("DOCKER_CONFIG") or Path.home() / ".docker")
    seen = Facts(
        system=platform.system().lower(),
        manager=_manager(),
        root=os.geteuid() == 0,
        in_group=_in_group(),
        wsl="microsoft" in platform.release().lower(),
        systemd=Path("/run/systemd/system").is_dir(),
        desktop=_desktop(),
        docker=shutil.which("docker") or "",
        dockerd=shutil.which("dockerd", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin") or "",
        podman=shutil.which("podman") or "",
        contexts=_contexts(home),
        host_variable=os.environ.get("DOCKER_HOST", ""),
        context_variable=os.environ.get("DOCKER_CONTEXT", ""),
        context_setting=_context_setting(home),
        ours=record.read().ours,
    )
    seen = msgspec.structs.replace(seen, podman_as_docker=_is_podman(seen.docker), probes=_probes(seen))
    chosen = seen.probes.get(seen.endpoint)
    if chosen is None or not chosen.answers:
        return msgspec.structs.replace(seen, packages=_packages(), apparmor_tools_missing=_apparmor_tools_missing())
    compose = compose_version() if seen.docker else ""
    return msgspec.structs.replace(seen, compose=compose, client_api=_client_api(seen.docker, chosen.min_api))


def compose_version() -> str:
    """The version of Compose that `docker compose` runs, "" where there is none. It is kept for as long as the program
    stays what it is: a start of Compose is half of what is asked here."""
    stamp = compose.stamp()
    cache = tree.root() / tree.GENERATED / "cache" / "compose.json"
    kept = tree.recall(cache, dict[str, str]) or {}
    if stamp in kept:
        return kept[stamp]
    done = _quick([*compose.words(), "version", "--short"])
    found = re.match(r"v?(\d+\.\d+\S*)", done.strip())
    if stamp and found:
        tree.remember(cache, msgspec.json.encode({stamp: found[1]}))
    return found[1] if found else ""


def _probes(seen: Facts) -> dict[str, probe.Probe]:
    """What answers: the chosen endpoint, and if that does not, the other known ones too."""
    chosen = probe.ask(seen.endpoint) if seen.endpoint else None
    if chosen and chosen.answers and chosen.product == "docker" and not chosen.rootless:
        return {seen.endpoint: chosen}
    home, run = str(Path.home()), os.environ.get("XDG_RUNTIME_DIR") or f"/run/user/{os.getuid()}"
    usual = [
        DEFAULT_ENDPOINT,
        f"unix://{run}/docker.sock",
        f"unix://{home}/.docker/run/docker.sock",
        f"unix://{home}/.docker/desktop/docker.sock",
        "unix:///run/podman/podman.sock",
        f"unix://{run}/podman/podman.sock",
    ]
    local = [endpoint for endpoint in seen.contexts.values() if endpoint.startswith("unix://")]
    answers = {endpoint: probe.ask(endpoint) for endpoint in dict.fromkeys([*usual, *local])}
    answers |= {seen.endpoint: chosen} if chosen else {}
    return {endpoint: answer for endpoint, answer in answers.items() if answer.state != "absent"}


def _manager() -> str:
    managers = {
        "apt-get": "apt",
        "dnf": "dnf",
        "zypper": "zypper",
        "pacman": "pacman",
        "apk": "apk",
        "brew": "brew",
    }
    return next((name for program, name in managers.items() if shutil.which(program)), "")


def _in_group() -> bool:
    import getpass
    import grp

    try:
        return getpass.getuser() in grp.getgrnam("docker").gr_mem
    except (KeyError, OSError):
        return False


def _desktop() -> bool:
    places = (
        "/Applications/Docker.app",
        "/opt/docker-desktop",
        "/mnt/wsl/docker-desktop",
        "/mnt/c/Program Files/Docker/Docker",
    )
    return any(Path(place).exists() for place in places)


def _contexts(home: Path) -> dict[str, str]:
    """The docker endpoint of every context; a file that cannot be read counts as none."""
    found = {}
    for path in sorted(home.glob("contexts/meta/*/meta.json")):
        try:
            meta = json.loads(path.read_bytes())
            found[str(meta["Name"])] = str(meta["Endpoints"]["docker"]["Host"])
        except (OSError, ValueError, KeyError, TypeError):
            continue
    return found


def _context_setting(home: Path) -> str:
    try:
        return str(json.loads((home / "config.json").read_bytes()).get("currentContext") or "")
    except (OSError, ValueError, AttributeError):
        return ""


def _is_podman(docker: str) -> bool:
    """Whether `docker` is the script or link of podman-docker."""
    if not docker:
        return False
    path = Path(docker).resolve()
    if path.name.startswith("podman"):
        return True
    with path.open("rb") as file:
        start = file.read(2048)
    return start.startswith(b"#!") and b"podman" in start


def _packages() -> tuple[str, ...]:
    """Those of PACKAGES that are installed, where dpkg knows."""
    rows = _quick(["dpkg-query", "-W", "-f", "${Package} ${db:Status-Status}\n", *PACKAGES]).splitlines()
    return tuple(row.split()[0] for row in rows if row.endswith(" installed"))


def _apparmor_tools_missing() -> bool:
    """Whether the kernel enforces AppArmor and has no parser: dockerd would start no container."""
    enabled = Path("/sys/module/apparmor/parameters/enabled")
    try:
        on = enabled.read_text().startswith("Y")
    except OSError:
        return False
    return on and not shutil.which("apparmor_parser", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")


@functools.cache
def _client_api(docker: str, min_api: str) -> str:
    # Clients of the last ten years speak 1.24, which engines before 29 still take.
    if not docker or probe.version(min_api) <= (1, 24):
        return ""
    text = _quick(["docker", "version", "--format", "{{json .Client}}"])
    try:
        client = json.loads(text)
    except ValueError:
        return ""
    return str(client.get("DefaultAPIVersion") or client.get("ApiVersion") or "")


def _quick(command: list[str]) -> str:
    """Standard output of a command that only looks; "" where it is missing, fails or hangs."""
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=QUICK_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout

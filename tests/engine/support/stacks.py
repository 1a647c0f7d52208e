"""A checkout of its own for a test, with what a user types in it, and its removal afterwards."""

import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from stack import docker as edge
from tests.support import SHIPPED, make

SOURCE_TREE = Path(__file__).resolve().parents[3]
BASE = "genai-stack/base:0.1.0"
REDIS = "genai-stack/redis:0.1.0"
NETWORK = {"networks": ["backend-bridge-network"], "stop_grace_period": "1s"}
BUILT = {
    "REDIS_SOURCE": "build", "SUPABASE_DB_SOURCE": "build", "BACKEND_SOURCE": "build",
    "KONG_API_GATEWAY_SOURCE": "disabled",
}  # fmt: skip
PATIENCE = 120.0
"""Seconds after which something awaited counts as lost."""


class Done:
    """What a command printed and how it ended."""

    def __init__(self, words: tuple[str, ...], code: int, out: str, err: str) -> None:
        self.words, self.code, self.out, self.err = words, code, out, err

    @property
    def text(self) -> str:
        return self.out + self.err

    @property
    def json(self) -> dict[str, Any]:
        assert self.out.startswith("{"), self
        document: dict[str, Any] = json.loads(self.out)
        return document

    @property
    def problems(self) -> list[dict[str, str]]:
        found: list[dict[str, str]] = self.json["problems"]
        return found

    def __repr__(self) -> str:
        return f"$ {' '.join(self.words)}\n{self.out}{self.err}[exit {self.code}]"


class Running:
    """A command under way whose lines can be awaited."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self.process = process
        self.lines: list[str] = []
        self._news = threading.Condition()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        with self.process.stdout as stream:
            for line in stream:
                with self._news:
                    self.lines.append(line.rstrip("\n"))
                    self._news.notify_all()
        with self._news:
            self._news.notify_all()

    @property
    def text(self) -> str:
        return "\n".join(self.lines)

    def wait_for(self, pattern: str) -> str:
        """The first line that matches. Fails when the command ends, or PATIENCE, without one."""
        deadline = time.monotonic() + PATIENCE
        with self._news:
            while True:
                found = next((line for line in self.lines if re.search(pattern, line)), None)
                if found is not None:
                    return found
                left = deadline - time.monotonic()
                assert left > 0, f"no line {pattern!r} in time:\n{self.text}"
                assert self._reader.is_alive(), f"it ended without a line {pattern!r}:\n{self.text}"
                self._news.wait(min(left, 1))

    def interrupt(self, number: int = signal.SIGINT) -> None:
        """Send a signal to the whole process group, as a terminal does for Ctrl-C."""
        os.killpg(self.process.pid, number)

    def kill(self) -> None:
        """SIGKILL to the command alone."""
        self.process.kill()

    def end(self) -> int:
        """Its exit code, once it has ended and all that it wrote is read."""
        code = self.process.wait(PATIENCE)
        self._reader.join(PATIENCE)
        return code


class Stack:
    """One checkout: its folder, its project's name and its ports."""

    def __init__(self, root: Path, project: str, base_port: int) -> None:
        self.root, self.project, self.base_port = root, project, base_port

    def port(self, offset: int) -> int:
        return self.base_port + offset

    def env(self) -> dict[str, str]:
        """`.env` as plain lines."""
        lines = (self.root / ".env").read_text().splitlines()
        pairs = (line.partition("=") for line in lines if "=" in line and not line.startswith("#"))
        return {name: value.strip("'\"") for name, _, value in pairs}

    def set(self, **values: str) -> None:
        """Change `.env` by hand, as a user's editor would."""
        merged = {**self.env(), **values}
        (self.root / ".env").write_text("".join(f"{name}={value}\n" for name, value in merged.items()))

    def unset(self, *names: str) -> None:
        kept = {name: value for name, value in self.env().items() if name not in names}
        (self.root / ".env").write_text("".join(f"{name}={value}\n" for name, value in kept.items()))

    def service(self, name: str, *, profiles: list[str] | None = None, entry: dict[str, Any] | None = None,
                more: dict[str, Any] | None = None, **keys: Any) -> None:  # fmt: skip
        """Write a small fragment: a container on the base image that sleeps, but for what `keys` say. `more` holds
        companions by name (True for the same defaults) or other top-level sections."""

        def full(given: dict[str, Any]) -> dict[str, Any]:
            defaults = {"image": BASE, "command": ["sleep", "infinity"], "init": True, "restart": "unless-stopped",
                        "profiles": profiles or ["small"], **NETWORK}  # fmt: skip
            return {k: v for k, v in {**defaults, **given}.items() if v is not None}

        companions = {key: full(value) for key, value in (more or {}).items()}
        about = {"about": f"{name}, of a test", **(entry or {})}
        entries = {name: about, **{key: {"about": f"{key}, of a test"} for key in companions}}
        document = {"x-stack": entries, "services": {name: full(keys), **companions}}
        (self.root / "compose" / f"{name}.yml").write_text(json.dumps(document, indent=1))

    def volume(self, name: str, *volumes: str) -> None:
        """Declare top-level volumes in a fragment that `service` wrote."""
        path = self.root / "compose" / f"{name}.yml"
        document = json.loads(path.read_text())
        path.write_text(json.dumps({**document, "volumes": dict.fromkeys(volumes)}, indent=1))

    def inv(self, *words: str, env: dict[str, str] | None = None, text: str = "") -> Done:
        """Run `inv WORDS` to its end."""
        done = subprocess.run(self.command(words), cwd=self.root, env=self.environment(env), input=text,
                              capture_output=True, text=True, timeout=2 * PATIENCE, check=False)  # fmt: skip
        return Done(("inv", *words), done.returncode, done.stdout, done.stderr)

    def start(self, *words: str, env: dict[str, str] | None = None) -> Running:
        """Begin `inv WORDS` in a process group of its own, both streams read as one."""
        return Running(subprocess.Popen(self.command(words), cwd=self.root, env=self.environment(env),
                                        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                        text=True, start_new_session=True))  # fmt: skip

    def command(self, words: tuple[str, ...]) -> list[str]:
        """The words that run `inv WORDS`."""
        return [sys.executable, "-m", "stack", *words]

    def environment(self, extra: dict[str, str] | None = None) -> dict[str, str]:
        """The environment that a user runs it in."""
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("COMPOSE_", "PYTEST_"))}
        return {**kept, **(extra or {})}

    def up(self, *words: str) -> Done:
        """`inv up` that has to succeed."""
        done = self.inv("up", *words)
        assert done.code == 0, done
        return done

    def compose(self, *words: str) -> Done:
        """Plain `docker compose` in the root."""
        return run("docker", "compose", *words, cwd=self.root)

    def containers(self) -> dict[str, dict[str, Any]]:
        """What the engine says of each container, by its name without the project's."""
        return {one["Name"].removeprefix(f"/{self.project}-"): one for one in inspect(self.project)}

    def one(self, service: str) -> dict[str, Any]:
        return self.containers()[f"{service}-1"]

    def identities(self) -> dict[str, tuple[str, str, str]]:
        """Each container's id, config hash and time of its start: equal means untouched."""
        label = "com.docker.compose.config-hash"
        return {name: (one["Id"], one["Config"]["Labels"][label], one["State"]["StartedAt"])
                for name, one in self.containers().items()}  # fmt: skip

    def exec(self, service: str, *words: str) -> str:
        """What a command prints in a service's first container."""
        done = run("docker", "exec", f"{self.project}-{service}-1", *words)
        assert done.code == 0, done
        return done.out

    def listed(self, kind: str) -> list[str]:
        """Names of the project's volumes or networks."""
        return listed(kind, self.project)

    def files_are_whole(self) -> bool:
        """No half-written file is left beside those that a command writes, and those can be read."""
        aside = self.root / ".stack" / "tmp"
        loose = [p for p in self.root.rglob(".*") if p.name.startswith((".inv-", "..env.")) and p.parent != aside]
        text = (self.root / "compose.yaml").read_text() if (self.root / "compose.yaml").exists() else ""
        return not loose and (not text or run("docker", "compose", "config", "-q", cwd=self.root).code == 0)


def run(*words: str, cwd: Path | None = None, env: dict[str, str] | None = None) -> Done:
    """Run a program to its end."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith("COMPOSE_")}
    done = subprocess.run(words, cwd=cwd, capture_output=True, text=True, env={**kept, **(env or {})},
                          stdin=subprocess.DEVNULL, timeout=2 * PATIENCE, check=False)  # fmt: skip
    return Done(words, done.returncode, done.stdout, done.stderr)


def docker(*words: str) -> str:
    """What `docker WORDS` prints; it has to succeed."""
    done = run("docker", *words)
    assert done.code == 0, done
    return done.out


def rootless() -> bool:
    """Whether the engine is a rootless Docker: the host's network of a rootless Podman is the machine's."""
    return not edge.podman() and edge.rootless(edge.info().get("SecurityOptions") or [])


LACKS: dict[str, tuple[Callable[[], bool], str]] = {
    "checks": (lambda: edge.podman() and not Path("/run/systemd/system").is_dir(),
               "a Podman without systemd checks nothing by itself"),
    "limits": (lambda: not edge.info().get("MemoryLimit"), "limits of memory do not hold on this engine"),
    "host's network": (rootless, "the host's network of a rootless engine is its own"),
}  # fmt: skip
"""What not every engine has: when it is lacking, and the reason."""


def needs(*things: str) -> None:
    """Skip the test where the engine lacks one of these."""
    for lacking, why in (LACKS[thing] for thing in things):
        if lacking():
            pytest.skip(why)


def _of(project: str) -> list[str]:
    return ["--filter", f"label=com.docker.compose.project={project}"]


def inspect(project: str) -> list[dict[str, Any]]:
    """What the engine says of each container of a project."""
    ids = docker("ps", "-aq", *_of(project)).split()
    found: list[dict[str, Any]] = json.loads(run("docker", "inspect", *ids).out) if ids else []
    return found


def listed(kind: str, project: str) -> list[str]:
    """Names of a project's volumes or networks."""
    return sorted(docker(kind, "ls", "--format", "{{.Name}}", *_of(project)).split())


def remove(project: str) -> None:
    """Everything of one project, by its label, and the images that were kept or made for it alone."""
    ids = docker("ps", "-aq", *_of(project)).split()
    if ids:
        run("docker", "rm", "-f", "-v", *ids)
    for kind in ("network", "volume"):
        names = listed(kind, project)
        if names:
            run("docker", kind, "rm", *names)
    tags = docker("images", "--format", "{{.Repository}}:{{.Tag}}", "--filter", "reference=genai-stack/*").split()
    own = [tag for tag in tags if tag.startswith(f"genai-stack/kept:{project}-") or tag.endswith(f":{project}")]
    if own:
        run("docker", "rmi", *own)


def copy_tree(target: Path) -> None:
    """The shipped files, without what a checkout gathers."""
    make(target, SHIPPED, {})


def until(there: Callable[[], Any], what: str) -> Any:
    """The first true value that `there` gives."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        value = there()
        if value:
            return value
        time.sleep(0.1)
    raise AssertionError(f"{what} did not happen within {PATIENCE:.0f} s")


@contextlib.contextmanager
def listener(port: int) -> Iterator[socket.socket]:
    """A program of this process that listens on a port."""
    with contextlib.closing(socket.socket()) as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(("127.0.0.1", port))
        sock.listen()
        yield sock

"""Asks an engine at an address who it is. Over a unix socket this takes a few milliseconds and no process."""

import json
import re
import subprocess
from typing import Any, Literal

import msgspec

from stack import docker, unixhttp

# An engine under load answers /version within a second; one that takes longer would make every command hang.
LIMIT_S = 5.0


class Probe(msgspec.Struct, frozen=True, kw_only=True):
    """The answer. `absent`: nothing there; `refused`: a socket that nobody serves; `denied`: not for us."""

    state: Literal["answers", "absent", "refused", "denied", "failing"]
    product: Literal["docker", "podman"] = "docker"
    version: str = ""
    min_api: str = ""
    rootless: bool = False
    detail: str = ""
    """What was said by an engine that is `failing`, or by the client on its behalf."""

    @property
    def answers(self) -> bool:
        """Whether an engine of whatever kind is there and lets us in."""
        return self.state == "answers"


def ask(endpoint: str) -> Probe:
    """Asks the engine at `endpoint` (unix://PATH, or what DOCKER_HOST may hold)."""
    if not endpoint.startswith("unix://"):
        return _ask_client(endpoint)
    path = endpoint.removeprefix("unix://")
    try:
        said = _get(path, "/version")
        # Only an engine of the user's own can be rootless, and /info costs more than /version.
        options = (
            [] if path in {"/var/run/docker.sock", "/run/docker.sock"} else _get(path, "/info").get("SecurityOptions")
        )
    except FileNotFoundError:
        return Probe(state="absent")
    except PermissionError:
        return Probe(state="denied")
    except ConnectionRefusedError:
        return Probe(state="refused")
    except (OSError, ValueError) as error:
        return Probe(state="failing", detail=str(error) or type(error).__name__)
    return _answer(said, [str(option) for option in options or []])


def version(text: str) -> tuple[int, ...]:
    """The leading numbers of a version, for comparison: 2.40.3-desktop.1 gives (2, 40, 3)."""
    found = re.match(r"v?(\d+(?:\.\d+)*)", text)
    return tuple(int(part) for part in found[1].split(".")) if found else ()


def _answer(said: dict[str, Any], options: list[str]) -> Probe:
    names = [str(part.get("Name", "")) for part in said.get("Components") or []]
    return Probe(
        state="answers",
        product="podman" if any("Podman" in name for name in names) else "docker",
        version=str(said.get("Version", "")),
        min_api=str(said.get("MinAPIVersion", "")),
        rootless=docker.rootless(options) or "rootlesskit" in names,
    )


def _get(path: str, resource: str) -> dict[str, Any]:
    """What the engine at a unix socket gives for `resource`. Raises OSError, ValueError."""
    answer = unixhttp.get(path, resource, LIMIT_S)
    if answer.status != unixhttp.OK:
        raise ValueError(answer.body.decode(errors="replace").strip()[:500] or f"HTTP {answer.status}")
    said = answer.values()
    return said if isinstance(said, dict) else {}


def _ask_client(endpoint: str) -> Probe:
    """For ssh and TLS the docker client knows how to connect; it asks the endpoint it would use itself."""
    command = ["docker", "version", "--format", "{{json .Server}}"]
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=2 * LIMIT_S,
            check=False,
        )
        said = json.loads(done.stdout)
    except (OSError, subprocess.TimeoutExpired) as error:
        return Probe(state="failing", detail=f"{endpoint}: {error}")
    except ValueError:
        return Probe(state="failing", detail=done.stderr.strip()[-500:] or f"{endpoint} does not answer")
    return _answer(said, []) if said else Probe(state="failing", detail=done.stderr.strip()[-500:])

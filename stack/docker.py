"""The edge to Docker: one small runner for the CLI, and what runs as values."""

import functools
import json
import os
import re
import subprocess
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

import msgspec

from stack import client, unixhttp
from stack.errors import StackError, fail

QUICK = 20.0
"""Seconds after which a question to the engine counts as unanswered."""
PROJECT_LABEL = "com.docker.compose.project"
UNIT = "\x1f"


class Container(msgspec.Struct, frozen=True):
    """One container of the project, from its labels and state; `health` is empty without a healthcheck."""

    id: str
    name: str
    service: str
    state: str
    health: str
    exit_code: int
    config_hash: str
    image_id: str
    working_dir: str
    one_off: bool = False


def environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """This process's environment for a `docker` call, without the variables that would steer Compose away from
    the project's own files; `extra` is added. Without PWD, which may spell the folder by a symbolic link: Compose then
    asks the system, and what it mounts and labels has one spelling."""
    kept = {key: value for key, value in os.environ.items() if key != "PWD" and not key.startswith("COMPOSE_")}
    return {**kept, **(extra or {})}


def bare_environment() -> dict[str, str]:
    """What the docker client itself needs of the environment; settings come from the caller alone."""
    kept = ("PATH", "HOME", "USER", "XDG_RUNTIME_DIR", "TMPDIR", "SystemRoot", "USERPROFILE")
    return {key: value for key, value in os.environ.items() if key in kept or key.startswith("DOCKER_")}


def run(args: Sequence[str], *, text: str | None = None, env: Mapping[str, str] | None = None,
        cwd: Path | None = None, timeout: float = QUICK,
        program: Sequence[str] = ("docker",)) -> subprocess.CompletedProcess[str]:  # fmt: skip
    """Run `docker ARGS`, or another program, and give back its output, whatever its exit code. `timeout` is in seconds.

    Raises StackError where there is no docker, or no answer in time."""
    try:
        return subprocess.run([*program, *args], input=text, env=dict(env) if env is not None else environment(),
                              cwd=cwd, timeout=timeout, capture_output=True, text=True, errors="surrogateescape",
                              check=False)  # fmt: skip
    except FileNotFoundError:
        raise fail("docker", "docker is not installed", fix="./inv engine --yes") from None
    except OSError as error:
        raise fail("docker", f"{program[0]} can't be run: {error.strerror}", fix="./inv engine --yes") from None
    except subprocess.TimeoutExpired:
        message = f"docker {args[0]} did not answer within {timeout:.0f} s"
        raise fail("docker-hangs", message, fix="./inv engine") from None


def ask(args: Sequence[str], **options: object) -> str:
    """The standard output of `docker ARGS`. Raises StackError with its last lines where it fails."""
    done = run(args, **options)  # type: ignore[arg-type]
    if done.returncode != 0:
        raise failed(args, done.stderr)
    return done.stdout


def failed(args: Sequence[str], stderr: str) -> StackError:
    """The error of a docker call that failed, in docker's own last words, but where no engine answered it or may be
    asked."""
    if nobody := re.search(r"Cannot connect to the Docker daemon at (\S+?)\.? ", stderr):
        return fail("docker", f"no engine answers at {nobody[1]}", fix="./inv engine")
    if nobody := re.search(r"permission denied while trying to connect to .*? at (\S+?):? ", stderr):
        return fail("docker", f"you have no permission to use the Docker engine at {nobody[1]}", fix="./inv engine")
    words = [line for line in stderr.strip().splitlines() if line][-3:] or ["it gave no reason"]
    return fail("docker", f"docker {' '.join(args[:2])} failed: {' / '.join(words)}", fix="./inv engine")


def answers() -> bool:
    """Whether an engine answers."""
    try:
        return run(["version", "--format", "{{.Server.Version}}"], timeout=5).returncode == 0
    except StackError:
        return False


def api() -> tuple[int, int]:
    """The API version of the engine behind a socket of this machine, which is asked in 1 ms. (0, 0) of one elsewhere,
    as a client would have to ask it, and where none answers: what goes by the version is then as for the oldest."""
    found = re.search(rb"(?i)\napi-version: *(\d+)\.(\d+)", _greeting())
    return (int(found[1]), int(found[2])) if found else (0, 0)


def podman() -> bool:
    """Whether the engine behind a socket of this machine is Podman."""
    return b"\nlibpod-api-version:" in _greeting().lower()


LIBPOD = "/v5.0.0/libpod"
"""Where Podman has its own API beside Docker's (docs.podman.io/en/latest/_static/api.html)."""
UNIX = "unix://"


def _greeting() -> bytes:
    """What the engine behind a socket of this machine says of itself; nothing elsewhere, and where none answers."""
    at = client.endpoint()
    try:
        return _greeted(at.removeprefix(UNIX)) if at.startswith(UNIX) else b""
    except (OSError, ValueError):
        return b""


@functools.cache
def _greeted(path: str) -> bytes:
    return unixhttp.get(path, "/_ping", QUICK).head


def told(resource: str, timeout: float = QUICK) -> Any:
    """What the engine at a socket of this machine says of `resource`, as values; None where there is no such thing.

    Raises LookupError where the client has to be asked, as it knows the way to an engine elsewhere and has the words
    for a refusal, and StackError where no engine answers."""
    body = answered(resource, timeout)
    try:
        return None if body is None else json.loads(body)
    except ValueError as error:
        raise LookupError(resource) from error


def answered(resource: str, timeout: float = QUICK, values: object = None) -> bytes | None:
    """The same as bytes; with `values`, what it answers to a POST of them as JSON."""
    at = client.endpoint()
    if not at.startswith(UNIX):
        raise LookupError(at)
    try:
        path = at.removeprefix(UNIX)
        answer = unixhttp.get(path, resource, timeout) if values is None else (
            unixhttp.post(path, resource, values, timeout))  # fmt: skip
    except TimeoutError:
        raise fail("docker-hangs", f"the engine did not answer within {timeout:.0f} s", fix="./inv engine") from None
    except (FileNotFoundError, ConnectionRefusedError):
        raise fail("docker", f"no engine answers at {at}", fix="./inv engine") from None
    except (OSError, ValueError) as error:
        raise LookupError(resource) from error
    if answer.status not in (unixhttp.OK, unixhttp.CREATED, unixhttp.MISSING):
        raise LookupError(answer.status)
    return None if answer.status == unixhttp.MISSING else answer.body


def _filtered(resource: str, **filters: str) -> str:
    """A resource for what fits these filters alone."""
    return f"{resource}filters={quote(json.dumps({name: [value] for name, value in filters.items()}))}"


def inspected(kind: str, names: Iterable[str]) -> list[dict[str, Any]]:
    """What `docker inspect` tells of each of the `kind` (containers, images, networks, volumes) that is there."""
    wanted = list(dict.fromkeys(names))
    try:
        rest = "/json" if kind in ("containers", "images") else ""
        found = [told(f"/{kind}/{quote(name, safe='/:@')}{rest}") for name in wanted]
        return [one for one in found if one is not None]
    except LookupError:
        # One that isn't there makes the client fail, and is not missed.
        text = run([kind.removesuffix("s"), "inspect", *wanted]).stdout if wanted else ""
        return json.loads(text or "[]") or []


def info() -> dict[str, Any]:
    """What `docker info` says of the engine. Raises StackError where none answers."""
    try:
        return told("/info") or {}
    except LookupError:
        text = ask(["info", "--format", "{{json .}}"])
    try:
        return json.loads(text) or {}
    except ValueError:
        raise fail("docker", "docker info gave no JSON", fix="./inv engine") from None


def rootless(options: Iterable[Any]) -> bool:
    """Whether an engine with these security options, as `info` has them, is rootless."""
    return any(str(option).startswith("name=rootless") for option in options)


LABELS = {
    "service": "com.docker.compose.service",
    "config_hash": "com.docker.compose.config-hash",
    "image_id": "com.docker.compose.image",
    "working_dir": "com.docker.compose.project.working_dir",
    "one_off": "com.docker.compose.oneoff",
}
FIELDS = {
    "id": "{{.ID}}",
    "name": "{{.Names}}",
    "state": "{{.State}}",
    "status": "{{.Status}}",
    **{name: f'{{{{.Label "{label}"}}}}' for name, label in LABELS.items()},
}
"""What is asked of each container, as the client lays it out."""


def containers(project: str) -> list[Container]:
    """Every container of the project, stopped ones too, from one call to the engine."""
    label = f"{PROJECT_LABEL}={project}"
    try:
        healths = _healths(label) if podman() else {}
        return [_listed(row, healths) for row in told(_filtered("/containers/json?all=1&", label=label))]
    except LookupError:
        pass
    layout = UNIT.join(FIELDS.values())
    out = ask(["ps", "-a", "--no-trunc", "--filter", f"label={label}", "--format", layout])
    return [_container(dict(zip(FIELDS, line.split(UNIT), strict=True))) for line in out.splitlines()]


def _healths(label: str) -> dict[str, str]:
    """The health of each container that runs, from Podman, whose list in Docker's words lacks it (5.4)."""
    rows = told(_filtered(f"{LIBPOD}/containers/json?", label=label))
    return {row["Id"]: f"({row['Status']})" for row in rows}


def _listed(row: dict[str, Any], healths: Mapping[str, str]) -> Container:
    """A container as the engine itself lists it."""
    fields = {"id": row["Id"], "name": ",".join(name.lstrip("/") for name in row["Names"]), "state": row["State"],
              "status": row["Status"] + healths.get(row["Id"], "")}  # fmt: skip
    labels = row.get("Labels") or {}
    return _container(fields | {name: labels.get(label, "") for name, label in LABELS.items()})


def _container(row: dict[str, str]) -> Container:
    status = row["status"]
    health = next((word for word in ("healthy", "unhealthy", "starting") if f"({word})" in status
                   or f"(health: {word})" in status), "")  # fmt: skip
    code = status.split("(")[1].split(")")[0] if status.startswith("Exited (") else "0"
    return Container(row["id"], row["name"], row["service"], row["state"], health, int(code), row["config_hash"],
                     row["image_id"], row["working_dir"], row["one_off"] == "True")  # fmt: skip


MANY = 16
"""From so many images on, the list of all is asked for: 0.1 ms for each that the engine has (20.10), where a question
for one that is named takes 0.3 to 0.5."""


def images(names: Sequence[str]) -> dict[str, tuple[str, dict[str, str]]]:
    """The id and labels of each of the named images that is on this machine."""
    wanted = list(dict.fromkeys(names))
    found, alone = _of_all(wanted) if len(wanted) >= MANY else ({}, wanted)
    # Matched by name: which rows are missing is told in words that differ from one engine to the next.
    rows = inspected("images", alone)
    found |= {name: (row["Id"], (row.get("Config") or {}).get("Labels") or {})
              for name in alone for row in rows if familiar(name) in names_of(row)}  # fmt: skip
    return {name: found[name] for name in wanted if name in found}


def _of_all(names: Sequence[str]) -> tuple[dict[str, tuple[str, dict[str, str]]], list[str]]:
    """What the engine's list of all images says of those, and the names of which it does not say enough."""
    try:
        listed = told("/images/json") or []
    except LookupError:
        return {}, list(names)
    rows: dict[str, list[dict[str, Any]]] = {}
    for row in listed:
        for name in dict.fromkeys(names_of(row)):
            rows.setdefault(name, []).append(row)
    said = {name: rows.get(familiar(name), []) for name in names}
    one = {name: of[0] for name, of in said.items() if len(of) == 1 and "Labels" in of[0]}
    sure = {name: (row["Id"], row["Labels"] or {}) for name, row in one.items()}
    # Not every engine lists an image under the digests that it was asked for by.
    return sure, [name for name, of in said.items() if name not in sure and (of or "@" in name)]


def listed_images() -> list[dict[str, Any]]:
    """Every image with a name, as the engine lists it: Id, RepoTags, RepoDigests, Size, Created (seconds since 1970).

    Raises StackError where no engine answers."""
    try:
        return told("/images/json") or []
    except LookupError:
        ids = ask(["images", "-q", "--no-trunc"]).split()
        return inspected("images", ids)


def tag(image: str, name: str) -> None:
    """Give an image one more name. Raises StackError where that can't be."""
    repository, _, word = name.rpartition(":")
    resource = f"/images/{quote(image)}/tag?repo={quote(repository)}&tag={quote(word)}"
    try:
        done = answered(resource, values={}) is not None
    except LookupError:
        done = False
    if not done:
        # The client has the words for it.
        ask(["tag", image, name])


def names_of(image: dict[str, Any]) -> list[str]:
    """The names of an image that was inspected or listed, by tag and by digest."""
    return [familiar(name) for name in (*(image.get("RepoTags") or []), *(image.get("RepoDigests") or []))]


def familiar(image: str) -> str:
    """An image's name as Docker lists it: `docker.io/library/redis` is `redis:latest`; a digest stands without the tag.
    Podman lists whole names, and `localhost/` before those that are no registry's."""
    name = image.removeprefix("index.").removeprefix("docker.io/").removeprefix("library/").removeprefix("localhost/")
    name, _, digest = name.partition("@")
    repository, colon, tag = name.rpartition(":")
    tagged = bool(colon) and "/" not in tag
    if digest:
        return f"{repository if tagged else name}@{digest}"
    return name if tagged else f"{name}:latest"


def volumes() -> set[str]:
    """The names of all volumes that the engine has."""
    try:
        return {volume["Name"] for volume in told("/volumes").get("Volumes") or []}
    except LookupError:
        return set(ask(["volume", "ls", "--format", "{{.Name}}"]).split())


VOLUME_LABEL = "com.docker.compose.volume"


def volumes_of(project: str) -> dict[str, str]:
    """The volumes of a project: the engine's name of each, and the name in its files."""
    label = f"{PROJECT_LABEL}={project}"
    try:
        rows = told(_filtered("/volumes?", label=label)).get("Volumes") or []
        return {row["Name"]: (row.get("Labels") or {}).get(VOLUME_LABEL, "") for row in rows}
    except LookupError:
        layout = UNIT.join(["{{.Name}}", f'{{{{.Label "{VOLUME_LABEL}"}}}}'])
        lines = ask(["volume", "ls", "--filter", f"label={label}", "--format", layout]).splitlines()
        return dict(line.split(UNIT) for line in lines)


def projects_in(folder: Path) -> set[str]:
    """The projects of which a container, running or not, was started from a folder."""
    label = f"{LABELS['working_dir']}={folder}"
    try:
        rows = told(_filtered("/containers/json?all=1&", label=label))
        return {(row.get("Labels") or {}).get(PROJECT_LABEL, "") for row in rows} - {""}
    except LookupError:
        layout = f'{{{{.Label "{PROJECT_LABEL}"}}}}'
        return set(ask(["ps", "-a", "--filter", f"label={label}", "--format", layout]).split())


def killed(project: str, seconds: int) -> set[str]:
    """The ids of a project's containers that were killed for want of memory in the last seconds."""
    label = f"{PROJECT_LABEL}={project}"
    now = int(time.time())
    events = _filtered(f"/events?since={now - seconds}&until={now}&", type="container", event="oom", label=label)
    try:
        body = answered(events)
        return {json.loads(line)["Actor"]["ID"] for line in (body or b"").splitlines() if line}
    except (LookupError, ValueError):
        words = ["events", "--since", str(now - seconds), "--until", str(now), "--filter", "type=container",
                 "--filter", "event=oom", "--filter", f"label={label}", "--format", "{{.ID}}"]  # fmt: skip
        return set(ask(words).split())


def log(container: str, lines: int, since: int = 0, terminal: bool = False) -> str:
    """The last lines of a container's log, each with its time in front, first those of its output; with `since`, those
    after that second. `terminal` is for one that has one, whose log is in one piece."""
    resource = f"/containers/{container}/logs?stdout=1&stderr=1&timestamps=1&tail={lines}&since={since}"
    try:
        body = answered(resource) or b""
        return (body if terminal else b"".join(unixhttp.streams(body))).decode(errors="replace")
    except (LookupError, ValueError):
        after = ["--since", str(since)] if since else []
        done = run(["logs", "--timestamps", "--tail", str(lines), *after, container])
        return done.stdout + done.stderr


def networks() -> list[dict[str, Any]]:
    """All networks that the engine has, as `docker network inspect` tells them, but for the containers on them."""
    try:
        return told("/networks") or []
    except LookupError:
        return inspected("networks", ask(["network", "ls", "-q", "--no-trunc"]).split())


def volume_sizes(timeout: float) -> dict[str, str]:
    """The size of every volume, as the engine writes it: 48.2MB. Raises StackError where it is not done in that many
    seconds, and while it measures for somebody else."""
    try:
        found = told("/system/df?type=volume", timeout).get("Volumes") or []
        return {one["Name"]: _size((one.get("UsageData") or {}).get("Size", -1)) for one in found}
    except LookupError:
        pass
    layout = "{{range .Volumes}}{{println .Name .Size}}{{end}}"
    rows = ask(["system", "df", "-v", "--format", layout], timeout=timeout).splitlines()
    return dict(row.split(" ", 1) for row in rows if " " in row)


def _size(count: float) -> str:
    """Bytes as the docker client writes them (go-units, HumanSize); -1 is for what was not measured."""
    if count < 0:
        return "N/A"
    units = ("B", "kB", "MB", "GB", "TB", "PB")
    at = 0
    while count >= 1000 and at < len(units) - 1:
        count, at = count / 1000, at + 1
    return f"{count:.4g}{units[at]}"

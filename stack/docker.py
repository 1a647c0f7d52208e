"""The edge to Docker: one small runner for the CLI, and what runs as values."""

import hashlib
import os
import re
import shutil
import socket
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

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


def run(args: Sequence[str], *, text: str | None = None, env: Mapping[str, str] | None = None,
        cwd: Path | None = None, timeout: float = QUICK,
        program: Sequence[str] = ("docker",)) -> subprocess.CompletedProcess[str]:  # fmt: skip
    """Run `docker ARGS`, or another program, and give back its output, whatever its exit code. `timeout` is in seconds.

    Raises StackError where there is no docker, or no answer in time."""
    try:
        return subprocess.run([*program, *args], input=text, env=dict(env) if env is not None else environment(),
                              cwd=cwd, timeout=timeout, capture_output=True, text=True, check=False)  # fmt: skip
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
    """The error of a docker call that failed, in docker's own last words."""
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
    at = endpoint()
    if not at.startswith("unix://"):
        return (0, 0)
    try:
        with socket.socket(socket.AF_UNIX) as sock:
            sock.settimeout(QUICK)
            sock.connect(at.removeprefix("unix://"))
            sock.sendall(b"GET /_ping HTTP/1.0\r\n\r\n")
            head = sock.recv(4096)
    except OSError:
        return (0, 0)
    found = re.search(rb"(?i)\napi-version: *(\d+)\.(\d+)", head)
    return (int(found[1]), int(found[2])) if found else (0, 0)


FIELDS = {
    "id": "{{.ID}}",
    "name": "{{.Names}}",
    "service": '{{.Label "com.docker.compose.service"}}',
    "state": "{{.State}}",
    "status": "{{.Status}}",
    "config_hash": '{{.Label "com.docker.compose.config-hash"}}',
    "image_id": '{{.Label "com.docker.compose.image"}}',
    "working_dir": '{{.Label "com.docker.compose.project.working_dir"}}',
    "one_off": '{{.Label "com.docker.compose.oneoff"}}',
}


def containers(project: str) -> list[Container]:
    """Every container of the project, stopped ones too, from one call to the engine."""
    layout = UNIT.join(FIELDS.values())
    out = ask(["ps", "-a", "--no-trunc", "--filter", f"label={PROJECT_LABEL}={project}", "--format", layout])
    return [_container(dict(zip(FIELDS, line.split(UNIT), strict=True))) for line in out.splitlines()]


def _container(row: dict[str, str]) -> Container:
    status = row["status"]
    health = next((word for word in ("healthy", "unhealthy", "starting") if f"({word})" in status
                   or f"(health: {word})" in status), "")  # fmt: skip
    code = status.split("(")[1].split(")")[0] if status.startswith("Exited (") else "0"
    return Container(row["id"], row["name"], row["service"], row["state"], health, int(code), row["config_hash"],
                     row["image_id"], row["working_dir"], row["one_off"] == "True")  # fmt: skip


def images(names: Sequence[str]) -> dict[str, tuple[str, dict[str, str]]]:
    """The id and labels of each of the named images that is on this machine."""
    if not names:
        return {}
    fields = ["{{.Id}}", "{{json .RepoTags}}", "{{json .RepoDigests}}", "{{json .Config.Labels}}"]
    done = run(["image", "inspect", "--format", UNIT.join(fields), *names])
    # Matched by name: which rows are missing is told in words that differ from one engine to the next.
    rows = [_image(row) for row in done.stdout.splitlines() if row]
    return {name: (row[0], row[2]) for name in names for row in rows if familiar(name) in row[1]}


def _image(row: str) -> tuple[str, list[str], dict[str, str]]:
    import json

    identity, *rest = row.split(UNIT)
    tags, digests, labels = map(json.loads, rest)
    return identity, [*(tags or []), *(digests or [])], labels or {}


def familiar(image: str) -> str:
    """An image's name as the engine lists it: `docker.io/library/redis` is `redis:latest`; a digest stands without
    the tag."""
    name = image.removeprefix("index.").removeprefix("docker.io/").removeprefix("library/")
    name, _, digest = name.partition("@")
    repository, colon, tag = name.rpartition(":")
    tagged = bool(colon) and "/" not in tag
    if digest:
        return f"{repository if tagged else name}@{digest}"
    return name if tagged else f"{name}:latest"


PLUGINS = ("/usr/local/lib/docker/cli-plugins", "/usr/local/libexec/docker/cli-plugins",
           "/usr/lib/docker/cli-plugins", "/usr/libexec/docker/cli-plugins")  # fmt: skip


SOCKET = "unix:///var/run/docker.sock"


class Client(msgspec.Struct, rename="camel"):
    """What the docker client's own config.json says of proxies, a block for each engine or a default, of its context,
    and of where plugins are."""

    proxies: dict[str, dict[str, str]] = {}
    current_context: str = ""
    cli_plugins_extra_dirs: list[str] = []


def config_folder() -> Path:
    """Where the docker client keeps its settings."""
    return Path(os.environ.get("DOCKER_CONFIG") or Path.home() / ".docker")


def proxy_block() -> dict[str, str]:
    """The client's proxy settings for this engine, which Compose puts into every container; empty where it has none."""
    blocks = _client().proxies
    return blocks.get(os.environ.get("DOCKER_HOST") or SOCKET) or blocks.get("default", {})


def endpoint() -> str:
    """The address that the docker client would use: DOCKER_HOST, or its context's; "" where that is not there."""
    context = os.environ.get("DOCKER_CONTEXT") or _client().current_context or "default"
    if host := os.environ.get("DOCKER_HOST"):
        return host
    if context == "default":
        return SOCKET
    folder = hashlib.sha256(context.encode()).hexdigest()
    try:
        meta = (config_folder() / "contexts" / "meta" / folder / "meta.json").read_bytes()
        return str(msgspec.json.decode(meta)["Endpoints"]["docker"]["Host"])
    except (OSError, msgspec.DecodeError, KeyError, TypeError):
        return ""


def _client() -> Client:
    try:
        return msgspec.json.decode((config_folder() / "config.json").read_bytes(), type=Client)
    except (OSError, msgspec.DecodeError):
        return Client()


def compose_plugin() -> Path | None:
    """Compose's own program, where the docker client finds it: in the folders of its settings, then in those of the
    system (docker/cli, cli-plugins/manager)."""
    folders = [*map(Path, _client().cli_plugins_extra_dirs), config_folder() / "cli-plugins", *map(Path, PLUGINS)]
    found = (folder / "docker-compose" for folder in folders)
    return next((path for path in found if path.is_file() and os.access(path, os.X_OK)), None)


def compose_stamp() -> str:
    """What changes when another Compose is installed: the plugin's path, size and time. It costs no process, as
    asking for the version would (54 ms)."""
    plugin = compose_plugin()
    if plugin is None:
        return ""
    state = plugin.stat()
    return f"{plugin}:{state.st_size}:{state.st_mtime_ns}"


def _compose() -> list[str]:
    """What answers questions about files, which no engine is asked for: Compose's own program, as the way by the client
    takes 35 ms more. Where it is not found, or there is no client either, the client, which has the words for it."""
    plugin = compose_plugin() if shutil.which("docker") else None
    return [str(plugin)] if plugin else ["docker", "compose"]


def volumes() -> set[str]:
    """The names of all volumes that the engine has."""
    return set(ask(["volume", "ls", "--format", "{{.Name}}"]).split())


def volume_sizes(timeout: float) -> dict[str, str]:
    """The size of every volume, as the engine writes it: 48.2MB. Raises StackError where it is not done in that many
    seconds, and while it measures for somebody else."""
    layout = "{{range .Volumes}}{{println .Name .Size}}{{end}}"
    rows = ask(["system", "df", "-v", "--format", layout], timeout=timeout).splitlines()
    return dict(row.split(" ", 1) for row in rows if " " in row)


RARELY_COLLECTED = {"GOGC": "400"}
"""For a Compose that ends within a second: Go's collector took a fifth of its time (benchmarks/run.py plan)."""


def config(root: Path, files: Sequence[str], env: Mapping[str, str], project: str) -> str:
    """Compose's merged and interpolated model of `files` as JSON, every profile included, edges to absent services
    kept, relative paths left alone. Raises StackError with Compose's own words where it refuses."""
    flags = [word for file in files for word in ("-f", file)]
    args = ["-p", project, "--project-directory", ".", "--env-file", os.devnull, *flags, "--profile", "*",
            "config", "--no-consistency", "--no-path-resolution", "--format", "json"]  # fmt: skip
    around = {**bare_environment(), **env, **RARELY_COLLECTED}
    done = run(args, env=around, cwd=root, timeout=120, program=_compose())
    if done.returncode != 0:
        raise refused(done.stderr)
    return done.stdout


def bare_environment() -> dict[str, str]:
    """What the docker client itself needs of the environment; settings come from the caller alone."""
    kept = ("PATH", "HOME", "USER", "XDG_RUNTIME_DIR", "TMPDIR", "SystemRoot", "USERPROFILE")
    return {key: value for key, value in os.environ.items() if key in kept or key.startswith("DOCKER_")}


def refused(stderr: str) -> StackError:
    """Compose's refusal of the files, without its log prefixes. Where there is no Compose, that."""
    lines = [line for line in stderr.strip().splitlines() if line and "level=warning" not in line]
    text = " / ".join(lines[-3:]) or "it gave no reason"
    if "unknown command" in text or "unknown flag" in text or "unknown shorthand" in text:
        return fail("compose-missing", "docker has no Compose plugin, or an old one", fix="./inv engine --yes")
    return fail("compose", f"Compose refuses the files: {text}", fix="edit the file named above")


def hashes(root: Path, project: str, text: str, env: Mapping[str, str], apart: bool = False,
           lives_in: Mapping[str, str] | None = None) -> dict[str, str]:  # fmt: skip
    """Compose's config hash of every service of an assembled project, as `docker compose` would compute it in the
    root: the user's compose.override.yaml counts. `env` holds the secrets: they go by environment, not by argument.

    `apart` is for a project that names an env_file: Compose up to 2.40.3 leaves its content out of `--hash` and has
    it in a container's label, so that the files are resolved first. `lives_in` has the container's id of each service
    that another one shares the network of: the label has that in the place of `service:NAME` (2.40.3)."""
    files = ["-f", "-", *override(root)]
    if apart or lives_in:
        text, files = _configured(root, project, text, env, [*files, "config", "--format", "json"]), ["-f", "-"]
    for name, container in (lives_in or {}).items():
        text = text.replace(f'"network_mode": "service:{name}"', f'"network_mode": "container:{container}"')
    found = _configured(root, project, text, env, [*files, "config", "--hash", "*"])
    return dict(line.split() for line in found.splitlines() if len(line.split()) == 2)


def _configured(root: Path, project: str, text: str, env: Mapping[str, str], words: list[str]) -> str:
    args = ["-p", project, "--project-directory", ".", *words]
    around = {**bare_environment(), **env, **RARELY_COLLECTED}
    done = run(args, text=text, env=around, cwd=root, timeout=60, program=_compose())
    if done.returncode != 0:
        raise refused(done.stderr)
    return done.stdout


def override(root: Path) -> list[str]:
    """The `-f` words for the user's own compose.override file, where there is one."""
    names = ("compose.override.yaml", "compose.override.yml")
    found = next((name for name in names if (root / name).exists()), None)
    return ["-f", found] if found else []

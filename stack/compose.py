"""The edge to Compose: its program, what it makes of files, and the hashes by which it tells a change."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from stack import client, docker
from stack.errors import StackError, fail

PLUGINS = ("/usr/local/lib/docker/cli-plugins", "/usr/local/libexec/docker/cli-plugins",
           "/usr/lib/docker/cli-plugins", "/usr/libexec/docker/cli-plugins")  # fmt: skip


def plugin() -> Path | None:
    """Compose's own program, where the docker client finds it: in the folders of its settings, then in those of the
    system (docker/cli, cli-plugins/manager)."""
    extra = client.settings().cli_plugins_extra_dirs
    folders = [*map(Path, extra), client.folder() / "cli-plugins", *map(Path, PLUGINS)]
    found = (folder / "docker-compose" for folder in folders)
    return next((path for path in found if path.is_file() and os.access(path, os.X_OK)), None)


def stamp() -> str:
    """What changes when another Compose is installed: the plugin's path, size and time. It costs no process, as
    asking for the version would (54 ms)."""
    path = plugin()
    if path is None:
        return ""
    state = path.stat()
    return f"{path}:{state.st_size}:{state.st_mtime_ns}"


def words() -> list[str]:
    """What does Compose's work: its own program, which finds the engine as the client does; the way by the client takes
    35 ms more. Where it is not found, or there is no client either, the client, which has the words for it."""
    has_client = any(os.access(Path(folder) / "docker", os.X_OK) for folder in os.get_exec_path())
    path = plugin() if has_client else None
    return [str(path)] if path else ["docker", "compose"]


RARELY_COLLECTED = {"GOGC": "800"}
"""For a Compose that ends within a second: Go's collector took a fifth of its time (benchmarks/run.py plan)."""


def config(root: Path, files: Sequence[str], env: Mapping[str, str], project: str, text: str | None = None) -> str:
    """Compose's merged and interpolated model of `files` as JSON, every profile included, edges to absent services
    kept, relative paths left alone; `text` is what the file `-` has. Raises StackError with Compose's own words where
    it refuses."""
    flags = [word for file in files for word in ("-f", file)]
    asked = ["--env-file", os.devnull, *flags, "--profile", "*", "config", "--no-consistency", "--no-path-resolution",
             "--format", "json"]  # fmt: skip
    return _configured(root, project, text, env, asked, limit_s=120)


NO_PLUGIN = ("unknown shorthand flag", "docker: unknown command", "docker: 'compose' is not a docker command",
             "unknown command: docker compose")  # fmt: skip
"""How the docker client begins where it has no Compose; versions before 28 have all of their help behind it."""


def refused(stderr: str) -> StackError:
    """Compose's refusal of the files, without its log prefixes. Where there is no Compose, that."""
    lines = [line for line in stderr.strip().splitlines() if line and "level=warning" not in line]
    if any(line.startswith(NO_PLUGIN) for line in lines):
        message = f"docker has no Compose plugin: none is in {client.folder() / 'cli-plugins'} or the system's folders"
        return fail("compose-missing", message, fix="./inv engine --yes")
    if any(line.startswith("unknown flag") for line in lines):
        return fail("compose-missing", "docker has an old Compose plugin", fix="./inv engine --yes")
    crash = next((line for line in lines if line.startswith("panic: ")), "")
    text = f"it crashed ({crash})" if crash else " / ".join(lines[-3:]) or "it gave no reason"
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


def _configured(root: Path, project: str, text: str | None, env: Mapping[str, str], asked: Sequence[str],
                limit_s: float = 60) -> str:  # fmt: skip
    """What Compose answers about files, by the settings in `env` alone."""
    args = ["-p", project, "--project-directory", ".", *asked]
    around = {**docker.bare_environment(), **env, **RARELY_COLLECTED}
    done = docker.run(args, text=text, env=around, cwd=root, timeout=limit_s, program=words())
    if done.returncode != 0:
        raise refused(done.stderr)
    return done.stdout


def override(root: Path) -> list[str]:
    """The `-f` words for the user's own compose.override file, where there is one."""
    names = ("compose.override.yaml", "compose.override.yml")
    found = next((name for name in names if (root / name).exists()), None)
    return ["-f", found] if found else []

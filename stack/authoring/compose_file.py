"""The edge to somebody's own Compose file: Compose reads it, so anchors, extends, include, variables and both syntaxes
are its work."""

import contextlib
import json
import os
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path, PurePosixPath
from subprocess import CompletedProcess
from typing import Any

from stack import compose, docker
from stack.authoring import carrying, copying, mounts
from stack.authoring.carrier import File, Here
from stack.authoring.definition import Definition
from stack.authoring.losses import Loss
from stack.env.variables import references
from stack.errors import USAGE, StackError, fail
from stack.planning.model import remote

SMALL, LARGE = 1_000_000, 20_000_000
"""Bytes of what a service mounts, and of the folder that it is built from. What is larger is data."""
LINE = 4096
"""Bytes of a password's file, at most."""
AS_WRITTEN = ("command", "entrypoint")
"""What keeps its variables beside the environment: a password often stands in a command."""
HELD = "__V_{}__"
"""What stands for a variable that the file requires and that has no value, while Compose reads the file."""


def read(word: str, name: str, mapping: dict[str, str], env_file: str = "", here: Here = carrying.HERE,
         ) -> tuple[Definition, list[Loss]]:  # fmt: skip
    """The definition of what `FILE[:SERVICE]` says, under our name, and all that is not as it was.
    `mapping` names the services of the file for which one of ours stands in; `env_file` takes the place of the `.env`
    beside it; `here` is what it is carried into.

    Raises StackError where there is no such file or service, and with Compose's words where it refuses the file."""
    path, service = _split(word)
    model, values, project = _model(path, env_file)
    services: dict[str, Any] = model.get("services") or {}
    chosen, main = carrying.choose(services, service, mapping)
    for one in chosen:
        _from_others(services, one)
    files: dict[str, bytes] = {}
    left: list[Loss] = []
    for one in chosen:
        if not (services[one].get("image") or services[one].get("build")):
            raise _whole(path, one)
        services[one] = _configured(one, services[one], model.get("configs") or {}, files, left)
        for mount in services[one]["volumes"]:
            files |= _mounted(path.parent, mount, left)
        if (build := services[one].get("build")) and not remote(build.get("context", ".")):
            needed = (".dockerignore", build.get("dockerfile", "Dockerfile"))
            files |= _taken(path.parent, build.get("context", "."), LARGE, left, needed)
            services[one]["build"] = {**build, "context": _inside(path.parent, build.get("context", "."))}
    mounted = {mount.get("source") for one in chosen for mount in services[one]["volumes"]}
    for own in _self(path) & files.keys() - mounted:
        del files[own]
        folder = PurePosixPath(own).parent
        if not any(PurePosixPath(other).is_relative_to(folder) for other in files):
            files[(folder / ".dockerignore").as_posix()] = b""  # so that the folder is there
    volumes, given = model.get("volumes") or {}, _given(path.parent, model, values)
    file = File(services, values, volumes, files, given, project, _held() if here.project else ())
    made, lost = carrying.definition(file, chosen, main, name, mapping, here)
    copy = f"where it is needed: copy it to compose/{name}/"
    return made, list(dict.fromkeys([*lost, *(one._replace(fix=one.fix or copy) for one in left)]))


def _split(word: str) -> tuple[Path, str]:
    if Path(word).is_file():
        return Path(word), ""
    file, colon, service = word.rpartition(":")
    if colon and Path(file).is_file():
        return Path(file), service
    raise fail("usage", f"--from-compose: there is no file {file or word}", "--from-compose",
               "--from-compose docker-compose.yml", USAGE)  # fmt: skip


def _from_others(services: dict[str, Any], one: str) -> None:
    """Put the mounts of another service, which `volumes_from` names, among a service's own, as Compose does."""
    for word in services[one].pop("volumes_from", None) or []:
        other, _, mode = word.partition(":")
        own = {mount["target"] for mount in services[one].get("volumes") or []}
        more = [dict(mount) for mount in services.get(other, {}).get("volumes") or [] if mount["target"] not in own]
        read_only = {"read_only": True} if mode == "ro" else {}
        if other in services:
            services[one]["depends_on"].setdefault(other, {"restart": True})
        services[one]["volumes"] = [*(services[one].get("volumes") or []), *({**mount, **read_only} for mount in more)]


def _held() -> set[str]:
    """The volumes that the engine has; none where no engine answers."""
    try:
        return docker.volumes()
    except StackError:
        return set()


def _whole(path: Path, service: str) -> StackError:
    fix = f"make one file of it and the other: docker compose -f OTHER -f {path.name} config > whole.yml"
    return fail("compose-file", f"{service} has no image and no build in {path.name}, so it only changes another file",
                str(path), fix)  # fmt: skip


def _model(path: Path, env_file: str) -> tuple[dict[str, Any], dict[str, str], str]:
    """What Compose makes of the file, each environment as it is written; the values of its variables; its project."""
    with ThreadPoolExecutor() as pool:
        written = pool.submit(_config, path, env_file, "--format", "json", "--no-interpolate")
        known = pool.submit(_config, path, env_file, "--environment")
        model = _resolved(path, env_file)
        services = json.loads(written.result().stdout or "{}").get("services") or {}
        every = dict(line.split("=", 1) for line in known.result().stdout.splitlines() if "=" in line)
    named = {name for one in services.values() for name in references(json.dumps(one))}
    values = {name: value for name, value in every.items() if name in named}
    for name, service in (model.get("services") or {}).items():
        _versioned(path, services.get(name) or {}, service.get("image") or "", values)
        _as_written(service, services.get(name) or {}, values)
        args = (service.get("build") or {}).get("args") or {}
        args |= {key: every[key].replace("$", "$$") for key, value in args.items() if value is None and key in every}
    return model, values, every.get("COMPOSE_PROJECT_NAME", "")


def _config(path: Path, env_file: str, *words: str, env: dict[str, str] | None = None,
            project: tuple[str, ...] = ()) -> CompletedProcess[str]:  # fmt: skip
    """What Compose says of the file. A project that has no name of small letters is given one: it refuses others."""
    beside = ["--env-file", str(Path(env_file).resolve())] if env_file else []
    args = ["compose", "-f", path.name, *beside, *project, "--profile", "*", "config", "--no-path-resolution",
            "--no-normalize", "--no-consistency", *words]  # fmt: skip
    # There, as without path resolution Compose looks for an env_file from where it runs.
    done = docker.run(
        args, timeout=60, env={**os.environ, "PWD": str(path.parent.resolve()), **(env or {})}, cwd=path.parent
    )
    if done.returncode and "project name" in done.stderr and not project:
        return _config(path, env_file, *words, env=env, project=("-p", "carried"))
    return done


def _resolved(path: Path, env_file: str) -> dict[str, Any]:
    """The file with the values of its variables. One that it requires and that has no value is told where it decides
    more than what a container is given."""
    held: dict[str, str] = {}
    while (done := _config(path, env_file, "--format", "json", env=held)).returncode:
        if (missing := compose.refused(done.stderr)).problems[0].code == "compose-missing":
            raise missing
        words = (done.stderr or done.stdout).strip().splitlines()[-1:] or ["no word"]
        if name := next((name for name, token in held.items() if token in words[0]), ""):
            raise _lacks(path, name)
        lacking = re.search(r"required variable (\w+) is missing", words[0])
        if not lacking or lacking[1] in held:
            raise _refused(path, words[0], done.stderr)
        held[lacking[1]] = HELD.format(lacking[1])
    model: dict[str, Any] = json.loads(done.stdout)
    for service in (model.get("services") or {}).values():
        rest = json.dumps({key: value for key, value in service.items() if key not in ("environment", *AS_WRITTEN)})
        if name := next((name for name, token in held.items() if token in rest), ""):
            raise _lacks(path, name)
        service["depends_on"] = service.get("depends_on") or {}
    return model


def _refused(path: Path, words: str, stderr: str) -> StackError:
    """Compose's refusal, with the variables that have no value and the file that has examples of them."""
    unset = sorted(set(re.findall(r'The \\?"(\w+)\\?" variable is not set', stderr)))
    why = f"; these have no value: {', '.join(unset)}" if unset else ""
    example = next((one for one in sorted(path.parent.glob("*env*")) if one.name.endswith(copying.EXAMPLES)), None)
    lacking = re.search(r"env file (\S+) not found", words)
    if example and (unset or lacking):
        fix = f"cp {example} {path.parent / (lacking[1] if lacking else '.env')}, and fill it in"
    else:
        fix = f"docker compose -f {path} config"
    return fail("compose-file", f"Compose refuses it: {words.rstrip(': ')}{why}", str(path), fix)


def _lacks(path: Path, name: str) -> StackError:
    fix = f"put {name}=VALUE into {path.parent / '.env'}, or name a file that has it: --env-file FILE"
    return fail("compose-file", f"{path.name} needs {name}, which has no value", str(path), fix)


def _versioned(path: Path, written: dict[str, Any], image: str, values: dict[str, str]) -> None:
    """Raises StackError where the image's name holds a variable without a value: no version is made up. A registry in
    front of a name that has a version may be empty."""
    text = str(written.get("image") or "")
    for variable, default in references(text).items():
        front = re.match(rf"\$(\{{{variable}\}}|{variable}\b)(?=[a-z0-9])", text)
        if default is None and not values.get(variable) and not (front and ":" in image.rpartition("/")[2]):
            raise _lacks(path, variable)


def _as_written(service: dict[str, Any], written: dict[str, Any], values: dict[str, str]) -> None:
    """Put the environment with its variables in the place of its values; what comes of an env_file is a setting."""
    own = _pairs(written.get("environment"))
    found: dict[str, str] = {}
    for key, value in _pairs(service.get("environment")).items():
        text = own.get(key, "")
        if key in own and (text is None or "$" in text):
            found[key] = f"${{{key}}}" if text is None else text
            values |= {key: value} if text is None and value else {}
        else:
            found[key] = value or ""
        if key not in own and value and not re.search(r"[${}]", value):
            found[key] = f"${{{key}:-{value}}}"
    service["environment"] = found
    service.pop("env_file", None)
    service |= {key: written[key] for key in AS_WRITTEN if "$" in json.dumps(written.get(key))}
    test = (written.get("healthcheck") or {}).get("test")
    if "$" in json.dumps(test) and isinstance(service.get("healthcheck"), dict):
        service["healthcheck"]["test"] = test


def _pairs(environment: Any) -> dict[str, str | None]:
    """An environment as a mapping, however it is written."""
    if isinstance(environment, list):
        parts = (str(item).partition("=") for item in environment)
        return {key: value if equals else None for key, equals, value in parts}
    return {key: None if value is None else str(value) for key, value in (environment or {}).items()}


OWNED = ("mode", "uid", "gid")


def _configured(called: str, service: dict[str, Any], configs: dict[str, Any], files: dict[str, bytes],
                left: list[Loss]) -> dict[str, Any]:  # fmt: skip
    """A service whose configs are files that it mounts. Who owns one, and who may read it, is told where Compose would
    heed it: of those that have their content in the file."""
    volumes = list(service.get("volumes") or [])
    others = []
    for one in service.get("configs") or []:
        name, at = one["source"], one.get("target") or f"/{one['source']}"
        defined = configs.get(name) or {}
        source = defined.get("file") or f"./configs/{name}"
        if "content" in defined:
            files[f"configs/{name}"] = defined["content"].replace("$$", "$").encode()
            fix = "set it on the file that is mounted"
            left += [Loss(f"{called}.configs", f"{at}: {key} is not carried", fix=fix) for key in OWNED if one.get(key)]
        elif "file" not in defined:
            others.append(one)
            continue
        volumes.append({"type": "bind", "source": source, "target": at, "read_only": True})
    rest = {key: value for key, value in service.items() if key != "configs"}
    return {**rest, "volumes": volumes, **({"configs": others} if others else {})}


def _given(folder: Path, model: dict[str, Any], values: dict[str, str]) -> dict[str, str]:
    """The values of the secrets that containers find in files; empty where it is not known. One of several lines, as a
    key or a certificate, is none that can be made here."""
    found: dict[str, str] = {}
    for name, defined in (model.get("secrets") or {}).items():
        path = folder / str(defined.get("file") or "")
        if "environment" in defined:
            found[name] = values.get(defined["environment"], os.environ.get(defined["environment"], ""))
        elif "file" in defined and not path.exists():
            found[name] = ""
        elif path.is_file() and path.stat().st_size <= LINE and len(path.read_text(errors="replace").split()) <= 1:
            found[name] = path.read_text(errors="replace").strip()
    return found


def _mounted(folder: Path, mount: dict[str, Any], left: list[Loss]) -> dict[str, bytes]:
    """The files of what is mounted from beside the file. The mount is given its place below our folder, what is `there`
    (`nothing`, `file`, `folder`), why a file is `left`, and where the `data` lies that no file of ours is to be."""
    source = mount.get("source") or ""
    if mount.get("type") != "bind" or source.startswith("~"):
        return {}
    path = folder / source
    mount["there"] = _kind(path)
    if source.startswith("/"):
        return {}
    mount |= {"source": _inside(folder, source), "theirs": os.path.normpath(source)}
    if mount["there"] == "file":
        why = copying.private(path) or ("" if path.stat().st_size <= SMALL else "is too large to come along")
        mount["left"] = why
        return {} if why else {mount["source"]: path.read_bytes()}
    behind: list[Loss] = []
    files = _taken(folder, source, SMALL, behind)
    if behind and mounts.is_data(source, mount["target"]):
        mount["data"] = str(path.resolve())
        return {}
    left += behind
    return files


def _kind(path: Path) -> str:
    """Whether a path is a `file`, a `folder`, or `nothing`: also where this user may not look."""
    with contextlib.suppress(OSError):
        return "file" if path.is_file() else "folder" if path.is_dir() else "nothing"
    return "nothing"


def _inside(folder: Path, source: str) -> str:
    """Where something of theirs is below our folder: as it is below theirs, and in `above` for what lies beside that,
    so that no two are one."""
    path, top = (folder / source).resolve(), folder.resolve()
    inside = PurePosixPath(os.path.relpath(path, top))
    return PurePosixPath(*("above" if part == ".." else part for part in inside.parts)).as_posix()


def _self(path: Path) -> set[str]:
    """What the Compose file itself is called below our folder, seen from each folder above it: it has been read, and
    what it holds of passwords is not to lie about."""
    parts = path.resolve().parts
    return {PurePosixPath(*["above"] * n, *parts[-n - 1 :]).as_posix() for n in range(len(parts))}


def _taken(folder: Path, source: str, most: int, left: list[Loss], needed: tuple[str, ...] = ()) -> dict[str, bytes]:
    """The files of what a service mounts or is built from, by their path below our folder; what of it is `left` behind
    is added there."""
    path, inside = folder / source, _inside(folder, source)
    if _kind(path) != "folder":
        return {}
    if not os.access(path, os.R_OK | os.X_OK):
        left.append(Loss(source, "it can't be read"))
        return {}
    found, behind = copying.files(path, most, needed)
    for sentence in behind:
        name, _, why = sentence.rpartition(": ")
        left.append(Loss(os.path.normpath(PurePosixPath(source, name)), why))
    return {(PurePosixPath(inside) / name).as_posix(): data for name, data in found.items()}

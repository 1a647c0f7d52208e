"""`inv eject`: the project as plain files, for a machine or a cluster that has nothing of ours."""

import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from stack import tree
from stack.env import envfile
from stack.errors import USAGE, fail
from stack.kubernetes.mesh import KINDS
from stack.names import echoed
from stack.output.result import Result
from stack.planning import assembly, compare, connections, model, planner, saving
from stack.planning.planner import Planned, Request
from stack.running import live

COMPOSE, KUBERNETES = "compose", "kubernetes"


def run(request: Request, output: str, with_secrets: bool, target: str = "", mesh: str = "") -> Result:
    """Write the project to a new folder: as Compose files with what they mount or build, or as Kubernetes' manifests;
    `with_secrets` also a file with the secrets that are there (mode 0600), and new ones for those that are not."""
    target = target or COMPOSE
    _check(output, target, mesh)
    planned = connections.inlined(planner.make(tree.root(), request))
    secrets = saving.secret_values(planned.checkout) | saving.new_secrets(planned)
    told = secrets if with_secrets else None
    if target == KUBERNETES:
        from stack.commands import manifests

        made = manifests.of(planned, mesh, told)
        return _result(output, _written(output, made.fill), made.steps(output))
    assembled = compare.assemble(planned)
    files = _written(output, lambda folder: _fill(folder, planned, assembled, told))
    fill = f"fill in its secrets first: cp {output}/.env.example {output}/.env"
    need = [] if with_secrets else [f"{fill} (--with-secrets writes them there, new ones where there are none)"]
    return _result(output, files, [*need, f"start it: cd {output} && docker compose up -d --build"])


def _check(output: str, target: str, mesh: str) -> None:
    """Raises StackError for words that mean nothing, or a folder that is in use."""
    if not output:
        raise fail("usage", "eject needs --output DIR", "--output", "./inv eject --output DIR", USAGE)
    if target not in {COMPOSE, KUBERNETES}:
        message = f"eject is for {COMPOSE} or {KUBERNETES}, not {echoed(target)}"
        raise fail("usage", message, "--for", f"--for {KUBERNETES}", USAGE)
    if mesh and (mesh not in KINDS or target != KUBERNETES):
        message = f"--mesh is {' or '.join(KINDS)}, with --for {KUBERNETES}"
        raise fail("usage", message, "--mesh", f"--for {KUBERNETES} --mesh {KINDS[0]}", USAGE)
    folder = Path(output).absolute()
    if folder.exists() and any(folder.iterdir() if folder.is_dir() else [folder]):
        raise fail("not-empty", f"{output} is there and not empty", output, "name a new folder", USAGE)


def _written(output: str, fill: Callable[[Path], None]) -> list[str]:
    """What `fill` wrote to a new folder, which is there whole or not at all."""
    target = Path(output).absolute()
    target.parent.mkdir(parents=True, exist_ok=True)
    tree.sweep(target.parent)  # what a killed one left, secrets included
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=tree.loose(os.getpid())) as name:
        project = Path(name) / "project"
        project.mkdir(mode=0o755)
        fill(project)
        if target.exists():
            target.rmdir()
        project.rename(target)
    return sorted(str(p.relative_to(target)) for p in target.rglob("*") if p.is_file())


def _result(output: str, files: list[str], lines: list[str]) -> Result:
    data = {"output": str(Path(output).absolute()), "files": files}
    return Result(data, lines=[f"wrote {len(files)} files to {output}", *lines])


def _fill(folder: Path, planned: Planned, assembled: compare.Assembled, secrets: dict[str, str] | None) -> None:
    root = planned.checkout.root
    names = sorted(compare.model_variables(assembled.model))
    for path in _paths(assembled):
        _copy(root / path, folder / path)
    live.write(planned, folder)
    for path, text in live.routes(planned).items():
        tree.write(folder / path, text)
    project = _without_build_secrets(assembled.model)
    tree.write(folder / "compose.yaml", assembly.to_yaml(project).encode())
    example = "# The secrets of this project. Copy this file to .env (mode 0600) and fill them in.\n"
    tree.write(folder / ".env.example", (example + "".join(f"{name}=\n" for name in names)).encode())
    if secrets is not None:
        values: dict[str, str | None] = {name: secrets[name] for name in names if secrets.get(name)}
        tree.write(folder / ".env", envfile.edit(b"", values), 0o600)


def _paths(assembled: compare.Assembled) -> list[str]:
    """What the services mount and build, relative to the root, without what is made anew."""
    return [path for path in assembled.digests if not path.startswith(assembly.LIVE)]


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        shutil.copytree(source, target, ignore=shutil.ignore_patterns(*tree.TOOLS), dirs_exist_ok=True)
    else:
        shutil.copy2(source, target)


def _without_build_secrets(project: model.Model) -> model.Model:
    """This machine's CA, proxy and package settings stay here; the Dockerfiles build without them."""
    services = {
        name: {**s, "build": {k: v for k, v in s["build"].items() if k != "secrets"}} if s.get("build") else s
        for name, s in project["services"].items()
    }
    return {**{k: v for k, v in project.items() if k != "secrets"}, "services": services}

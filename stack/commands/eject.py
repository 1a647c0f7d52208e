"""`inv eject`: the project as plain Compose files, for a machine that has nothing of ours."""

import os
import shutil
import tempfile
from pathlib import Path

from stack import tree
from stack.env import envfile
from stack.errors import USAGE, fail
from stack.output.result import Result
from stack.planning import assembly, compare, connections, model, planner, saving
from stack.planning.planner import Planned, Request
from stack.running import live


def run(request: Request, output: str, with_secrets: bool) -> Result:
    """Write compose.yaml, .env.example and what they mount or build to a new folder; `with_secrets` also .env
    (mode 0600), with the secrets that are there and new ones for those that are not."""
    if not output:
        raise fail("usage", "eject needs --output DIR", "--output", "./inv eject --output DIR", USAGE)
    target = Path(output).absolute()
    if target.exists() and any(target.iterdir() if target.is_dir() else [target]):
        raise fail("not-empty", f"{output} is there and not empty", output, "name a new folder", USAGE)
    planned = connections.inlined(planner.make(tree.root(), request))
    assembled = compare.assemble(planned)
    secrets = saving.secret_values(planned.checkout) | saving.new_secrets(planned)
    target.parent.mkdir(parents=True, exist_ok=True)
    tree.sweep(target.parent)  # what a killed one left, secrets included
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=tree.loose(os.getpid())) as name:
        _fill(Path(name) / "project", planned, assembled, secrets if with_secrets else None)
        if target.exists():
            target.rmdir()
        (Path(name) / "project").rename(target)
    files = sorted(str(p.relative_to(target)) for p in target.rglob("*") if p.is_file())
    fill = f"fill in its secrets first: cp {output}/.env.example {output}/.env"
    need = [] if with_secrets else [f"{fill} (--with-secrets writes them there, new ones where there are none)"]
    start = f"start it: cd {output} && docker compose up -d --build"
    return Result(
        {"output": str(target), "files": files}, lines=[f"wrote {len(files)} files to {output}", *need, start]
    )


def _fill(folder: Path, planned: Planned, assembled: compare.Assembled, secrets: dict[str, str] | None) -> None:
    root = planned.checkout.root
    folder.mkdir(mode=0o755)
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

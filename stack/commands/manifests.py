"""The edge of `inv eject --for kubernetes`: what the manifests are made of, and their files."""

from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

import msgspec

from stack import tree
from stack.errors import StackError, fail
from stack.gateway import entrance
from stack.kubernetes import carried, manifests, mounts, reach, words
from stack.kubernetes.manifests import Asked, Manifests
from stack.kubernetes.mounts import LARGEST, File, Files
from stack.planning import assembly, checkouts, healthcheck, model, mounted, plan
from stack.planning.model import Model
from stack.planning.planner import Planned
from stack.running import contents, live

SECRETS = "secrets.env"
HEAD = "# The secrets of this project, one a line: NAME=value, without quotes. They are in no manifest.\n"


class Ejected(msgspec.Struct, frozen=True):
    """What is to be written: the manifests, the names of the secrets with the values that are told, if any, the images
    that are built here, and what holds otherwise than on an engine."""

    namespace: str
    gateway: str
    manifests: Manifests
    secrets: list[str]
    values: dict[str, str] | None
    built: dict[str, str]
    notes: list[str]
    files: dict[str, str] = {}
    """The secrets that are mounted as files: each by a Secret of its own, of this name, and where its content is."""

    def fill(self, folder: Path) -> None:
        """Write it to an empty folder."""
        for path, objects in self.manifests.items():
            documents = "---\n".join(assembly.to_yaml(one, as_lines=True) for one in objects)
            tree.write(folder / path, documents.encode())
        whole = manifests.kustomization(self.manifests, self.built)
        tree.write(folder / "kustomization.yaml", assembly.to_yaml(whole).encode())
        if not self.secrets:
            return
        tree.write(folder / ".gitignore", f"{SECRETS}\n".encode())
        empty = HEAD + "".join(f"{name}=\n" for name in self.secrets)
        tree.write(folder / f"{SECRETS}.example", empty.encode())
        if self.values is not None:
            lines = "".join(f"{name}={self.values.get(name, '')}\n" for name in self.secrets)
            tree.write(folder / SECRETS, lines.encode(), 0o600)

    def steps(self, output: str) -> list[str]:
        """What is to be known and done, in its order."""
        steps = [f"note: {note}" for note in self.notes]
        if self.built:
            names = ", ".join(f"{name}:{tag}" for name, tag in sorted(self.built.items()))
            steps.append(f"push what is built here to a registry of the cluster's, and name it in "
                         f"{output}/kustomization.yaml (images): {names}")  # fmt: skip
        given = [f"kubectl apply -f {output}/namespace.yaml"]
        if self.secrets:
            if self.values is None:
                steps.append(f"fill in its secrets: cp {output}/{SECRETS}.example {output}/{SECRETS} "
                             "(--with-secrets writes them there, new ones where there are none)")  # fmt: skip
            name = words.Scope(self.namespace).secret
            given.append(f"kubectl -n {self.namespace} create secret generic {name} --from-env-file={output}/{SECRETS}")
        for name, path in self.files.items():
            secret = f"{words.label(name)} --from-file={mounts.key(name)}={path}"
            given.append(f"kubectl -n {self.namespace} create secret generic {secret}")
        steps.append(f"start it: {' && '.join([*given, f'kubectl apply -k {output}'])}")
        return [*steps, f"reach it: {self.gateway}"] if self.gateway else steps


def of(planned: Planned, mesh: str, secrets: Mapping[str, str] | None) -> Ejected:
    """What a plan comes to. Raises StackError with all that can't be carried; nothing is written by then."""
    mounted.digests(planned)
    far = checkouts.far_secrets(planned.checkout, planned.facts.sources)
    project = assembly.cut(planned.facts.model, planned.plan, {}, far, api=healthcheck.START_INTERVAL)
    asked = Asked(_ports(planned), entrance.SERVICE, entrance.INSIDE, planned.env["PUBLIC_SCHEME"],
                  planned.env["PUBLIC_DOMAIN"], mesh)  # fmt: skip
    files = _files(planned, project)
    sources = {name: fragment.sources() for name, fragment in planned.facts.catalog.fragments.items()}
    problems = manifests.problems(project, planned.plan, files, sources)
    if problems:
        raise StackError(problems)
    made = manifests.of(project, planned.plan, files, asked)
    named = sorted(words.secrets(project["services"]))
    values = {name: secrets[name] for name in named if secrets.get(name)} if secrets is not None else None
    for name, value in (values or {}).items():
        if "\n" in value or "\r" in value:
            raise fail("kubernetes", f"{name} has several lines, and {SECRETS} can have one of each", name,
                       "without --with-secrets: kubectl create secret takes it by --from-file")  # fmt: skip
    space = words.label(planned.plan.project)
    used = {name for service in project["services"].values() for name in mounts.secrets(service)}
    private = {name: (project["secrets"][name] or {}).get("file") or "FILE" for name in sorted(used)}
    return Ejected(space, _door(planned, space), made, named, values, manifests.built(project),
                   carried.notes(project), private)  # fmt: skip


def _door(planned: Planned, space: str) -> str:
    """How the gateway is reached from here, by the port that its own links have."""
    port = next((p.host for s in planned.plan.services if s.name == entrance.SERVICE for p in s.ports
                 if p.container == entrance.INSIDE), None)  # fmt: skip
    return f"kubectl -n {space} port-forward service/{words.ENTRANCE} {port}:80, or its Ingress" if port else ""


def _ports(planned: Planned) -> dict[str, list[int]]:
    """The ports that the catalogue names of each service: in its address, and for what it measures."""
    found = {}
    for service in planned.plan.services:
        entry = plan.entry(planned.facts, service.name)
        named = [urlsplit(entry.url).port if entry.url else None, entry.metrics]
        found[service.name] = [port for port in named if port]
    return found


def _files(planned: Planned, project: Model) -> Files:
    """What the services mount of the checkout, as it would be at the next start. Raises StackError with all that is
    wrong with the gateway's file."""
    live.routes(planned)
    services: dict[str, model.Service] = project["services"]
    names = {alias for name, service in services.items() for alias in (name, *carried.aliases(name, service))}
    space = words.label(planned.plan.project)
    found: dict[str, dict[str, File]] = {}
    for name, config in (project.get("configs") or {}).items():
        if (content := _content(planned.checkout.root, config)) is not None:
            found[f"{mounts.CONFIG}{name}"] = {"": File(content)}
    for path, files in contents.of_binds(planned, services.values(), {}, LARGEST).items():
        found[path] = {"": File(bytes(LARGEST + 1))} if any(one.unread for one in files) else {
            one.path: File(_qualified(one, names, space), one.executable) for one in files}  # fmt: skip
    return found


def _qualified(file: contents.File, names: set[str], space: str) -> bytes:
    """A file with whole names in HAProxy's configuration, which looks up no others."""
    if file.path != Path(live.HAPROXY).name:
        return file.data
    return reach.qualified(file.data.decode(), names, space).encode()


def _content(root: Path, config: Model) -> bytes | None:
    """What a config of Compose holds; None where a secret is in it."""
    if config.get("file"):
        return tree.read(root / config["file"])
    text = config.get("content")
    return None if text is None or words.secrets(text) else words.plain(text).encode()

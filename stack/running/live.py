"""What services read while they run: the gateway's effective config, the plan for the backend, and readable copies of
files of compose/; and what one service alone is told of others, passwords included.

All but the copies lie in folders of .stack/ that are mounted whole, so that a replaced file is seen."""

import contextlib
import os
from collections.abc import Iterable, Mapping
from pathlib import Path

import msgspec

from stack import docker, tree
from stack.docker import Container
from stack.env import secrets
from stack.errors import StackError, fail
from stack.gateway import entrance, refusal
from stack.planning import assembly, connections, model, mounted, outside, planner
from stack.planning.catalog import DISABLED
from stack.planning.plan import Service
from stack.planning.planner import Planned
from stack.running import links, tls

PLAN = f"{tree.GENERATED}/plan/plan.json"
CA = f"{tree.GENERATED}/ca/ca.pem"
GATEWAY = f"{tree.GENERATED}/gateway/kong.yml"
HAPROXY = f"{tree.GENERATED}/gateway/haproxy.cfg"
"""What the effective config comes to for HAProxy, where that is the gateway."""
CONNECTIONS = "connections.json"


def write(planned: Planned, folder: Path) -> None:
    """Write the plan, the machine's CA bundle and the copies of mounted files below `folder`. Readable to all, as they
    hold no secret and the containers' users are not ours."""
    tree.share(folder / PLAN, msgspec.json.format(msgspec.json.encode(plan_document(planned)), indent=1))
    bundle = outside.bundle(os.environ)
    if bundle:
        tree.share(folder / CA, tree.read(Path(bundle)))
    services = model.services(planned.facts.model)
    mounted = {path for name in planned.plan.names() for path in model.binds(services[name])}
    for path in sorted(path for path in mounted if path.startswith(assembly.READABLE)):
        tree.copy(planned.checkout.root / assembly.original(path), folder / path)


def tell(planned: Planned, secrets: Mapping[str, str]) -> dict[str, list[str]]:
    """Write what each service is told of others, for it alone: only its own folder is mounted, and the one above lets
    nobody in. What was told to one that is told nothing now goes. Gives back what was new: service → variables."""
    new = untold(planned, secrets)
    private = planned.checkout.root / assembly.PRIVATE
    tree.enclose(private)
    told = connections.valued(connections.of(planned), secrets)
    for old in private.glob(f"*/{CONNECTIONS}"):
        if old.parent.name not in told:
            old.unlink()
    for service, values in told.items():
        tree.share(private / service / CONNECTIONS, msgspec.json.format(msgspec.json.encode(values), indent=1))
    return new


def untold(planned: Planned, secrets: Mapping[str, str]) -> dict[str, list[str]]:
    """What each service is not told yet, or is told otherwise: service → variables."""
    private, found = planned.checkout.root / assembly.PRIVATE, {}
    for service, values in connections.valued(connections.of(planned), secrets).items():
        told: dict[str, str] = {}
        with contextlib.suppress(msgspec.DecodeError):
            told = msgspec.json.decode(tree.read(private / service / CONNECTIONS), type=dict[str, str])
        found[service] = sorted({name for name, _ in values.items() ^ told.items()})
    return {service: names for service, names in found.items() if names}


def routes(planned: Planned) -> dict[str, bytes]:
    """What `texts` gives of a plan. Raises StackError with all that is wrong with the gateway's file."""
    made = entrance.of(planned)
    if made.problems:
        raise StackError(made.problems)
    return texts(planned, made)


def texts(planned: Planned, made: entrance.Entrance) -> dict[str, bytes]:
    """The gateway's effective config, by its path, and what that comes to for HAProxy where that serves; none where no
    gateway is planned."""
    return {
        path: text.encode()
        for path, text in ((GATEWAY, made.config), (HAPROXY, entrance.haproxy(planned, made)))
        if text
    }


def apply_routes(planned: Planned, running: bool) -> list[str]:
    """Put the effective config and the certificate in place, and tell which of them is new. A running gateway tries
    them first and takes them without a new container; those of one that is not planned stay as they are. Raises
    StackError with the engine's words where it refuses; the old ones stay then."""
    made, root = routes(planned), planned.checkout.root
    if not made:
        return []
    served, certificate = HAPROXY if HAPROXY in made else GATEWAY, tls.wanted(planned)
    fresh = {"its new routes": tree.read(root / served) != made[served],
             tls.NEW if certificate else tls.OWN: tls.served(root) != certificate}  # fmt: skip
    if running and any(fresh.values()):
        with tls.offered(root, certificate):
            _handed_over(planned, root / served, made[served])
    tls.serve(root, certificate)
    for path, text in made.items():
        tree.share(root / path, text)
    return [what for what, differs in fresh.items() if differs]


OLDER = "the gateway that runs is of an older build than its files here, and keeps its routes until: ./inv up"


def older(planned: Planned, running: Iterable[Container]) -> bool:
    """Whether the gateway that runs was built from other files than those of now, as after an update: it may not know
    how to read what they make of the routes, and the next start of it makes it anew."""
    raw = model.services(planned.facts.model)[entrance.SERVICE]
    ids = [one.image_id for one in running if one.service == entrance.SERVICE and one.state == "running"]
    if not ids or not raw.get("build"):
        return False
    rows = {row["Id"]: (row["Id"], (row.get("Config") or {}).get("Labels") or {})
            for row in docker.inspected("images", ids)}  # fmt: skip
    digests = mounted.digests(planner.narrowed(planned, [entrance.SERVICE]))
    return any(not mounted.current({**raw, "image": one}, rows, digests) for one in ids)


def _handed_over(planned: Planned, target: Path, text: bytes) -> None:
    """Have the running gateway try a config, and take it."""
    said = hand_over(planned.checkout.root, planned.plan.project, target, text)
    if said:
        hidden = secrets.hide(refusal.told(said, entrance.of(planned).config), planned.checkout.dotenv.values())
        message = f"the gateway refuses its routes, and keeps the old ones: {hidden}"
        raise fail("gateway-config", message, "kong/kong.yml", "mend kong/kong.yml, then ./inv up")


def hand_over(root: Path, project: str, target: Path, text: bytes) -> str:
    """Have the running gateway of a project try a config, and take it. Where it refuses, its words."""
    new = target.with_name(f"{target.name}.new")
    tree.share(new, text)
    inside = ["exec", "-T", entrance.SERVICE, "sh", "/opt/gateway/reload.sh", f"/gateway/{new.name}"]
    done = docker.run(["compose", "-p", project, *inside], cwd=root, timeout=60)
    if done.returncode != 0:
        new.unlink()
        return done.stderr or done.stdout or "it gave no reason"
    new.replace(target)
    return ""


def _about(planned: Planned, service: Service) -> str:
    """What a service is, and of the gateway who serves."""
    engine = entrance.engine(planned) if service.name == entrance.SERVICE else ""
    return f"{service.about} ({engine})" if engine else service.about


def plan_document(planned: Planned) -> dict[str, object]:
    """The plan as the backend reads it; its shape is described in compose/backend/app/services.py."""
    urls = {link.service: link.url for link in links.table(planned)}
    services = [
        {"name": s.name, "about": _about(planned, s), "source": s.source, "url": s.url, "link": urls.get(s.name),
         "containers": [s.name]}
        for s in planned.plan.services if s.url and s.source != DISABLED
    ]  # fmt: skip
    left_out = msgspec.to_builtins(planned.plan.left_out)
    return {"version": 1, "project": planned.plan.project, "services": services, "left_out": left_out}

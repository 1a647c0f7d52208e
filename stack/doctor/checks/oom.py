"""Containers that were killed for want of memory."""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from stack import tree, yamlfile
from stack.doctor.check import Check, Finding
from stack.doctor.inspected import Inspected, service_of
from stack.doctor.scene import Scene
from stack.planning import checkouts, sources

SETTING = re.compile(r"\$\{(\w+)")

RECENT = "30m"
"""How far back a kill counts for a container that runs again; the engine keeps its last 256 events at least."""


def killed(one: Inspected, recent: Iterable[str]) -> bool:
    """Whether a container was killed for want of memory: at its last end, or among the `recent` kills (ids). Pure."""
    return bool(one["State"].get("OOMKilled")) or one["Id"] in set(recent)


def _run(scene: Scene) -> Iterable[Finding]:
    for one in scene.containers:
        if not killed(one, scene.oom_kills):
            continue
        name = service_of(one)
        limit = one["HostConfig"].get("Memory") or 0
        told = f"at its limit of {limit / 2**20:.0f} MB" if limit else "as the machine had no more"
        seen = f"{name} was killed for want of memory, {told}"
        yield Finding(seen, "it loses what it was doing, and starts over until it is killed again",
                      _fix(scene, name, limit), service=name)  # fmt: skip


def _fix(scene: Scene, name: str, limit: int) -> str:
    if not limit:
        return "end what else uses the memory, or leave services out: ./inv status shows what each uses"
    more = f"{max(2 * limit // 2**20, 64)}m"
    if setting := _setting(scene, name):
        return f"./inv env.set {setting} {more} && ./inv up"
    fragment = scene.checkout.catalog.fragment_of(name)
    return (f"in compose/{fragment}.yml, set services.{name}.deploy.resources.limits.memory to {more}; "
            "then ./inv up")  # fmt: skip


def _setting(scene: Scene, name: str) -> str:
    """The setting of a service's limit, as the last of its files has it: that of an ambassador is not its program's."""
    found = scene.checkout.catalog
    fragment = found.fragments[found.fragment_of(name)]
    source = sources.choose(found, checkouts.given(scene.checkout), {})[fragment.name]
    limits = [limit for path in fragment.files(source) if (limit := _limit(scene.root / path, name))]
    setting = SETTING.match(limits[-1]) if limits else None
    return setting[1] if setting else ""


def _limit(path: Path, name: str) -> str:
    part: Any = yamlfile.load(str(path), tree.read(path).decode())
    for key in ("services", name, "deploy", "resources", "limits", "memory"):
        part = part.get(key) if isinstance(part, dict) else None
    return str(part or "")


CHECK = Check(
    id="oom",
    section="services",
    holds="nothing was killed for want of memory",
    run=_run,
    needs=("checkout", "engine", "containers", "begun", "oom_kills"),
    of_services=True,
)

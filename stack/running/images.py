"""Which images the plan needs, which of them are here, and how the others come: pulled, built, or not at all."""

import os
import signal
import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import IO, TYPE_CHECKING

import msgspec

from stack import compose, docker, tree
from stack.errors import StackError, fail
from stack.names import variable
from stack.output.progress import Progress
from stack.planning import checkouts, compare, model, mounted, planner, saving
from stack.planning.model import Service
from stack.planning.planner import Planned

if TYPE_CHECKING:
    from stack.running.pull import Outcome

LAST_LINES = 20
BASE = "genai-stack/base"
"""The image, without its tag, that this project makes itself."""


class Need(msgspec.Struct, frozen=True):
    """What is not on this machine: `pull` maps an image to the services that run it or are built on it, `build` lists
    one service for each image that is missing or older than its context, `base` tells whether one of those stands
    on the project's own base."""

    pull: dict[str, list[str]]
    build: list[str]
    base: bool


def look(planned: Planned, here: Mapping[str, tuple[str, dict[str, str]]], digests: Mapping[str, str]) -> Need:
    """What the plan needs beside the images that are `here`."""
    services = model.services(planned.facts.model)
    pulls: dict[str, list[str]] = {}
    build: list[str] = []
    tags: set[str] = set()
    base = False
    for service in planned.plan.services:
        raw = services[service.name]
        if not service.built:
            if service.image not in here:
                pulls.setdefault(service.image, []).append(service.name)
        elif not mounted.current(raw, here, digests):
            if service.image not in tags:
                build.append(service.name)
            tags.add(service.image)
            below = base_of(raw)
            base |= below.startswith(f"{BASE}:")
            if below and not below.startswith(f"{BASE}:") and below not in here:
                pulls.setdefault(below, []).append(service.name)
    return Need(pulls, build, base)


def base_of(service: Service) -> str:
    """The image that a build starts from, where its argument BASE_IMAGE says so."""
    return str(((service.get("build") or {}).get("args") or {}).get("BASE_IMAGE") or "")


def names(planned: Planned) -> list[str]:
    """Every image of the plan, and every image that one is built on."""
    services = model.services(planned.facts.model)
    wanted = [s.image for s in planned.plan.services]
    return list(dict.fromkeys([*wanted, *filter(None, (base_of(services[s.name]) for s in planned.plan.services))]))


def fetch(need: Need, progress: Progress) -> "list[Outcome]":
    """Pull what is missing, and give back the pulls that failed."""
    from stack.running import pull

    def tell(image: str, text: str) -> None:
        for name in need.pull[image]:
            progress.tell(name, f"pulling {text}")

    for image in need.pull:
        tell(image, image)
    return [outcome for outcome in pull.pull(need.pull, tell) if outcome.kind]


def obtain(planned: Planned, services: Iterable[str], progress: Progress) -> None:
    """Pull or build the images of some services. Raises StackError where one can't be had."""
    from stack.running.pull import problem

    services = sorted(services)
    need = _need(planned, services)
    if failed := fetch(need, progress) if need.pull else []:
        raise StackError([problem(outcome) for outcome in failed])
    if need.build:
        assembled = compare.assemble(planner.narrowed(planned, services))
        secrets = compare.stand_ins(assembled.model, saving.secret_values(planned.checkout))
        build_apart(planned, assembled, need, secrets, progress)


def _need(planned: Planned, services: Iterable[str]) -> Need:
    """What these services themselves need, and not what they wait for."""
    names = set(services)
    narrow = planner.narrowed(planned, sorted(names))
    own = [service for service in narrow.plan.services if service.name in names]
    narrow = msgspec.structs.replace(narrow, plan=msgspec.structs.replace(narrow.plan, services=own))
    return look(narrow, present(narrow), mounted.digests(narrow))


def elsewhere(planned: Planned, services: Iterable[str], progress: Progress) -> dict[str, str]:
    """Pull the images that some services lack; of those that no registry gives, the settings by which they are built
    here in their place. Raises StackError for one that can't be built, and for any other failure of a pull."""
    from stack.running.pull import problem

    need = _need(planned, services)
    instead: set[str] = set()
    lost: list[Outcome] = []
    for outcome in fetch(need, progress) if need.pull else []:
        fragments = {planned.facts.catalog.fragment_of(service) for service in need.pull[outcome.image]}
        if outcome.kind != "unreachable" or not all(can_build(planned, fragment) for fragment in fragments):
            lost.append(outcome)
            continue
        instead |= fragments
    if lost:
        raise StackError([problem(outcome) for outcome in lost])
    for fragment in sorted(instead):
        progress.say(f"{fragment}: no registry can be reached, so it is built here")
    return {variable(fragment, "SOURCE"): "build" for fragment in sorted(instead)}


def can_build(planned: Planned, fragment: str) -> bool:
    """Whether a fragment comes from `container`, and could from `build`."""
    overrides = planned.facts.catalog.fragments[fragment].overrides
    return planned.facts.sources[fragment] == "container" and "build" in overrides


def build_apart(planned: Planned, assembled: compare.Assembled, need: Need, secrets: Mapping[str, str],
                progress: Progress) -> None:  # fmt: skip
    """Build what `need` lists from a file of its own, for what is not started by Compose from here now: compose.yaml is
    the project as it runs. Raises StackError where a build fails."""
    root, file = planned.checkout.root, f"{tree.GENERATED}/build/compose.yaml"
    tree.write(root / file, assembled.text.encode())
    prepare(root, need.base, progress)
    build(root, planned.plan.project, need.build, progress, docker.environment(secrets), file)


def build(root: Path, project: str, services: list[str], progress: Progress, env: Mapping[str, str],
          file: str = "") -> None:  # fmt: skip
    """Build the images of `services` from compose.yaml, or another `file`. The whole output goes to
    .stack/log/build.log.

    Raises StackError with its last lines where a build fails."""
    files = ["--project-directory", ".", "-f", file, *compose.override(root)] if file else []
    _build(root, ["-p", project, *files], services, progress, env)


def _build(root: Path, place: list[str], services: list[str], progress: Progress, env: Mapping[str, str]) -> None:
    """The same of the project that is at `place`, in words for Compose."""
    from stack.running import refusals

    log = root / tree.GENERATED / "log" / "build.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    for name in services:
        progress.tell(name, "building")
    with log.open("w") as out:
        make = _by_podman if docker.podman() else _by_compose
        well = make(root, place, services, env, out)
    if not well:
        lines = [line for line in log.read_text(errors="replace").splitlines() if line.strip()][-LAST_LINES:]
        cause, fix = refusals.meaning(lines)
        why = f"a build failed: {cause}" if cause else "a build failed"
        raise fail("build", "\n".join([f"{why}; its last lines:", *lines]), str(log.relative_to(root)),
                   fix or "mend what the lines say, then ./inv up")  # fmt: skip
    for name in services:
        progress.tell(name, "built")


def _by_compose(root: Path, place: list[str], services: list[str], env: Mapping[str, str], out: IO[str]) -> bool:
    """Build the images, and say whether that went well."""
    args = ["docker", "compose", "--progress", "plain", *place, "build", *services]
    process = subprocess.Popen(args, cwd=root, env={**env, **own_builder()}, stdout=out, stderr=subprocess.STDOUT,
                               start_new_session=True)  # fmt: skip
    try:
        return process.wait() == 0
    finally:
        if process.poll() is None:
            # The whole group: Debian 12's client hands no signal on to Compose, as a terminal sends it to both.
            os.killpg(process.pid, signal.SIGTERM)
            process.wait()


def _by_podman(root: Path, place: list[str], services: list[str], env: Mapping[str, str], out: IO[str]) -> bool:
    """The same where the engine is Podman."""
    import json
    from http.client import HTTPException

    from stack.builds import podman

    words = ["compose", *place, "config", "--format", "json", *services]
    found = json.loads(docker.ask(words, cwd=root, env=env))
    try:
        return all(podman.build(found["services"][name], found.get("secrets") or {}, out) for name in services)
    except (OSError, ValueError, HTTPException) as error:
        out.write(f"Podman did not end the build: {error}\n")
        return False


def own_builder() -> dict[str, str]:
    """The environment in which a build is the engine's own, whatever builder is chosen: another one can't see the base
    image, which no registry has. BuildKit calls the engine's own by its context (docs.docker.com, buildx create)."""
    # Not `context show`: clients before 23 (Debian 12 has 20.10) do not know it.
    name = docker.ask(["context", "inspect", "--format", "{{.Name}}"]).strip()
    return {"BUILDX_BUILDER": name, "DOCKER_BUILDKIT": "1"}


def build_alone(root: Path, image: str, context: str, progress: Progress) -> None:
    """Build an image that is of no service, from BASE_IMAGE and the folder `context` of the checkout.

    Raises StackError with the last lines where that fails."""
    from stack.builds.base import TAG

    progress.say(f"building {image}, once")
    base = checkouts.own(root, "BASE_IMAGE", TAG)
    prepare(root, base.startswith(f"{BASE}:"), progress)
    inputs, name = root / tree.GENERATED / "build", Path(context).name
    build = {"context": str(root / context), "network": "host", "args": {"BASE_IMAGE": base}, "secrets": ["ca", "apt"]}
    text = msgspec.json.encode({
        "services": {name: {"image": image, "build": build}},
        "secrets": {"ca": {"file": str(inputs / "ca.pem")}, "apt": {"file": str(inputs / "apt.conf")}},
    })  # fmt: skip
    file = inputs / "alone.json"
    tree.write(file, text)
    _build(root, ["-p", "genai-alone", "-f", str(file)], [name], progress, docker.environment())


def present(planned: Planned) -> dict[str, tuple[str, dict[str, str]]]:
    """The planned images that are on this machine."""
    return docker.images(names(planned))


def prepare(root: Path, base: bool, progress: Progress) -> None:
    """What builds need: the machine's own CA, proxy and package settings, and the project's base image."""
    from stack.builds import machine
    from stack.builds.base import make_base

    machine.write_build_inputs(root / tree.GENERATED / "build")
    if base:
        make_base(progress.say)

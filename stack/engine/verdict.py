"""Judges the facts about Docker: ready, or what is wrong and the one command that mends it. Pure."""

from typing import Literal

import msgspec

from stack.engine import remedy
from stack.engine.facts import DEFAULT_ENDPOINT, Facts
from stack.engine.probe import Probe, version
from stack.errors import Problem

# Older ones have other rules for `!reset` and `--no-consistency`. Tested with this and the newest.
OLDEST_COMPOSE = "2.40.3"
OLDEST_PODMAN = (5, 4)
"""What was tested (docs/engines.md)."""

Kind = Literal[
    "ready",
    "absent",
    "stopped",
    "desktop-stopped",
    "no-permission",
    "wrong-context",
    "podman",
    "client-missing",
    "client-too-old",
    "compose-missing",
    "compose-too-old",
    "failing",
]


class Verdict(msgspec.Struct, frozen=True):
    """What the facts come to; `problem` says what to type where that is not `ready`."""

    kind: Kind
    problem: Problem | None = None


def judge(facts: Facts) -> Verdict:
    """The verdict on the engine that the docker client would use, on the client, and on Compose."""
    chosen = facts.probes.get(facts.endpoint)
    if facts.podman_as_docker or (chosen and chosen.answers and not _taken(facts, chosen)):
        return _podman(facts)
    if not facts.docker:
        return _without_client(facts)
    if chosen and chosen.answers:
        return _answering(facts, chosen)
    checks = (_denied, _no_such_context, _another_answers, _in_a_machine, _desktop, _elsewhere, _failing)
    return next((found for check in checks if (found := check(facts, chosen))), None) or _not_running(facts, chosen)


def _taken(facts: Facts, engine: Probe) -> bool:
    """Whether the project works with an engine that answers: Docker's, or a Podman new enough at a socket."""
    at_socket = facts.endpoint.startswith("unix://")
    return engine.product == "docker" or (at_socket and version(engine.version) >= OLDEST_PODMAN)


def _answering(facts: Facts, engine: Probe) -> Verdict:
    if facts.client_api and version(facts.client_api) < version(engine.min_api):
        message = (
            f"the docker client {facts.docker} is too old: it speaks API {facts.client_api}, and the engine "
            f"{engine.version} wants at least {engine.min_api}"
        )
        return _bad("client-too-old", message, remedy.install(facts, "docker-cli"))
    if not facts.compose:
        return _bad("compose-missing", "the docker client has no Compose plugin", remedy.STEP)
    if version(facts.compose) < version(OLDEST_COMPOSE):
        message = f"Compose {facts.compose} is too old: {OLDEST_COMPOSE} or newer is needed"
        return _bad("compose-too-old", message, remedy.STEP)
    return Verdict("ready")


def _denied(facts: Facts, chosen: Probe | None) -> Verdict | None:
    if not chosen or chosen.state != "denied":
        return None
    message = f"you have no permission to use the Docker engine at {facts.endpoint}"
    since = ": this session began before you joined the group docker" if facts.in_group else ""
    return _bad("no-permission", message + since, remedy.join_group(facts))


def _no_such_context(facts: Facts, _: Probe | None) -> Verdict | None:
    if facts.endpoint:
        return None
    message = f"the docker context {facts.context!r} does not exist"
    return _bad("wrong-context", message, remedy.turn_to_system(facts))


def _another_answers(facts: Facts, _: Probe | None) -> Verdict | None:
    fit = {at for at, engine in facts.probes.items() if _would_do(engine)} - {facts.endpoint}
    known = [at for at in (DEFAULT_ENDPOINT, *facts.contexts.values()) if at in fit]
    if not known:
        return None
    message = f"no engine answers at {facts.endpoint}, but one does at {known[0]}"
    return _bad("wrong-context", message, remedy.turn_to(facts, known[0]))


def _in_a_machine(facts: Facts, _: Probe | None) -> Verdict | None:
    start = remedy.STARTERS.get(facts.context)
    message = f"the engine of the docker context {facts.context!r} is stopped"
    return _bad("stopped", message, start) if start else None


def _desktop(facts: Facts, _: Probe | None) -> Verdict | None:
    """Docker Desktop, where the engine that would be used is its own."""
    its_socket = facts.endpoint.endswith(("/.docker/run/docker.sock", "/.docker/desktop/docker.sock"))
    only_engine = facts.desktop and not facts.dockerd and facts.endpoint == DEFAULT_ENDPOINT
    if not (its_socket or only_engine or facts.context.startswith("desktop")):
        return None
    wsl = ", or not connected to this distribution (its Settings, Resources, WSL integration)" if facts.wsl else ""
    return _bad("desktop-stopped", f"Docker Desktop is not running{wsl}", remedy.start_desktop(facts))


def _elsewhere(facts: Facts, chosen: Probe | None) -> Verdict | None:
    """Nothing at a socket or an address that is not the system's."""
    if facts.endpoint == DEFAULT_ENDPOINT:
        return None
    if facts.endpoint.startswith(("unix:///run/user/", "unix:///home/")) and facts.context in {
        "",
        "rootless",
    }:
        message = f"the rootless engine at {facts.endpoint} is stopped"
        return _bad("stopped", message, "systemctl --user start docker")
    detail = f": {chosen.detail}" if chosen and chosen.detail else ""
    return _bad("wrong-context", f"no engine answers at {facts.endpoint}{detail}", remedy.turn_to_system(facts))


def _failing(facts: Facts, chosen: Probe | None) -> Verdict | None:
    if not chosen or chosen.state != "failing":
        return None
    message = f"the Docker engine does not answer as it should: {chosen.detail}"
    return _bad("failing", message, remedy.restart(facts))


def _not_running(facts: Facts, chosen: Probe | None) -> Verdict:
    """Nothing at the system's socket, nor elsewhere."""
    if facts.dockerd or {"docker.io", "docker-ce", "moby-engine"} & set(facts.packages):
        return _bad("stopped", "the Docker engine is installed and not running", remedy.STEP)
    if facts.podman:
        return _podman(facts)
    if chosen:
        socket = DEFAULT_ENDPOINT.removeprefix("unix://")
        message = f"{socket} is there, but nothing serves it and no engine is installed"
        return _bad("stopped", message, f"{remedy.sudo(facts)}rm {socket}")
    if facts.packages or facts.contexts:
        message = f"no Docker engine runs, though there are traces of one: {_traces(facts)}"
        starts = [start for name, start in remedy.STARTERS.items() if name in facts.contexts]
        return _bad("stopped", message, starts[0] if starts else remedy.install(facts, "docker.io"))
    # A lone client, as some images carry it, is no sign of an engine that we could get in the way of.
    return _absent(facts)


def _without_client(facts: Facts) -> Verdict:
    docker_answers = any(engine.answers and engine.product == "docker" for engine in facts.probes.values())
    if facts.podman and not facts.dockerd and not docker_answers:
        return _podman(facts)
    if facts.desktop:
        message = "there is no docker client, though Docker Desktop is installed"
        return _bad("desktop-stopped", message, remedy.start_desktop(facts))
    if traces := _traces(facts):
        message = f"there is no docker client, though there are traces of an engine: {traces}"
        fix = remedy.STEP if facts.manager == "apt" else remedy.install(facts, "docker-cli")
        return _bad("client-missing", message, fix)
    return _absent(facts)


def _absent(facts: Facts) -> Verdict:
    if facts.system == "linux" and facts.manager == "apt":
        return _bad("absent", "no Docker engine is installed", remedy.STEP)
    message = "no Docker engine is installed, and ./inv engine can do that on Debian and Ubuntu only"
    return _bad("absent", message, remedy.install(facts, "docker.io"))


def _podman(facts: Facts) -> Verdict:
    takes = f"the project takes Podman {'.'.join(map(str, OLDEST_PODMAN))} or newer by a socket that DOCKER_HOST names"
    if _system_answers(facts) and not facts.podman_as_docker:
        found = facts.probes[facts.endpoint].version
        message = f"{facts.endpoint} is served by Podman {found}, and {takes}, or Docker's engine"
        return _bad("podman", message, remedy.turn_to_system(facts))
    # apt's trailing minus removes: Podman's stand-in and the real client are one file.
    stand_in = " podman-docker-" if facts.podman_as_docker else ""
    message = f"there is Podman here; {takes} and Docker's own client, or Docker's engine"
    return _bad("podman", message, remedy.install(facts, f"docker.io{stand_in}"))


def _system_answers(facts: Facts) -> bool:
    """Whether Docker's own engine answers at the system's socket, and another is in use."""
    engine = facts.probes.get(DEFAULT_ENDPOINT)
    return engine is not None and _would_do(engine) and facts.endpoint != DEFAULT_ENDPOINT


def _would_do(engine: Probe) -> bool:
    return engine.answers and engine.product == "docker" and not engine.rootless


def _traces(facts: Facts) -> str:
    """Whatever there is of an engine, for the message."""
    traces = [*facts.packages, facts.dockerd, *facts.probes, *facts.contexts.values(), facts.host_variable]
    return ", ".join(dict.fromkeys(trace for trace in traces if trace))


def _bad(kind: Kind, message: str, fix: str) -> Verdict:
    return Verdict(kind, Problem(f"engine-{kind}", message, fix=fix))

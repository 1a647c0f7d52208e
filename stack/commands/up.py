"""`inv up`: from the files to healthy containers."""

import contextlib
from collections.abc import Iterator, Mapping
from pathlib import Path

import msgspec

from stack import docker, imports, tree
from stack.cluster import chosen
from stack.commands import plan as planning
from stack.docker import Container
from stack.doctor import preflight
from stack.engine import setup
from stack.env import envfile
from stack.errors import FAILED, USAGE, StackError, fail
from stack.gateway import entrance
from stack.names import echoed, variable
from stack.output import consent
from stack.output.progress import Progress
from stack.output.result import Result
from stack.planning import (
    assembly,
    behind,
    checkouts,
    compare,
    definitions,
    kept,
    lastup,
    layering,
    locks,
    mounted,
    plan,
    planner,
    saving,
)
from stack.planning import changes as change
from stack.planning.changes import Change
from stack.planning.planner import Planned, Request
from stack.running import failures, history, images, links, live, start, tls
from stack.running.pull import problem as pull_problem
from stack.running.watching import Failure


def run(request: Request, yes: bool, dry_run: bool, timeout: str, recreate: bool, bundle: str = "") -> Result:
    """Bring the selection up and wait until it is healthy. `timeout` is in seconds per service; `bundle` is the file
    that has all that is needed, for a machine without network."""
    limit = seconds(timeout)
    if bundle:
        return _from_bundle(Path(bundle), request, yes, dry_run, limit, recreate)
    _told_early(request)
    if dry_run:
        return _dry(request)
    setup.ensure(yes, consent.asker(), consent.tell)
    with tree.locked(tree.root()), _children_ended():
        return _up(request, limit, recreate, Progress())


def _from_bundle(path: Path, asked: Request, yes: bool, dry_run: bool, timeout: float, recreate: bool) -> Result:
    """The same with a bundle's packages, images and models, and its selection where none is asked for."""
    from stack.bundle import load
    from stack.commands.bundle import goes_on

    progress = Progress()
    with goes_on(f"./inv up --bundle {path}"), load.opened(path, progress) as bundle:
        request = load.request(bundle, asked, _unsaid(checkouts.read(tree.root())))
        _told_early(request)
        if dry_run:
            return _dry(request)
        with load.supplied(bundle) as supply:
            setup.ensure(yes, consent.asker(), consent.tell, supply=supply)
        with tree.locked(tree.root()), _children_ended():
            with progress.shown():
                images_loaded = load.load(bundle, progress)
                if load.take_lock(bundle, tree.root()):
                    progress.say(f"{locks.FILE} came with the bundle")
                planned = planner.make(tree.root(), request)
                models_loaded = load.load_models(bundle, planned, progress)
            _as_bundled(planned, path)
            result = _up(request, timeout, recreate, progress, "the bundle does not have it")
    result.data["loaded"] = {"images": images_loaded, "models": models_loaded}
    return result


def _unsaid(checkout: checkouts.Checkout) -> set[str]:
    """The services here of which nobody has said where they come from."""
    given = checkouts.given(checkout)
    return {name for name in checkout.catalog.fragments if not given.get(variable(name, "SOURCE"))}


def _as_bundled(planned: Planned, path: Path) -> None:
    """Raises StackError where this checkout has other files for a build than the one that the bundle is of: there is
    nothing to build from without network."""
    need = images.look(planned, images.present(planned), mounted.digests(planned))
    if need.build:
        message = f"{path} has no image of {', '.join(need.build)} as this checkout builds it: it is of another version"
        raise fail("bundle-version", message, str(path), "take the version that made it, or make it anew with this one")


NEEDS_COMPOSE = frozenset({"docker", "docker-hangs", "compose-missing", "compose"})
"""Problems that an engine, or a newer Compose, may do away with."""


def _told_early(request: Request) -> None:
    """Raises StackError for what is wrong with files or flags: before an engine is installed or asked for."""
    try:
        planned = planner.make(tree.root(), request)
        live.routes(planned)
        _sealed(planned)
    except StackError as error:
        if not {problem.code for problem in error.problems} <= NEEDS_COMPOSE:
            raise


def _sealed(planned: Planned) -> None:
    """Raises StackError for a certificate that the gateway could not serve."""
    wrong = tls.problems(planned.checkout)
    if wrong:
        raise StackError(wrong)


def _dry(request: Request) -> Result:
    result = planning.run(request)
    result.lines.append("nothing was started; without --dry-run this is what up does")
    return result


def seconds(text: str) -> float:
    """What --timeout says. Raises StackError where it is no number of seconds."""
    if text.isascii() and text.isdecimal() and int(text) > 0:
        return float(text)
    raise fail(
        "usage", f"--timeout: expected seconds, got {echoed(text)}", "--timeout", "./inv up --timeout 300", USAGE
    )


@contextlib.contextmanager
def _children_ended() -> Iterator[None]:
    from stack.running import pull

    try:
        yield
    except KeyboardInterrupt:
        pull.stop_all()
        raise


def started(request: Request, timeout: float = 300.0) -> Result:
    """What `up` does, for one who holds the checkout's lock and knows that an engine is there."""
    with _children_ended():
        return _up(request, timeout, recreate=False, progress=Progress())


def within(request: Request, timeout: float) -> Result:
    """The same as a part of another command, which holds the checkout's lock and records what it does."""
    return _up(request, timeout, recreate=False, progress=Progress(), record=False)


def _up(request: Request, timeout: float, recreate: bool, progress: Progress, only: str = "",
        record: bool = True) -> Result:  # fmt: skip
    """`only` is why an image that is not here can be neither pulled nor built, where that is so."""
    with progress.shown():
        first = planner.make(tree.root(), request)
        if checkouts.clustered(first.checkout):
            return _on_swarm(first, request, timeout, recreate, progress, only, record)
        _off_swarm(request)
        ended = _ended_there(first, progress)
        running, saved = _checked(first, request)
        planned = _obtainable(first, request, progress, only)
        if planned is not first:
            running, saved = _checked(planned, request)
        assembled = compare.assemble(planned)
        secrets = saving.secret_values(planned.checkout) | {k: v for k, v in saved.items() if v is not None}
        here = images.present(planned)
        changes = compare.compare(planned, assembled, here, running, secrets)
        told = [*layering.problems(planned), *behind.problems(planned), *definitions.problems(planned)]
        told += entrance.unheard(planned)
        told += planner.unlocked(planned)
        beyond = [c.name for c in changes if c.action == "beyond"]
        # What compose.yaml, the gateway's routes and the backend's list have.
        standing = planner.widened(planned, beyond)
        recorded = assembled.model["services"]
        if standing is not planned:
            assembled = compare.assemble(standing)
        told_anew = _write(standing, assembled, saved, secrets)
        connected = [] if recreate else planning.connected(changes, told_anew)
        gateway_stays = _gateway_stays(changes, running, recreate)
        # One that is planned, and unchanged, is of the files of now.
        apart = [one for one in running if one.service in beyond]
        if not gateway_stays:
            live.apply_routes(standing, running=False)
        if change.nothing_to_do(changes) and not recreate:
            lines = [*ended, *_routed(standing, apart, gateway_stays), *connected] or [UNCHANGED]
            done = _done(planned, standing, changes, saved, lines)
            done.problems += told
            if record and history.unlike(planned.checkout.root):
                with noted(standing, changes):
                    pass
            return done
        sources = {fragment: planned.facts.sources[fragment] for fragment in planned.plan.fragments()}
        special = definitions.special(definitions.defined(planned))
        lastup.write(planned.checkout.root, recorded, secrets, beyond, sources, special)
        kept.before(planned, secrets)
        unseen = entrance.unseen(planned) if entrance.runs(running) else 0.0
        with noted(standing, changes) if record else _unnoted() as lost:
            failed = _start(planned, assembled, changes, here, timeout, recreate, progress, unseen)
            lost += [failure.service for failure in failed if not failure.retry]
            routed = [] if lost else _routed(standing, apart, gateway_stays)
    failures.keep(planned, failed)
    if lost:
        return _failed(planned, failed)
    kept.after(planned, secrets)
    result = _done(planned, standing, changes, saved, [*ended, *routed, *connected])
    result.problems += [*told, *(failures.explain(planned, warning) for warning in failed)]
    return result


def _on_swarm(first: Planned, request: Request, timeout: float, recreate: bool, progress: Progress, only: str,
              record: bool) -> Result:  # fmt: skip
    """The same on a cluster: see commands/swarm.py."""
    from stack.commands import swarm

    compare.check_owner(first.checkout.root, first.plan.project, swarm.running(first.plan.project))
    problems = preflight.problems(first, preflight.OF_THIS_MACHINE)
    if problems:
        raise StackError(problems)
    planned = _obtainable(first, request, progress, only)
    entered = noted if record else _unnoted
    return swarm.up(planned, saving.changes(planned, request), timeout, recreate, progress, entered)


def _ended_there(planned: Planned, progress: Progress) -> list[str]:
    """End what a cluster runs of the project, where one ever did; tells so."""
    root = planned.checkout.root
    if not chosen.ever(root):
        return []
    from stack.commands import swarm

    return swarm.end(root, planned.plan.project, progress)


def _off_swarm(request: Request) -> None:
    """Raises StackError for --place, where one machine has all."""
    if request.places:
        raise fail("usage", "--place is for a cluster", "--place", "./inv up --on swarm --place …", USAGE)


def noted(planned: Planned, changes: list[Change]) -> contextlib.AbstractContextManager[list[str]]:
    """What the block does is an entry of the history; it is given a list for the services that failed."""
    from stack.backup import folder

    checkout = planned.checkout
    place = folder.of(checkout.root, checkout.settings.value("BACKUP_DIR"))
    newest = folder.newest(place, planned.plan.project)
    shown = checkouts.known(checkout.catalog) - checkout.secrets.keys()
    return history.recorded(checkout.root, planned.plan, changes, planner.pulled(planned), shown, newest)


def _unnoted(*_: object) -> contextlib.AbstractContextManager[list[str]]:
    """In its place where another command records what it does."""
    return contextlib.nullcontext([])


def _gateway_stays(changes: list[Change], running: list[Container], recreate: bool) -> bool:
    """Whether a gateway runs that is left as it is: it takes its new routes while it runs."""
    action = next((c.action for c in changes if c.name == entrance.SERVICE), "")
    return entrance.runs(running) and (action == "beyond" or (action == "unchanged" and not recreate))


UNCHANGED = "everything already is as planned; nothing was changed"


def _routed(planned: Planned, beyond: list[Container], gateway_stays: bool) -> list[str]:
    """Hand a gateway that kept running its new routes and certificate, once the services behind them are up; it may be
    `beyond` the plan, and of an older build."""
    if gateway_stays and live.older(planned, beyond):
        return [live.OLDER]
    new = live.apply_routes(planned, running=True) if gateway_stays else []
    return [f"the gateway took {' and '.join(new)}"] if new else []


def _checked(planned: Planned, request: Request) -> tuple[list[Container], dict[str, str | None]]:
    """What runs of the project, and what is to be saved. Raises StackError for all that would fail later: it is told
    before anything is pulled."""
    running = docker.containers(planned.plan.project)
    compare.check_owner(planned.checkout.root, planned.plan.project, running)
    _preflight(planned)
    return running, saving.changes(planned, request)


def _obtainable(planned: Planned, request: Request, progress: Progress, only: str) -> Planned:
    """The plan with every image here or to be built: pulls what is missing; where no registry answers, takes
    `build` for services without data, and leaves out what can't be had. Raises StackError for the other pull
    errors."""
    forced: dict[str, str] = {}
    missing: dict[str, str] = {}
    # Each turn decides about at least one more service, so there are at most as many turns as services.
    for _ in range(len(planned.facts.catalog.services()) + 1):
        need = images.look(planned, images.present(planned), mounted.digests(planned))
        if not need.pull:
            return planned
        unreachable = _unreachable(need, request.offline, progress)
        if not unreachable:
            continue
        for image in unreachable:
            for service in need.pull[image]:
                fragment = planned.facts.catalog.fragment_of(service)
                if not only and _may_build(planned, fragment):
                    if fragment not in forced:
                        progress.say(f"{fragment}: {_why(request)}, so it is built here")
                    forced[fragment] = "build"
                else:
                    missing[service] = _unobtainable(image, fragment, request, only or _why(request))
                    progress.tell(service, "left out")
        planned = planner.make(tree.root(), request, missing, forced)
    return planned


def _why(request: Request) -> str:
    return "--offline pulls nothing" if request.offline else "no registry can be reached"


def _unobtainable(image: str, fragment: str, request: Request, reason: str) -> str:
    why = f"its image {image} is not on this machine and {reason}"
    # Who asks for single services wants them.
    out = "" if request.services else f" (to leave it out for good: ./inv source --service {fragment} --to disabled)"
    return f"{why}{out}"


def _unreachable(need: images.Need, offline: bool, progress: Progress) -> list[str]:
    """The images that no registry gives; offline, all that are not here."""
    if offline:
        return list(need.pull)
    outcomes = images.fetch(need, progress)
    others = [pull_problem(outcome) for outcome in outcomes if outcome.kind != "unreachable"]
    if others:
        raise StackError(others)
    return [outcome.image for outcome in outcomes]


def _may_build(planned: Planned, fragment: str) -> bool:
    """Whether a fragment may fall back to `build`: it has that source, comes from `container`, and no volume of it
    exists."""
    return images.can_build(planned, fragment) and not saving.existing_volumes(planned, fragment)


def _preflight(planned: Planned) -> None:
    """Raises StackError for what stands in the way: see the doctor's preflight checks."""
    problems = preflight.problems(planned)
    if problems:
        raise StackError(problems)


def _write(planned: Planned, assembled: compare.Assembled, saved: Mapping[str, str | None],
           secrets: Mapping[str, str]) -> dict[str, list[str]]:  # fmt: skip
    """Everything that the checkout keeps of this plan; `.env` first, as the secrets must outlive all else. Gives back
    what running services are told anew (live.tell)."""
    root = planned.checkout.root
    target = root / "compose.yaml"
    standing = tree.read(target)
    if standing and assembly.MARK.encode() not in standing:
        raise fail(
            "not-ours",
            "compose.yaml lacks inv's mark, so it is yours",
            "compose.yaml",
            "move it away: mv compose.yaml my-compose.yaml",
        )
    if saved:
        tree.write(root / ".env", envfile.edit(tree.read(root / ".env"), saved), 0o600)
    live.write(planned, root)
    told_anew = live.tell(planned, secrets)
    tree.write(target, assembled.text.encode())
    return told_anew


def _start(planned: Planned, assembled: compare.Assembled, changes: list[Change], here: compare.Images, timeout: float,
           recreate: bool, progress: Progress, unseen: float) -> list[Failure]:  # fmt: skip
    root, env = planned.checkout.root, docker.environment()
    need = images.look(planned, here, assembled.digests)
    if need.build:
        images.prepare(root, need.base, progress)
        images.build(root, planned.plan.project, need.build, progress, env)
    _remove(planned.plan.project, [c.name for c in changes if c.action == "remove"])
    skip = set() if recreate else change.finished(planned.plan, changes)
    well = set() if recreate else {c.name for c in changes if c.action == "unchanged"}
    job = _job(planned, assembled, skip, well)
    replaces = {c.name: c.replaces for c in changes if c.action == "replace" and c.name in job.names}
    with imports.meanwhile(imports.VIEWS):
        return start.start(msgspec.structs.replace(job, replaces=replaces, unseen=unseen), recreate, timeout, progress)


def _job(planned: Planned, assembled: compare.Assembled, skip: set[str], well: set[str]) -> start.Job:
    """What Compose is to start: all but the one-shots that are done, and which of those run already."""
    services = assembled.model["services"]
    checks = {name: service.get("healthcheck") for name, service in services.items()}
    checked = {name for name, check in checks.items() if check and not check.get("disable")}
    names = [name for name in planned.plan.names() if name not in skip]
    return start.Job(planned.checkout.root, planned.plan, names, checked, well)


def _remove(project: str, names: list[str]) -> None:
    """Remove what an exact selection leaves out, and what its service's source no longer has."""
    if names:
        from stack.running import objects

        objects.remove_containers(project, names)


def _failed(planned: Planned, failed: list[Failure]) -> Result:
    """Each failed service: why, its last lines, and what to type."""
    problems = [failures.explain(planned, failure) for failure in failed]
    return Result(
        plan.data(planned.plan),
        problems,
        FAILED,
        ["what runs is left for a look: ./inv doctor says why, docker compose ps what there is"],
    )


def _done(planned: Planned, standing: Planned, changes: list[Change], saved: Mapping[str, str | None],
          lines: list[str]) -> Result:  # fmt: skip
    removed = [c.name for c in changes if c.action == "remove"]
    if removed:
        lines.append(f"removed, with its data kept: {', '.join(removed)}")
    beyond = [c.name for c in changes if c.action == "beyond"]
    if beyond:
        lines.append(f"left alone, as it is not in the selection: {', '.join(beyond)}")
    data = {
        **plan.data(planned.plan),
        "changes": msgspec.to_builtins(changes),
        "urls": msgspec.to_builtins(links.of(planned.plan.names(), standing)),
        "saved": sorted(saved),
    }
    lines = [*saving.sentences(planned, saved), *lines, *links.secure(standing), *links.remote(planned)]
    return Result(data, list(planned.problems), lines=lines)

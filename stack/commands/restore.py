"""`inv restore`: a backup becomes what runs, beside what there was until that is well; or it goes back."""

import shlex
import subprocess
import sys
from collections.abc import Mapping
from functools import partial
from pathlib import Path

import msgspec

from stack import __version__, docker, tree
from stack.authoring import unfinished
from stack.backup import beside, manifest, project, proving, restoring, settings, sources, volumes
from stack.backup.manifest import Manifest, Part
from stack.backup.restoring import Opened
from stack.backup.sources import Source
from stack.cluster import chosen
from stack.commands import up
from stack.engine import setup
from stack.errors import OK, USAGE, Problem, StackError, fail
from stack.names import echoed, size
from stack.output import consent
from stack.output.progress import Progress
from stack.output.result import Result
from stack.planning import checkouts, compare, planner, remote, saving
from stack.planning.planner import Planned, Request
from stack.running import images, objects


def run(file: str, service: tuple[str, ...], as_: str, identity: str, yes: bool, forget: bool) -> Result:
    """Bring a backup back; `forget` removes what earlier ones took the place of."""
    root = tree.root()
    if forget:
        with tree.locked(root):
            return _forgotten(root, yes)
    chosen.one_machine(root, "restore", chosen.BACK)
    remote.without_folders()
    setup.ensure(yes, consent.asker(), consent.tell)
    if as_:
        return _beside(root, file, as_, identity)
    with tree.locked(root), sources.found(root, file, identity) as source:
        words = ["./inv restore", *([shlex.quote(file)] if file else []), *(f"--service {one}" for one in service),
                 *([f"--identity {shlex.quote(identity)}"] if identity else [])]  # fmt: skip
        return restored(root, source, service, yes, " ".join(words))


def restored(root: Path, source: Source, services: tuple[str, ...], yes: bool, typed: str = "") -> Result:
    """Bring a backup back, for one who holds the checkout's lock; `typed` is the line that asked for it. Raises
    StackError where it does not get well; all is as it was then."""
    progress = Progress()
    whole, source = sources.read(root, source, progress)
    parts = _chosen(whole.manifest, services)
    if not yes and (root / ".env").exists():
        _agree(whole.manifest, parts, typed)
    # In a fresh clone, the name comes with the backup.
    own = "" if services else settings.of(root, whole).get("PROJECT_NAME", "")
    name = own or checkouts.project_name(root)
    running = docker.containers(name)
    compare.check_owner(root, name, running)
    left = project.older(whole.files, root) if whole.manifest.version != __version__ else []
    apart = {".env", "compose.yaml", *left}
    files = {} if services else {n: d for n, d in whole.files.items() if n not in apart}
    made: list[str] = []
    unfinished.hold(root, [".env", "compose.yaml", *files])
    try:
        result = _switched(root, source, whole, parts, files, services, made, progress)
    except BaseException as error:
        _back(root, name, made, {c.service for c in running}, error, progress)
        if isinstance(error, StackError):
            raise StackError([*error.problems, _unwell()], error.exit_code) from None
        raise
    unfinished.end(root)
    if left and not services:
        result.problems.append(_older(whole.manifest, left))
    return result


def _chosen(found: Manifest, services: tuple[str, ...]) -> list[Part]:
    wrong = [one for one in services if one not in found.services()]
    if wrong:
        message = f"{found.name} has nothing of {echoed(wrong[0])}: it has {', '.join(found.services())}"
        raise fail("backup-service", message, "--service", f"./inv restore {found.name}", USAGE)
    return [part for part in found.data() if not services or part.service in services]


def _agree(found: Manifest, parts: list[Part], typed: str) -> None:
    names = ", ".join(manifest.owners(parts))
    message = f"{names} would be as on {found.name}; what is there now stays beside it until ./inv restore --forget"
    consent.agree(message, f"{typed} --yes")


def _switched(root: Path, source: Source, whole: Opened, parts: list[Part], files: Mapping[str, bytes],
              services: tuple[str, ...], made: list[str], progress: Progress) -> Result:  # fmt: skip
    """Write what the backup has of the checkout, fill new volumes, and start on them. `made` gets their names."""
    for name, content in files.items():
        unfinished.put(root, name, content)
    if services:
        settings.edit(root, settings.secrets_of(planner.make(root, Request()), services, whole))
    else:
        tree.write(root / ".env", settings.merged(root, whole), 0o600)
    planned = planner.make(root, Request())
    with progress.shown():
        built = images.elsewhere(planned, manifest.owners(restoring.known(planned, parts)), progress)
    if built:
        settings.edit(root, built)
        planned = planner.make(root, Request())
    room = restoring.room(planned, parts)
    settings.edit(root, {"DATA_VOLUMES": room.pointers, **saving.new_secrets(planned)})
    planned = planner.make(root, Request())
    coming = [part for part in parts if room.where.get(part.title())]
    with progress.shown():
        images.obtain(planned, restoring.needed(planned, coming), progress)
        restoring.make(planned, room.keys, made)
        restoring.fill(planned, partial(sources.opened, root, source), parts, room.where, progress)
    started = _started(planned, services, manifest.owners(coming))
    problems = [*started.problems, *proving.asked(planned, whole.manifest, parts), *proving.lacking(room.where, parts)]
    names = manifest.owners(parts)
    lines = [f"saved {name}={value} (undo: ./inv env.unset {name})" for name, value in built.items()]
    lines.append(f"{whole.manifest.name} is back: {size(sum(p.bytes for p in parts))} of {', '.join(names)}")
    old = volumes.replaced(planned, docker.volumes())
    if old:
        lines.append(f"what was there before stays in {', '.join(old)} (to remove it: ./inv restore --forget)")
    data = {"backup": whole.manifest.name, "services": names, "volumes": made, "before": old}
    return msgspec.structs.replace(started, data={**started.data, "restored": data}, problems=problems,
                                   lines=[*started.lines, *lines])  # fmt: skip


def _started(planned: Planned, services: tuple[str, ...], restored: list[str]) -> Result:
    """Start the selection, and what was restored beside it; of single services those alone. Raises StackError where
    that does not get healthy."""
    beyond = tuple(s for s in restored if services or s not in planned.plan.names())
    started = Result()
    for request in ([] if services else [Request()]) + ([Request(services=beyond)] if beyond else []):
        started = up.started(request)
        if started.exit_code != OK:
            raise StackError(started.problems)
    return started


def _older(found: Manifest, left: list[str]) -> Problem:
    message = f"it is of version {found.version}, so these stay as this version has them: {', '.join(left)}"
    return Problem("restore-older", message, left[0], "change them by hand, or put yours into local/")


def _unwell() -> Problem:
    return Problem("restore-back", "so all is as it was before the restore", "", "./inv backup.list")


def _back(root: Path, project: str, made: list[str], ran: set[str], error: BaseException, progress: Progress) -> None:
    """All as it was before: files, then containers, then the new volumes."""
    progress.say("putting back what was there before")
    unfinished.undo(root)
    if not made:
        return
    on_new = objects.on_volumes(project, made)
    if on_new:
        objects.remove_containers(project, on_new)
    ended = tuple(service for service in on_new if service in ran)
    standing = tree.read(root / "compose.yaml")
    try:
        if ended and not isinstance(error, KeyboardInterrupt):
            up.started(Request(services=ended))
            tree.write(root / "compose.yaml", standing)  # which had more than these
        elif ended:
            progress.say(f"to start what was ended, {', '.join(ended)}: ./inv up")
    except StackError as wrong:
        progress.say(f"{', '.join(ended)} did not start again: {wrong}")
    if not ran:
        objects.remove_containers(project)
        objects.remove_networks(project)
    docker.run(["volume", "rm", *made], timeout=60)


def verify(file: str, identity: str) -> Result:
    """Restore a backup into volumes that are thrown away, ask what each holds, and compare that with its answers.
    Nothing of the checkout changes, and what runs goes on."""
    root = tree.root()
    remote.without_folders()
    setup.ensure(False, consent.asker(), consent.tell)
    progress = Progress()
    with tree.locked(root), sources.found(root, file, identity) as named, progress.shown():
        whole, source = sources.read(root, named, progress, whole=True)
        parts = whole.manifest.data()
        answers, problems = proving.proved(root, whole, partial(sources.opened, root, source), parts, progress)
    lines = [f"{service}: {answer}" for service, answer in answers.items()]
    lines.append(f"{whole.manifest.name} is whole, and each program that it is of took it in")
    data = {"backup": whole.manifest.name, "answers": answers, "bytes": whole.manifest.bytes()}
    return Result(data, problems, lines=lines)


def _forgotten(root: Path, yes: bool) -> Result:
    planned = planner.make(root, Request())
    old = volumes.replaced(planned, docker.volumes())
    if not old:
        return Result({"removed": []}, lines=["nothing is left of before a restore"])
    if not yes:
        message = f"this would remove for good what was there before the restore: {', '.join(old)}"
        consent.agree(message, "./inv restore --forget --yes", "nothing was removed")
    objects.remove_volumes(old)
    return Result({"removed": old}, lines=[f"removed {', '.join(old)}"])


def _beside(root: Path, file: str, name: str, identity: str) -> Result:
    """Bring a backup back to a checkout beside this one."""
    target = beside.possible(root, name)
    place = file if file and Path(file).exists() else ""
    if not place:
        with sources.found(root, file, identity):
            pass  # there is such a backup
    beside.made(root, target)
    opens = ["--identity", str(Path(identity).expanduser().absolute())] if identity else []
    words = [str(Path(place).absolute()) if place else file, *opens, "--yes", "--json"]
    done = subprocess.run([sys.executable, "-m", "stack", "restore", *filter(None, words)], cwd=target,
                          stdout=subprocess.PIPE, check=False)  # fmt: skip
    told = _told(done.stdout)
    if done.returncode:
        failed = Problem("restore-beside", f"the restore in {target} failed", str(target),
                         f"cd {target} && ./inv restore")  # fmt: skip
        raise StackError([*told.problems, failed])
    restored = told.data["restored"]
    lines = [
        f"{restored['backup']} is back, of {', '.join(restored['services'])}",
        f"it runs from {target}: cd {target}",
    ]
    return Result({**told.data, "folder": str(target), "project": name}, told.problems, lines=lines)


def _told(document: bytes) -> Result:
    """What the command in the other checkout gave back; nothing where it ended without a word."""
    try:
        return msgspec.json.decode(document, type=Result)
    except msgspec.DecodeError:
        return Result()

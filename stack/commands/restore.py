"""`inv restore`: a backup becomes what runs, beside what there was until that is well; or it goes back."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import msgspec

from stack import __version__, docker, tree
from stack.authoring import unfinished
from stack.backup import folder, image, keys, manifest, project, repository, restoring, saving, scratch, volumes
from stack.backup.jobs import rules
from stack.backup.manifest import PROJECT, Manifest, Part
from stack.backup.repository import Repository
from stack.backup.restoring import Opened
from stack.commands import backup, up
from stack.engine import setup
from stack.env import envfile
from stack.errors import OK, USAGE, Problem, StackError, fail
from stack.names import echoed, size
from stack.output import consent
from stack.output.progress import Progress
from stack.output.result import Result
from stack.planning import checkouts, compare, mounted, planner, remote
from stack.planning import saving as env_saving
from stack.planning.planner import Planned, Request
from stack.running import images, objects

HERE = ("PROJECT_NAME", "BASE_PORT", "BACKUP_DIR", "BACKUP_IMAGE", "BACKUP_PASSPHRASE", "BACKUP_RECIPIENTS",
        "DATA_VOLUMES")  # fmt: skip
"""Settings that are this checkout's own: a backup of another does not change them where they are set."""


class Source(msgspec.Struct, frozen=True):
    """Where a backup lies: the folder with its repository, its name, what opens it, and how its user calls it;
    `password` is the one that has opened it already."""

    place: Path
    name: str
    shown: str
    image: str
    passphrase: str = ""
    identity: str = ""
    password: str = ""


def run(file: str, service: tuple[str, ...], as_: str, identity: str, yes: bool, forget: bool) -> Result:
    """Bring a backup back; `forget` removes what earlier ones took the place of."""
    root = tree.root()
    if forget:
        with tree.locked(root):
            return _forgotten(root, yes)
    remote.without_folders()
    setup.ensure(yes, consent.asker(), consent.tell)
    if as_:
        return _beside(root, file, as_, identity)
    with tree.locked(root), source(root, file, identity) as found:
        return restored(root, found, service, yes)


@contextmanager
def source(root: Path, file: str, identity: str = "") -> Iterator[Source]:
    """Where the backup is that somebody calls `file`: a name of BACKUP_DIR, a file, or a folder, whose latest counts.
    Nothing means the latest. Raises StackError where there is none of that name."""
    rest = (backup.setting(root, "BACKUP_IMAGE"), backup.setting(root, "BACKUP_PASSPHRASE"), identity)
    path = Path(file).expanduser()
    if file and path.is_file():
        with folder.unpacked(path, root / tree.GENERATED / "tmp") as place:
            yield Source(place, _named(place, ""), file, *rest)
    elif file and path.is_dir():
        yield Source(path.absolute(), _named(path, ""), file, *rest)
    else:
        if file and not manifest.NAME.fullmatch(file):
            message = f"there is no file, folder or backup {echoed(file)}"
            raise fail("backup-missing", message, file, "./inv backup.list")
        place = folder.of(root, backup.setting(root, "BACKUP_DIR"))
        yield Source(place, _named(place, file), str(place), *rest)


def _named(place: Path, name: str) -> str:
    there = [one.name for one in folder.listed(place)]
    if not there or (name and name not in there):
        raise manifest.absent(name, there, str(place))
    return name or there[-1]


@contextmanager
def opened(root: Path, found: Source, new: Mapping[str, str] | None = None) -> Iterator[Repository]:
    """The repository of a backup, unlocked, with new volumes to be filled."""
    with (folder.called(found.place, found.shown),
          repository.opened(found.place, found.image, new=new) as closed):  # fmt: skip
        if found.password:
            yield msgspec.structs.replace(closed, password=found.password)
        else:
            yield repository.unlocked(closed, keys.known(root, found.place, found.passphrase, found.identity))


def read(root: Path, found: Source, progress: Progress) -> tuple[Opened, Source]:
    """Open a backup, with the image that it takes; and where it lies, with the password that opened it.

    Raises StackError where it is not whole, not ours, or newer."""
    with progress.shown():
        image.ensure(root, found.image, images.BASE + ":0.1.0", progress)
        with opened(root, found) as repo:
            whole = restoring.read(repo, found.name)
    return whole, msgspec.structs.replace(found, password=repo.password)


def restored(root: Path, found: Source, services: tuple[str, ...], yes: bool) -> Result:
    """Bring a backup back, for one who holds the checkout's lock. Raises StackError where it does not get well; all is
    as it was then."""
    progress = Progress()
    whole, found = read(root, found, progress)
    parts = _chosen(whole.manifest, services)
    _agreed(root, whole.manifest, parts, yes)
    # In a fresh clone, the name comes with the backup.
    own = "" if services else envfile.parse(_dotenv(root, whole)).get("PROJECT_NAME", "")
    name = own or checkouts.project_name(root)
    running = docker.containers(name)
    compare.check_owner(root, name, running)
    left = project.older(whole.files, root) if whole.manifest.version != __version__ else []
    apart = {".env", "compose.yaml", *left}
    files = {} if services else {n: d for n, d in whole.files.items() if n not in apart}
    made: list[str] = []
    unfinished.hold(root, [".env", "compose.yaml", *files])
    try:
        result = _switched(root, found, whole, parts, files, services, made, progress)
    except BaseException as error:
        _back(root, name, made, {c.service for c in running}, error, progress)
        if isinstance(error, StackError):
            raise StackError([*error.problems, _unwell()], error.exit_code) from None
        raise
    unfinished.end(root)
    return result if services or not left else _with(result, _older(whole.manifest, left))


def _started(planned: Planned, services: tuple[str, ...], restored: list[str]) -> Result:
    """Start the selection, and what was restored beside it; of single services those alone. Raises StackError where
    that does not get healthy."""
    beyond = tuple(s for s in dict.fromkeys(restored) if services or s not in planned.plan.names())
    started = Result()
    for request in ([] if services else [Request()]) + ([Request(services=beyond)] if beyond else []):
        started = up.started(request)
        if started.exit_code != OK:
            raise StackError(started.problems)
    return started


def _with(result: Result, problem: Problem) -> Result:
    return msgspec.structs.replace(result, problems=[*result.problems, problem])


def _older(found: Manifest, left: list[str]) -> Problem:
    message = f"it is of version {found.version}, so these stay as this version has them: {', '.join(left)}"
    return Problem("restore-older", message, left[0], "change them by hand, or put yours into local/")


def _chosen(found: Manifest, services: tuple[str, ...]) -> list[Part]:
    wrong = [one for one in services if one not in found.services()]
    if wrong:
        message = f"{found.name} has nothing of {echoed(wrong[0])}: it has {', '.join(found.services())}"
        raise fail("backup-service", message, "--service", f"./inv restore {found.name}", USAGE)
    return [p for p in found.parts if p.kind != PROJECT and (not services or p.service in services)]


def _agreed(root: Path, found: Manifest, parts: list[Part], yes: bool) -> None:
    """Ask, where there is something that this takes the place of. Raises StackError where nobody agrees."""
    if yes or not (root / ".env").exists():
        return
    names = ", ".join(dict.fromkeys(part.service for part in parts))
    message = f"{names} would be as on {found.name}; what is there now stays beside it until ./inv restore --forget"
    ask = consent.asker()
    if ask is None:
        raise fail("not-agreed", message, fix=f"./inv restore {found.name} --yes")
    consent.tell(message)
    if not ask("Go on?"):
        raise fail("not-agreed", "nothing was changed")


def _switched(root: Path, found: Source, whole: Opened, parts: list[Part], files: Mapping[str, bytes],
              services: tuple[str, ...], made: list[str], progress: Progress) -> Result:  # fmt: skip
    """Write what the backup has of the checkout, fill new volumes, and start on them. `made` gets their names."""
    for name, content in files.items():
        unfinished.put(root, name, content)
    _settings(root, whole, services)
    planned = planner.make(root, Request())
    where = restoring.targets(planned, parts)
    filled = sorted({key for one in where.values() for key in one})
    usual = volumes.usual(planned)
    numbers = volumes.numbers({key: usual[key] for key in filled}, docker.volumes())
    pointers = volumes.setting(checkouts.volume_numbers(planned.checkout), numbers)
    _edit(root, {"DATA_VOLUMES": pointers, **env_saving.new_secrets(planned)})
    planned = planner.make(root, Request())
    with progress.shown():
        dumped = {p.service for p in parts if p.kind == "dump" and where.get(p.title())}
        obtained(planned, dumped, progress)
        for key in filled:
            made += volumes.make(planned, [key])
        restoring.fill(planned, partial(opened, root, found), parts, where, progress)
    started = _started(planned, services, [part.service for part in parts if where.get(part.title())])
    problems = [*started.problems, *_asked(planned, whole.manifest, parts), *_lacking(where, parts)]
    lines = [f"{whole.manifest.name} is back: {size(sum(p.bytes for p in parts))} of {', '.join(_names(parts))}"]
    old = volumes.replaced(planned, docker.volumes())
    if old:
        lines.append(f"what was there before stays in {', '.join(old)} (to remove it: ./inv restore --forget)")
    data = {"backup": whole.manifest.name, "services": _names(parts), "volumes": made, "before": old}
    return msgspec.structs.replace(started, data={**started.data, "restored": data}, problems=problems,
                                   lines=[*started.lines, *lines])  # fmt: skip


def verify(file: str, identity: str) -> Result:
    """Restore a backup into volumes that are thrown away, ask what each holds, and compare that with its answers.
    Nothing of the checkout changes, and what runs goes on."""
    root = tree.root()
    remote.without_folders()
    setup.ensure(False, consent.asker(), consent.tell)
    progress = Progress()
    with tree.locked(root), source(root, file, identity) as found, progress.shown():
        image.ensure(root, found.image, images.BASE + ":0.1.0", progress)
        with opened(root, found) as repo:
            progress.tell("repository", "reading all of it")
            repository.restic(repo, ["check", "--read-data"])
            whole = restoring.read(repo, found.name)
        progress.tell("repository", "done")
        return _proved(root, msgspec.structs.replace(found, password=repo.password), whole, progress)


def _proved(root: Path, found: Source, whole: Opened, progress: Progress) -> Result:
    parts = _chosen(whole.manifest, ())
    dotenv = envfile.parse(_dotenv(root, whole), ".env")
    planned = planner.make_from(checkouts.read(root, dotenv=dotenv), Request())
    where = restoring.targets(planned, parts)
    filled = sorted({key for one in where.values() for key in one})
    usual = volumes.usual(planned)
    numbers = volumes.numbers({key: usual[key] for key in filled}, {*docker.volumes(), *usual.values()})
    dotenv["DATA_VOLUMES"] = volumes.setting({}, numbers) or ""
    planned = planner.make_from(checkouts.read(root, dotenv=dotenv), Request())
    made: list[str] = []
    try:
        for key in filled:
            made += volumes.make(planned, [key])
        restoring.fill(planned, partial(opened, root, found), parts, where, progress)
        answers = {s: _answer(planned, s, progress) for s in _names(parts) if rules(planned.facts, s).question}
    finally:
        docker.run(["volume", "rm", *made], timeout=60)
    problems = [*_differing(answers, whole.manifest), *_lacking(where, parts)]
    lines = [f"{service}: {answer}" for service, answer in answers.items()]
    lines.append(f"{whole.manifest.name} is whole, and each program that it is of took it in")
    return Result({"backup": whole.manifest.name, "answers": answers, "bytes": whole.manifest.bytes()}, problems,
                  lines=lines)  # fmt: skip


def _answer(planned: Planned, service: str, progress: Progress) -> str:
    progress.tell(service, "asking what it holds")
    with scratch.running(planned, service) as container:
        answer = saving.ask(container, rules(planned.facts, service).question, service)
    progress.tell(service, "done")
    return answer


def _names(parts: list[Part]) -> list[str]:
    return list(dict.fromkeys(part.service for part in parts))


def _settings(root: Path, whole: Opened, services: tuple[str, ...]) -> None:
    """The settings of the backup take the place of those here, but for what is this checkout's own; of single services
    their secrets alone, which their data asks for."""
    if services:
        there = envfile.parse(whole.files.get(".env", b""), "the backup's .env")
        planned = planner.make(root, Request())
        wanted = {name for kinds in declared(planned, services) for name in kinds}
        _edit(root, {name: there[name] for name in sorted(wanted & there.keys())})
        return
    tree.write(root / ".env", _dotenv(root, whole), 0o600)


def _dotenv(root: Path, whole: Opened) -> bytes:
    """`.env` of the backup, with what is this checkout's own."""
    there = envfile.parse(whole.files.get(".env", b""), "the backup's .env")
    here = envfile.parse(tree.read(root / ".env"))
    kept: dict[str, str | None] = {name: here[name] for name in HERE if name in here}
    kept |= {"DATA_VOLUMES": here.get("DATA_VOLUMES")}
    # Of a backup without secrets, those that are here count.
    kept |= {} if whole.manifest.secrets else {name: value for name, value in here.items() if name not in there}
    return envfile.edit(whole.files.get(".env", b""), kept)


def declared(planned: Planned, services: Iterable[str]) -> Iterator[Mapping[str, str]]:
    """The secrets of each service, as its fragment declares them."""
    facts = planned.facts
    for service in services:
        fragment = facts.catalog.fragment_of(service)
        yield checkouts.declared(planned.checkout, fragment, facts.sources[fragment])


def _edit(root: Path, changes: Mapping[str, str | None]) -> None:
    tree.write(root / ".env", envfile.edit(tree.read(root / ".env"), changes), 0o600)


def obtained(planned: Planned, services: set[str], progress: Progress) -> None:
    """Pull or build the images of the services that take in their own data."""
    narrow = planner.narrowed(planned, sorted(services))
    need = images.look(narrow, images.present(narrow), mounted.digests(narrow))
    failed = images.fetch(need, progress) if need.pull else []
    if failed:
        from stack.running.pull import problem

        raise StackError([problem(outcome) for outcome in failed])
    if need.build:
        root = planned.checkout.root
        tree.write(root / "compose.yaml", compare.assemble(narrow).text.encode())
        images.prepare(root, need.base, progress)
        images.build(root, planned.plan.project, need.build, progress, docker.environment())


def _asked(planned: Planned, found: Manifest, parts: list[Part]) -> list[Problem]:
    """Ask each restored program its question. Raises StackError where one does not answer; another answer than at the
    time of the backup is told."""
    up_ = {c.service: c.id for c in docker.containers(planned.plan.project) if c.state == "running"}
    asked = {s: q for s in _names(parts) if s in up_ and (q := rules(planned.facts, s).question)}
    return _differing({s: saving.ask(up_[s], question, s) for s, question in asked.items()}, found)


def _differing(answers: Mapping[str, str], found: Manifest) -> list[Problem]:
    """What a program holds now, where it held something else when the backup began."""
    return [
        Problem("restore-differs", f"{s} has {echoed(answer)}, and had {echoed(before)} as the backup began", s)
        for s, answer in answers.items() if (before := found.answers.get(s)) and before != answer
    ]  # fmt: skip


def _lacking(where: Mapping[str, list[str]], parts: list[Part]) -> list[Problem]:
    lost = [part.title() for part in parts if not where.get(part.title())]
    message = "there is no such service here, or it comes from elsewhere, so its data was left in the backup"
    return [Problem("restore-left", f"{title}: {message}", title, "./inv source") for title in lost]


def _unwell() -> Problem:
    return Problem("restore-back", "so all is as it was before the restore", "", "./inv backup.list")


def _back(root: Path, project: str, made: list[str], ran: set[str], error: BaseException, progress: Progress) -> None:
    """All as it was before: files, then containers, then the new volumes."""
    progress.say("putting back what was there before")
    unfinished.undo(root)
    if not made:
        return
    on_new = _mounting(project, set(made))
    if on_new:
        objects.remove_containers(project, on_new)
    ended = tuple(service for service in on_new if service in ran)
    try:
        if ended and not isinstance(error, KeyboardInterrupt):
            up.started(Request(services=ended))
        elif ended:
            progress.say(f"to start what was ended, {', '.join(ended)}: ./inv up")
    except StackError as wrong:
        progress.say(f"{', '.join(ended)} did not start again: {wrong}")
    if not ran:
        objects.remove_containers(project)
        objects.remove_networks(project)
    docker.run(["volume", "rm", *made], timeout=60)


def _mounting(project: str, names: set[str]) -> list[str]:
    """The services with a container on one of these volumes."""
    rows = docker.inspected("containers", [c.id for c in docker.containers(project)])
    return sorted({
        (row["Config"].get("Labels") or {}).get("com.docker.compose.service", "")
        for row in rows for mount in row.get("Mounts") or [] if mount.get("Name") in names
    })  # fmt: skip


def _forgotten(root: Path, yes: bool) -> Result:
    planned = planner.make(root, Request())
    old = volumes.replaced(planned, docker.volumes())
    if not old:
        return Result({"removed": []}, lines=["nothing is left of before a restore"])
    if not yes:
        _agree_to_forget(old)
    objects.remove_volumes(old)
    return Result({"removed": old}, lines=[f"removed {', '.join(old)}"])


def _agree_to_forget(old: list[str]) -> None:
    message = f"this would remove for good what was there before the restore: {', '.join(old)}"
    ask = consent.asker()
    if ask is None:
        raise fail("not-agreed", message, fix="./inv restore --forget --yes")
    consent.tell(message)
    if not ask("Go on?"):
        raise fail("not-agreed", "nothing was removed")


LEFT_BEHIND = (".git", ".venv", tree.GENERATED, ".env", "compose.yaml", "backups", "local", "__pycache__")
"""What a second checkout has of its own."""


def _beside(root: Path, file: str, name: str, identity: str) -> Result:
    """A second checkout, in a folder beside this one, with a project and ports of its own, that has the backup."""
    target = root.parent / name
    if not manifest.WORD.fullmatch(name) or target.exists():
        why = "is there already" if target.exists() else "is no name for a project"
        raise fail("usage", f"--as: {echoed(name)} {why}", "--as", "give another name", USAGE)
    if docker.containers(name):
        raise fail("usage", f"--as: a project {name} runs already", "--as", "give another name", USAGE)
    place = file if file and Path(file).exists() else ""
    if not place:
        with source(root, file, identity):
            pass  # there is such a backup
    made = root.parent / f"{tree.loose(os.getpid())}{name}"
    shutil.copytree(root, made, symlinks=True, ignore=shutil.ignore_patterns(*LEFT_BEHIND))
    settings = {"PROJECT_NAME": name, "BASE_PORT": _free_ports(root),
                "BACKUP_DIR": str(folder.of(root, backup.setting(root, "BACKUP_DIR")))}  # fmt: skip
    tree.write(made / ".env", envfile.edit(b"", settings), 0o600)
    if (root / keys.OWN).exists():
        tree.enclose((made / keys.OWN).parent)
        tree.write(made / keys.OWN, tree.read(root / keys.OWN), 0o600)
    made.rename(target)
    words = [str(Path(place).absolute()) if place else file, *(["--identity", identity] if identity else [])]
    done = subprocess.run([sys.executable, "-m", "stack", "restore", *filter(None, words), "--yes"], cwd=target,
                          check=False)  # fmt: skip
    if done.returncode:
        raise fail("restore-beside", f"the restore in {target} failed, for the reason above", str(target),
                   f"cd {target} && ./inv restore")  # fmt: skip
    return Result({"folder": str(target), "project": name}, lines=[f"it runs from {target}: cd {target}"])


def _free_ports(root: Path) -> str:
    """The next block of ports of which every one is free."""
    from stack.env.settings import HIGHEST_OFFSET
    from stack.planning import hostports

    base = int(planner.make(root, Request()).plan.base_port)
    return str(hostports.free_base(set(range(HIGHEST_OFFSET + 1)), base) or base)

"""Runs the checks side by side, each with a time limit: one that hangs or raises is reported as itself."""

import queue
import threading
import time
from collections.abc import Collection, Iterable, Sequence

import msgspec

from stack.doctor.check import ERROR, SECTIONS, SKIPPED, WARNING, Check, Finding
from stack.doctor.scene import Scene
from stack.env import secrets
from stack.errors import StackError

LIMIT_S = 12.0
"""Seconds after which a check counts as hanging. The slowest that are well take 2 s; a question to an engine that does
not answer is given up after 10."""
LONGEST = frozenset({"reach", "database"})
"""These wait for what is asked inside containers, so they begin first."""
REPORT = "report it: ./inv doctor --bundle report.tar.gz"


class Row(msgspec.Struct, frozen=True):
    """One line of the result: a finding, or a check that found nothing or was skipped."""

    id: str
    section: str
    grade: str
    seen: str
    causes: str = ""
    fix: str = ""


def run(checks: Sequence[Check], scene: Scene, services: Collection[str] = (), limit: float = LIMIT_S) -> list[Row]:
    """What every check comes to, in the order of the sections. With `services`, only what is found of them."""
    outcomes = _outcomes(checks, scene, limit)
    outcomes |= _engine_went(checks, outcomes, scene)
    hide = secrets.hider(hidden(scene))
    rows = [row for check in checks for row in _rows(check, _softened(outcomes[check.id], scene), services)]
    rows.sort(key=lambda row: SECTIONS.index(row.section))
    return [
        msgspec.structs.replace(
            row,
            seen=hide(row.seen),
            causes=hide(row.causes),
            fix=hide(row.fix),
        )
        for row in rows
    ]


class Skipped(msgspec.Struct, frozen=True):
    """Why a check could not look."""

    why: str


Outcome = list[Finding] | Skipped


ON_CLUSTER = frozenset({
    "certificate", "certificate-fits", "clock", "disk", "engine", "engine-warnings", "env-file", "env-mode",
    "env-shadowed", "files", "gateway-config", "image-pins", "jobs", "jwt", "layering", "limits", "not-running",
    "plan", "port-range", "proxy", "public-url", "restarting", "secret-shape", "secrets-kept", "secrets-weak",
    "settings-missing", "settings-unknown", "unhealthy", "waiting",
})  # fmt: skip
"""Checks of what is so on a cluster as well. The others look at the containers of this machine."""


def look(check: Check, scene: Scene) -> Outcome:
    """One check on the scene."""
    if check.id not in ON_CLUSTER and _clustered(scene):
        return Skipped("a cluster runs the services, and this looks at one machine: ./inv cluster tells of the nodes")
    for need in check.needs:
        try:
            getattr(scene, need)
        except StackError as error:
            return _skipped(error)
    findings: list[Finding] = []
    try:
        findings.extend(check.run(scene))
    except StackError as error:
        # What it found before it lacked something holds all the same.
        return findings or _skipped(error)
    except Exception as error:  # noqa: BLE001 - a mistake in one check must not hide what the others found
        seen = f"this check itself failed: {type(error).__name__}: {error}"
        return [Finding(seen, "what it looks for is not known", REPORT, WARNING)]
    return findings


def _clustered(scene: Scene) -> bool:
    try:
        return scene.clustered
    except StackError:
        return False


def _skipped(error: StackError) -> Skipped:
    first = error.problems[0]
    return Skipped(f"{first.message} [{first.where}]" if first.where else first.message)


def _outcomes(checks: Iterable[Check], scene: Scene, limit: float) -> dict[str, Outcome]:
    """Every check in a thread of its own. One that is not back in time is left behind: threads can't be ended."""
    done: queue.Queue[tuple[str, Outcome]] = queue.Queue()

    def work(check: Check) -> None:
        done.put((check.id, look(check, scene)))

    waiting = {check.id for check in checks}
    for check in sorted(checks, key=lambda check: check.id not in LONGEST):
        threading.Thread(target=work, args=(check,), daemon=True).start()
    outcomes: dict[str, Outcome] = {}
    deadline = time.monotonic() + limit
    while waiting:
        try:
            name, outcome = done.get(timeout=max(deadline - time.monotonic(), 0))
        except queue.Empty:
            break
        waiting.discard(name)
        outcomes[name] = outcome
    seen = f"this check did not end within {limit:.0f} s"
    hanging = Finding(seen, "what it looks for is not known", "./inv doctor --check ID", WARNING)
    return outcomes | {
        name: [msgspec.structs.replace(hanging, fix=f"./inv doctor --check {name}")] for name in sorted(waiting)
    }


def _engine_went(checks: Iterable[Check], outcomes: dict[str, Outcome], scene: Scene) -> dict[str, Outcome]:
    """What changes where the engine went away after its own check had found it: that one looks again, and what the
    others made of the silence is no finding."""
    owner = next((check for check in checks if check.id == "engine"), None)
    asking = {check.id for check in checks if "engine" in check.needs}
    doubtful = [n for n, outcome in outcomes.items() if n in asking and (isinstance(outcome, Skipped) or _bad(outcome))]
    if owner is None or outcomes[owner.id] or not doubtful:
        return {}
    again = look(owner, Scene(scene.root))
    if isinstance(again, Skipped) or not again:
        return {}
    told: list[Finding] = [msgspec.structs.replace(f, seen=f"while doctor looked: {f.seen}") for f in again]
    away: Outcome = Skipped("the engine went away while doctor looked")
    return {**dict.fromkeys(doubtful, away), owner.id: told}


def _bad(outcome: list[Finding]) -> bool:
    return any(finding.grade in (ERROR, WARNING) for finding in outcome)


def _left_out(scene: Scene) -> set[str]:
    """What the last `up` left out on purpose; nothing where that can't be told."""
    try:
        return scene.left_out
    except StackError:
        return set()


def _softened(outcome: Outcome, scene: Scene) -> Outcome:
    """An outcome in which no error is of a service that was left out: it is one once that is to start."""
    if isinstance(outcome, Skipped) or not any(f.service and f.grade == ERROR for f in outcome):
        return outcome
    aside = _left_out(scene)
    return [msgspec.structs.replace(f, grade=WARNING) if f.service in aside and f.grade == ERROR else f
            for f in outcome]  # fmt: skip


def _rows(check: Check, outcome: Outcome, services: Collection[str]) -> list[Row]:
    if isinstance(outcome, Skipped):
        return [Row(check.id, check.section, "skipped", outcome.why)]
    mine = [f for f in outcome if not services or f.service in services or (f.grade == SKIPPED and not f.service)]
    # What merely tells something is of interest only where nothing is wrong.
    kept = [f for f in mine if f.grade in (ERROR, WARNING)] or mine[:1]
    if not kept:
        return [Row(check.id, check.section, "ok", check.holds)]
    return [Row(check.id, check.section, f.grade, f"{f.seen} [{f.where}]" if f.where else f.seen, f.causes, f.fix)
            for f in kept]  # fmt: skip


def hidden(scene: Scene) -> list[str]:
    """The values that are shown nowhere: the secrets, and where they are not known, all that `.env` holds."""
    from stack.env import envlines

    try:
        return list(scene.secrets.values())
    except StackError:
        data = (scene.root / ".env").read_bytes() if (scene.root / ".env").is_file() else b""
        return [line.value for line in envlines.scan(data.decode("utf-8", "surrogateescape"))]


def errors(rows: Iterable[Row]) -> list[str]:
    """The ids of the checks that found an error."""
    return list(dict.fromkeys(row.id for row in rows if row.grade == ERROR))

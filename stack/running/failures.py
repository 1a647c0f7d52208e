"""Why a service did not get there, in words, with its last lines and what to type."""

import json
from pathlib import Path

from stack import docker, tree
from stack.env import secrets
from stack.errors import Problem, StackError
from stack.planning import saving
from stack.planning.catalog import FAR
from stack.planning.planner import Planned
from stack.running import refusals
from stack.running.watching import Failure

LAST_LINES = 20
KEPT = f"{tree.GENERATED}/record/refused"
CODES = {
    125: "the engine could not run it", 126: "its command can't be executed", 127: "its command is not in the image",
    137: "killed (SIGKILL), often for want of memory", 139: "crashed (SIGSEGV)", 143: "ended by SIGTERM",
}  # fmt: skip
"""What exit codes of containers mean (docker run's documentation; 128 + the signal's number)."""


def explain(planned: Planned, failure: Failure) -> Problem:
    """One failure as a problem: its cause, its last log lines (secrets hidden), the command that mends it, or to look
    further."""
    values = saving.secret_values(planned.checkout).values()
    if not failure.container:
        cause, fix = refusals.meaning([failure.why])
        message = f"{cause} ({failure.why})" if cause else failure.why
        return Problem("start", secrets.hide(message, values), fix=fix or "docker compose ps -a")
    state = _state(failure.container)
    refusal = str(state.get("Error") or "")
    fragment = planned.facts.catalog.fragment_of(failure.service)
    far = planned.facts.sources.get(fragment) in FAR
    # What the engine would not start has the lines of its life before; an ambassador's tell nothing of the far end.
    said = [] if refusal else [*_health(state), *([] if far else _log(failure.container))]
    cause, fix = refusals.meaning([refusal or failure.why, *said], failure.service)
    lines = "\n".join([f"{failure.service}: {_cause(failure, state)}", *([f"  {cause}"] if cause else []), *said])
    code = "service-warning" if failure.retry else "service-failed"
    look = f"./inv doctor --service {fragment}" if far else f"docker compose logs {failure.service}"
    fix = failure.retry or fix or look
    return Problem(code, secrets.hide(lines, values), failure.service, fix)


def keep(planned: Planned, failed: list[Failure]) -> None:
    """Keep the words of a start that made no container, for a later look: the engine forgets them. Nothing is left of
    them once a start gets there."""
    values = saving.secret_values(planned.checkout).values()
    words = "\n".join(failure.why for failure in failed if not failure.container)
    path = planned.checkout.root / KEPT
    if words or path.exists():
        tree.write(path, secrets.hide(words, values).encode(), 0o600)


def kept(root: Path) -> str:
    """What the last start said without a container to ask; empty where it went well."""
    return tree.read(root / KEPT).decode(errors="replace")


def _state(container: str) -> dict[str, object]:
    try:
        found: dict[str, object] = json.loads(docker.ask(["inspect", "--format", "{{json .State}}", container]))
    except StackError:
        return {}
    return found


def _cause(failure: Failure, state: dict[str, object]) -> str:
    if state.get("OOMKilled"):
        return "killed by the kernel: out of memory"
    if state.get("Error"):
        return f"the engine can't start it: {state['Error']}"
    code = state.get("ExitCode")
    meaning = CODES.get(code, "") if isinstance(code, int) else ""
    return f"{failure.why}{f' ({meaning})' if meaning else ''}"


def _health(state: dict[str, object]) -> list[str]:
    """What the last healthcheck printed."""
    health = state.get("Health")
    log = health.get("Log") if isinstance(health, dict) else None
    if not log:
        return []
    last = log[-1]
    return [f"  its healthcheck (exit {last['ExitCode']}): {' '.join(last['Output'].split())[:300]}"]


def _log(container: str) -> list[str]:
    """The container's last lines, both of its streams in the order of their times."""
    try:
        done = docker.run(["logs", "--timestamps", "--tail", str(LAST_LINES), container])
    except StackError:
        return []
    timed = [line.partition(" ") for line in sorted((done.stdout + done.stderr).split("\n"))]
    lines = [text for _, _, text in timed if text.strip()]
    return (
        [f"  its last {len(lines)} lines:", *(f"    {line}" for line in lines[-LAST_LINES:])]
        if lines
        else ["  it logged nothing"]
    )

"""What a container's state comes to, in words; and its last lines."""

import time
from collections.abc import Iterable

from stack import docker
from stack.doctor.inspected import Inspected, service_of
from stack.errors import StackError
from stack.running import failures, loglines, refusals

LINES = 60
"""Lines of a log that are looked at."""


def exit_in_words(one: Inspected) -> str:
    """How a container ended."""
    code = one["State"]["ExitCode"]
    meaning = failures.CODES.get(code, "")
    error = refusal(one)
    if one["State"]["Status"] == "created":
        return f"could not be started: {error}"
    return f"exited with {code}{f' ({meaning})' if meaning else ''}{f': {error}' if error else ''}"


def refusal(one: Inspected) -> str:
    """Why the engine would not start a container, in its own words; empty where it did."""
    return str(one["State"].get("Error") or "")


def meant(one: Inspected) -> tuple[str, str]:
    """The cause that the engine's refusal, or a container's last lines, come to, and what mends it; both empty where
    they tell nothing known."""
    return refusals.meaning([refusal(one) or log(one)], service_of(one))


def last_lines(one: Inspected, most: int = 3) -> str:
    """The last lines of a container that look like errors, each on a line of its own below; nothing where it logged
    nothing, or where they are of its life before."""
    lines = [] if refusal(one) else loglines.last(log(one), most)
    return "".join(f"\n  | {line}" for line in lines)


def log(one: Inspected, seconds: int = 0) -> str:
    """The end of a container's log, both of its streams in the order of their times; with `seconds`, of the last ones
    alone."""
    since = int(time.time()) - seconds if seconds else 0
    try:
        lines = sorted(docker.log(one["Id"], LINES, since, bool(one["Config"].get("Tty"))).splitlines())
    except StackError:
        return ""
    return "\n".join(text for _, _, text in (line.partition(" ") for line in lines))


def health(one: Inspected) -> str:
    """The engine's word for a container's health; empty without a healthcheck."""
    return str((one["State"].get("Health") or {}).get("Status") or "")


def probe(one: Inspected) -> tuple[int, str]:
    """The exit code and the output of the last healthcheck; 0 and nothing where there was none."""
    log = (one["State"].get("Health") or {}).get("Log") or []
    return (int(log[-1]["ExitCode"]), " ".join(str(log[-1]["Output"]).split())[:300]) if log else (0, "")


def satisfied(have: Iterable[Inspected], condition: str) -> bool:
    """Whether the containers of a service are as an edge to it asks."""
    states = [one["State"] for one in have]
    if not states:
        return False
    if condition == "service_completed_successfully":
        return all(state["Status"] == "exited" and not state["ExitCode"] for state in states)
    if condition == "service_healthy":
        return all((state.get("Health") or {}).get("Status") == "healthy" for state in states)
    return all(state["Running"] for state in states)


def state(have: list[Inspected]) -> str:
    """What a service's containers are doing, for the end of a sentence."""
    if not have:
        return "was never started"
    worst = next((one for one in have if not one["State"]["Running"]), have[0])
    status = worst["State"]["Status"]
    if status == "exited":
        return exit_in_words(worst)
    if status == "running":
        return f"is {health(worst) or 'running'}"
    return {"created": "waits to be started", "restarting": "keeps restarting"}.get(status, f"is {status}")

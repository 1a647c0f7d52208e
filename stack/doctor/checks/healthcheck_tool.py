"""Healthchecks that name a program which the image does not have: such a service never gets healthy."""

import re
from collections.abc import Iterable

from stack import docker
from stack.doctor import words
from stack.doctor.check import Check, Finding
from stack.doctor.inspected import Inspected
from stack.doctor.scene import Scene
from stack.errors import StackError

CODES = (126, 127)
"""What a shell, and the engine, exit with where a program can't be executed or is not there (POSIX, docker exec)."""
ABSENT = re.compile(r"executable file not found|no such file or directory|: not found", re.IGNORECASE)
OTHERS = ("curl", "wget", "nc", "bash", "python3", "node", "perl")
"""Programs that can ask a port, the plainest first."""


def lacks_tool(one: Inspected) -> bool:
    """Whether the last healthcheck of a container failed for want of its program."""
    code, said = words.probe(one)
    # Engines from 28 on tell -1 where the program is not there, and say so.
    return code in CODES or (code == -1 and bool(ABSENT.search(said)))


def _run(scene: Scene) -> Iterable[Finding]:
    for name, running in scene.running().items():
        lacking = [one for one in running if lacks_tool(one)]
        if not lacking:
            continue
        _, said = words.probe(lacking[0])
        test = (lacking[0]["Config"].get("Healthcheck") or {}).get("Test") or []
        seen = f"the healthcheck of {name} calls {called(test, said)}, which its image can't run: {said}"
        causes = "it never gets healthy, and what waits for it never starts"
        there = _others(lacking[0])
        fix = (f"in compose/{scene.checkout.catalog.fragment_of(name)}.yml, under services.{name}.healthcheck, call "
               f"what the image has ({', '.join(there) or 'its own program'}); then ./inv up")  # fmt: skip
        yield Finding(seen, causes, fix, service=name)


def called(test: list[str], said: str) -> str:
    """The program that a check could not start: the one that a shell names, else the check's first word. Pure."""
    missed = re.search(r"([^\s:]+): (?:command )?not found", said)
    return missed[1] if missed else next(iter(" ".join(test[1:]).split()), "its program")


def _others(one: Inspected) -> list[str]:
    """The programs of OTHERS that the container has; none where it has no shell."""
    script = f"for tool in {' '.join(OTHERS)}; do command -v $tool >/dev/null && echo $tool; done"
    try:
        return docker.run(["exec", one["Id"], "sh", "-c", script], timeout=5).stdout.split()
    except StackError:
        return []


CHECK = Check(
    id="healthcheck-tool",
    section="services",
    holds="every healthcheck calls a program that its image has",
    run=_run,
    needs=("planned", "engine", "up", "checkout"),
    of_services=True,
)

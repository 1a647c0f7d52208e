"""`inv engine`: brings Docker's engine and Compose where there are none; `--stop` ends what it started."""

from stack import docker
from stack.engine import setup
from stack.engine.facts import Facts
from stack.errors import StackError
from stack.output.consent import agree, asker, tell
from stack.output.result import Result


def run(stop: bool, yes: bool) -> Result:
    """Does the step, or ends what it started. Raises StackError where something is for the user to do."""
    if stop:
        if setup.stoppable():
            _agree(yes)
        return _stopped(setup.stop(tell))
    return _ready(setup.ensure(yes, asker(), tell, explicit=True))


def _agree(yes: bool) -> None:
    """Name what runs, whoever started it: it ends with the engine. Raises StackError where nobody agrees to that."""
    try:
        names = docker.ask(["ps", "--format", "{{.Names}}"]).splitlines()
    except StackError:  # an engine that hangs is ended, too
        names = []
    if names:
        message = "\n  ".join(["these containers run, and would end with the engine:", *sorted(names)])
        agree(message, "./inv engine --stop --yes", "the engine runs on", yes=yes)


def _ready(facts: Facts) -> Result:
    version = facts.probes[facts.endpoint].version
    data = {"endpoint": facts.endpoint, "version": version, "compose": facts.compose}
    return Result(data, lines=[f"Docker engine {version} answers at {facts.endpoint}; Compose {facts.compose}"])


def _stopped(stopped: bool) -> Result:
    line = "the Docker engine is stopped" if stopped else "nothing to stop: ./inv engine started no engine that runs"
    return Result({"stopped": stopped}, lines=[line])

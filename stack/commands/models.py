"""`inv models.*`: the models of a running Ollama, whatever its source."""

from collections.abc import Iterable

from stack import tree
from stack.cluster import chosen
from stack.errors import FAILED, Problem, StackError
from stack.output.progress import Progress
from stack.output.result import Result
from stack.planning import checkouts
from stack.running import ollama


def _base() -> str:
    chosen.one_machine(
        tree.root(), "models.*", "OLLAMA_PULL and ./inv up, or ollama in its container: ./inv open ollama"
    )
    return ollama.address(checkouts.project_name(tree.root()))


def listed() -> Result:
    """The models that are there, with their sizes."""
    return Result({"models": ollama.models(_base())})


def pull(name: str) -> Result:
    """Pull one model, or all of OLLAMA_PULL where `name` is empty; those that can't be had are told each."""
    checkout = checkouts.read(tree.root())
    names = [name] if name else checkout.settings.value("OLLAMA_PULL").replace(",", " ").split()
    problems = pulled(_base(), names, Progress())
    lines = [] if problems else [f"there: {', '.join(names)}"]
    return Result({"models": names, "failed": [p.where for p in problems]}, problems, FAILED if problems else 0, lines)


def pulled(base: str, names: Iterable[str], progress: Progress) -> list[Problem]:
    """Pull models, one after the other; gives back why some could not be had."""
    problems: list[Problem] = []
    with progress.shown():
        for model in names:
            try:
                for text in ollama.pull(base, model):
                    progress.tell(model, text)
                progress.tell(model, "done")
            except StackError as error:
                problems += error.problems
                progress.tell(model, "failed")
    return problems


def remove(name: str) -> Result:
    """Remove one model."""
    ollama.remove(_base(), name)
    return Result({"model": name}, lines=[f"removed {name}"])

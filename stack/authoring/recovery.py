"""What an earlier command left half done, undone or ended before the next one runs."""

from collections.abc import Callable
from pathlib import Path

import msgspec

from stack import tree
from stack.authoring import unfinished
from stack.errors import Problem, StackError
from stack.output.result import Result


def first(call: Callable[[], Result]) -> Result:
    """Run a command, once what an earlier one left half done is undone; that is told with its result or its failure.

    Raises StackError where it was an update: it is ended then, and the program that runs may be the old one."""
    told = _recovered(tree.root())
    if (tree.root() / unfinished.UPDATE).exists():
        from stack.authoring import upstream

        upstream.resume(tree.root())
    try:
        result = call()
    except StackError as error:
        raise StackError([*told, *error.problems], error.exit_code) from None
    return msgspec.structs.replace(result, problems=[*told, *result.problems])


def _recovered(root: Path) -> list[Problem]:
    if not (root / unfinished.FILE).exists():
        return []
    try:
        with tree.locked(root, patience=0):  # else it is under way, and nothing to undo
            undone = unfinished.undo(root) if (root / unfinished.FILE).exists() else []
    except StackError:
        return []
    message = f"a command was cut off, so what it had changed is as before: {', '.join(undone)}"
    return [Problem("unfinished", message, undone[0], "repeat that command")] if undone else []

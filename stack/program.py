"""The `inv` program: Invoke with our exit codes, grouped help, and usage errors that say what to type."""

import os
import re
import sys
from typing import Any

from invoke.collection import Collection
from invoke.exceptions import Exit, ParseError
from invoke.program import Program as InvokeProgram

from stack import __version__
from stack.output import completion


class Program(InvokeProgram):
    """Invoke's program for this project's tasks.py, wherever it is called from."""

    def load_collection(self) -> None:
        """Take the tasks of this project."""
        import tasks

        self.collection = Collection.from_module(tasks)

    def run(self, argv: Any = None, exit: bool = True) -> None:  # noqa: A002, ARG002 - Invoke's own signature
        """Parse the words and run the command; every exit is one of ours."""
        words = ordered(list(sys.argv if argv is None else argv))
        shell = completion.asked(words)
        if shell is not None:
            sys.exit(_print_script(shell))
        try:
            self.create_config()
            self.parse_core(words)
            self.parse_collection()
            self.parse_tasks()
            self.parse_cleanup()
            self.update_config()
            self.execute()
        except Exit as error:
            if error.message:
                print(error.message, file=sys.stderr)
            sys.exit(error.code)
        except ParseError as error:
            sys.exit(self._usage(words, str(error)))
        except KeyboardInterrupt:
            sys.exit(130)
        except BrokenPipeError:
            # The reader has gone (`| head`): nothing is left to say, and Python must not say it at exit.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            sys.exit(0)

    def _usage(self, words: list[str], message: str) -> int:
        from stack import errors
        from stack.output import render
        from stack.output.result import Result

        names = sorted(self.collection.task_names)
        task = next((word for word in words[1:] if not word.startswith("-")), "")
        problem = explain(message, task, names, self._flags(task))
        return render.show(task or "inv", Result(problems=[problem], exit_code=errors.USAGE), "--json" in words)

    def _flags(self, task: str) -> list[str]:
        """The flags that a task takes."""
        if task not in self.collection.task_names:
            return []
        return sorted(flag for arg in self.collection[task].get_arguments() for flag in map(_flag, arg.names))

    def print_help(self) -> None:
        """How to call it, and every command."""
        print("Usage: inv COMMAND [--flags]          inv COMMAND --help")
        if not hasattr(self, "collection"):
            self.load_collection()
        self.list_tasks()

    def list_tasks(self) -> None:
        """Every command with its one line, in groups."""
        import tasks

        width = max(len(name) for members in tasks.GROUPS.values() for name in members) + 2
        for group, members in tasks.GROUPS.items():
            print(f"\n{group}")
            for name in members:
                print(f"  {name:<{width}}{summary(self.collection[name])}")


CORE_FLAGS = ("--list", "--help", "--version", "--complete", "--print-completion-script")
"""What `inv` itself takes, before a command; Invoke's other flags are of no use here."""


def _print_script(shell: str) -> int:
    from stack.errors import OK, StackError
    from stack.output import render
    from stack.output.result import Result

    try:
        print(completion.script(shell))
    except StackError as error:
        return render.show("inv", Result(problems=error.problems, exit_code=error.exit_code), as_json=False)
    return OK


def _flag(name: str) -> str:
    return f"--{name.replace('_', '-')}" if len(name) > 1 else f"-{name}"


def summary(task: Any) -> str:
    """The first line of a task's docstring."""
    return str(task.__doc__ or "").strip().split("\n")[0]


def ordered(words: list[str]) -> list[str]:
    """The words as Invoke can read them: `--help` after a command asks for that command's help, and `--json`,
    wherever it stands, goes right behind the command, where it can't be taken for a positional's value."""
    at = next((n for n, word in enumerate(words[1:], 1) if not word.startswith("-")), None)
    if at is None:
        return words
    before, command, after = words[:at], words[at], words[at + 1 :]
    if "--complete" in before or before[-1] in ("--help", "-h"):
        return words
    if "--help" in after or "-h" in after:
        return [words[0], "--help", command]
    if "--json" in words:
        before, after = ([word for word in part if word != "--json"] for part in (before, after))
        after = ["--json", *after]
    return [*before, command, *after]


def explain(message: str, task: str, names: list[str], flags: list[str]) -> Any:
    """Invoke's parse error as a problem with the nearest right word."""
    from stack.errors import Problem
    from stack.names import suggest

    valueless = re.match(r"Flag <Argument: ([\w-]+).*needed value", message)
    if valueless:
        return Problem("usage", f"{_flag(valueless[1])} needs a value", task, f"inv {task} --help")
    quoted = message.split("'")[1] if message.count("'") > 1 else ""
    if message.startswith("No idea what"):
        if quoted.startswith("-"):
            hint = suggest(quoted.split("=")[0], flags or CORE_FLAGS) or f"{f'inv {task}'.strip()} --help"
            return Problem("unknown-flag", f"{task or 'inv'} has no flag {quoted}", quoted, hint)
        hint = suggest(quoted, names) or "inv --list"
        return Problem("unknown-command", f"there is no command {quoted!r}", quoted, hint)
    return Problem("usage", message.strip().rstrip("!."), task, f"inv {task} --help")


def main() -> None:
    """Run the program on this process's arguments."""
    Program(name="GenAI Vanilla Stack", version=__version__, binary="inv", binary_names=completion.NAMES).run()

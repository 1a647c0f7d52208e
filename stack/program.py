"""The `inv` program: Invoke with our exit codes, grouped help, and usage errors that say what to type."""

import atexit
import gc
import os
import sys
from pathlib import Path
from typing import Any

from invoke.exceptions import Exit, ParseError
from invoke.parser import Parser
from invoke.parser.context import ParserContext
from invoke.program import Program as InvokeProgram

from stack import __version__
from stack.cli import completion


class Program(InvokeProgram):
    """Invoke's program for this project's tasks.py, wherever it is called from."""

    def load_collection(self) -> None:
        """Take the tasks of this project."""
        import tasks

        self.collection = tasks.namespace

    def parse_core(self, argv: Any) -> None:
        """Read the words in front of a command. Invoke then forbids Python to keep what it compiles, and every command
        would compile the whole program again: a third of its time."""
        forbidden = sys.dont_write_bytecode
        super().parse_core(argv)
        sys.dont_write_bytecode = forbidden

    def _make_parser(self) -> Parser:
        """Invoke's parser of the commands that the words name: it copies all that it knows, which took 7 ms."""
        named = [name for name in self.collection.task_names if name in self.core.unparsed]
        contexts = [ParserContext(name, args=self.collection[name].get_arguments(True)) for name in named]
        return Parser(initial=self.initial_context, contexts=contexts)

    def run(self, argv: Any = None, exit: bool = True) -> None:  # noqa: A002, ARG002 - Invoke's own signature
        """Parse the words and run the command; every exit is one of ours."""
        typed = list(sys.argv if argv is None else argv)
        shell = completion.asked(typed)
        if shell is not None:
            sys.exit(_print_script(shell))
        line = completion.line(typed)
        if line is not None:
            self._complete(line)
            return
        try:
            self.create_config()
            self.parse_core(self._understood(typed))
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
            sys.exit(_refused(typed, explain(str(error))))
        except KeyboardInterrupt:
            sys.exit(130)
        except BrokenPipeError:
            # The reader has gone (`| head`): nothing is left to say, and Python must not say it at exit.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            sys.exit(0)

    def _complete(self, line: str) -> None:
        from stack.cli import candidates, usage

        self.create_config()
        self.load_collection()
        tasks = {name: self.collection[name] for name in self.collection.task_names}
        options = {n: usage.options(task.get_arguments(ignore_unknown_help=True)) for n, task in tasks.items()}
        for word in candidates.of(line, options, candidates.values):
            print(word)

    def _understood(self, typed: list[str]) -> list[str]:
        """The words for Invoke: one command with its options, each checked. Raises Exit once what is wrong is told."""
        if _command_at(typed) is None:
            return typed
        from stack.cli.words import WrongWordsError

        self.load_collection()
        try:
            return self._checked(typed)
        except WrongWordsError as error:
            raise Exit(code=_refused(typed, error.problem)) from None

    def _checked(self, typed: list[str]) -> list[str]:
        from stack.cli import usage, words

        at = _command_at(typed) or 0
        names = list(self.collection.task_names)
        ready = words.ordered([*typed[:at], *words.natural(typed[at:], names)])
        where = _command_at(ready)
        if where is None:
            return ready
        command = ready[where]
        if command not in names:
            raise words.WrongWordsError(words.unknown(ready[where:], names, _to_root()))
        if ready[where - 1] in ("--help", "-h"):
            self.print_task_help(command)
            raise Exit
        options = usage.options(self.collection[command].get_arguments(ignore_unknown_help=True))
        return [*ready[:where], *words.read(command, ready[where + 1 :], options, names).words()]

    def print_task_help(self, name: str) -> None:
        """How to call one command."""
        import inspect
        import shutil

        from stack.cli import usage
        from stack.cli.command import WORDS

        task = self.collection[name]
        does = " ".join((inspect.getdoc(task) or "").split())
        columns = min(shutil.get_terminal_size().columns, 100)
        print(usage.text(name, does, task.get_arguments(ignore_unknown_help=True), WORDS[name], columns))

    def print_help(self) -> None:
        """How to call it, and every command."""
        print("usage: ./inv COMMAND [OPTIONS]          ./inv COMMAND --help")
        if not hasattr(self, "collection"):
            self.load_collection()
        self.list_tasks()

    def list_tasks(self) -> None:
        """Every command with its one line, in groups."""
        from stack.cli.command import GROUPS

        width = max(len(name) for members in GROUPS.values() for name in members) + 2
        for group, members in GROUPS.items():
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


def _command_at(words: list[str]) -> int | None:
    """Where the command stands: the first word that is no flag."""
    return next((n for n, word in enumerate(words) if n and not word.startswith("-")), None)


def _refused(typed: list[str], problem: Any) -> int:
    from stack import errors
    from stack.output import render
    from stack.output.result import Result

    command = next((word for word in typed[1:] if not word.startswith("-")), "inv")
    return render.show(command, Result(problems=[problem], exit_code=errors.USAGE), "--json" in typed)


def _to_root() -> str:
    """What leads to the checkout from elsewhere, in front of a line of Compose."""
    import shlex

    root = Path(__file__).resolve().parent.parent
    return "" if Path.cwd() == root else f"cd {shlex.quote(str(root))} && "


def summary(task: Any) -> str:
    """The first line of a task's docstring."""
    return str(task.__doc__ or "").strip().split("\n")[0]


def explain(message: str) -> Any:
    """What Invoke says of the words in front of a command, as a problem with the nearest right word."""
    from stack.errors import Problem
    from stack.names import cut, suggest

    quoted = message.split("'")[1] if message.count("'") > 1 else ""
    if message.startswith("No idea what") and quoted.startswith("-"):
        hint = suggest(quoted.split("=")[0], CORE_FLAGS) or "./inv --help"
        return Problem("unknown-flag", f"./inv has no flag {cut(quoted)}", cut(quoted), hint)
    return Problem("usage", message.strip().rstrip("!."), "", "./inv --help")


def main() -> None:
    """Run the program on this process's arguments.

    A large file becomes a million small objects that all stay, and Python would look through them for garbage again and
    again, and once more at the end: that took a third of a plan with 10,000 routes. A command makes little garbage, and
    is soon over."""
    gc.set_threshold(1_000_000, 20, 20)
    atexit.register(gc.disable)
    Program(name="GenAI Vanilla Stack", version=__version__, binary="inv", binary_names=completion.NAMES).run()

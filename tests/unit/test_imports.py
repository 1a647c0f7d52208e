"""Libraries without what they bring along: who uses that all the same has it."""

import subprocess
import sys

from tests.support import ROOT

AWAY = ("unittest.mock", "importlib.metadata", "invoke.vendor.yaml", "typing_extensions")
SHOWN = f"""
import sys
from stack import imports
imports.invoke()
imports.msgspec()
print([name for name in {AWAY!r} if name in sys.modules])
import typing_extensions, unittest.mock, importlib.metadata, invoke.util
print(typing_extensions.Self, unittest.mock.Mock.__name__, importlib.metadata.version("invoke") > "")
print(invoke.util.yaml.safe_load("run: {{echo: true}}"))
"""


def test_what_nothing_uses_stays_away_until_somebody_does() -> None:
    done = subprocess.run([sys.executable, "-c", SHOWN], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["[]", "typing.Self Mock True", "{'run': {'echo': True}}"]


def test_what_is_imported_meanwhile_is_there_afterwards() -> None:
    shown = (
        "import sys; from stack import imports\n"
        "with imports.meanwhile('colorsys'): pass\n"
        "print('colorsys' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", shown], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "True\n"


def test_the_commands_of_one_machine_import_nothing_of_clusters() -> None:
    names = [path.stem for path in (ROOT / "stack" / "commands").glob("*.py") if path.stem not in ("cluster", "swarm")]
    shown = (
        f"import importlib, sys\nfor name in {names!r}: importlib.import_module('stack.commands.' + name)\n"
        "print([one for one in sys.modules if one.startswith('stack.cluster.') or one == 'stack.commands.swarm'])"
    )
    done = subprocess.run([sys.executable, "-c", shown], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "['stack.cluster.chosen']\n"

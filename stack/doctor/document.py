"""docs/doctor.md: every check, and what becomes of each failure that stacks like this one met. Pure."""

from stack.doctor.check import SECTIONS, Check
from stack.doctor.coverage import IN_WORDS, MODES, Mode
from stack.doctor.registry import CHECKS

HEAD = """# What `./inv doctor` looks at

<!-- Made by `./inv docs` from stack/doctor/: edit there. -->

`./inv doctor` tells what is wrong, what that causes, and what to type. `--check ID` runs one check (repeat),
`--service S` those of one service (repeat), `--fix` mends what is marked so: it says each step first, asks, and never
deletes data. `--bundle FILE` writes one archive for a report of a bug, without secrets. Exit code 1 means that an error
was found; warnings alone are 0. Those marked *up* run before every start, too.
"""


def text() -> str:
    """The whole document."""
    return "\n".join([HEAD, *(line for section in SECTIONS for line in _section(section)), *_coverage()])


def _section(section: str) -> list[str]:
    rows = [_row(check) for check in CHECKS if check.section == section]
    return [f"## {section.capitalize()}", "", "| check | holds where nothing is wrong | |", "|---|---|---|", *rows, ""]


def _row(check: Check) -> str:
    marks = [word for word, on in (("`--fix`", check.mend is not None), ("*up*", check.preflight)) if on]
    return f"| `{check.id}` | {check.holds} | {', '.join(marks)} |"


def _coverage() -> list[str]:
    rows = [f"| {number} | {mode.failure} | {_fate(mode)} |" for number, mode in enumerate(MODES, 1)]
    title = "## What users of such stacks met, and what becomes of it here"
    return [title, "", "| | failure | here |", "|---|---|---|", *rows, ""]


def _fate(mode: Mode) -> str:
    checks = ", ".join(f"`{name}`" for name in mode.checks)
    found = f"{IN_WORDS[mode.how]} {checks}" if mode.how == "found" else f"{IN_WORDS[mode.how]}"
    return f"{found}{'; ' if mode.how == 'found' else ': '}{mode.why}" if mode.why else found

"""docs/doctor.md: every check, and what becomes of each failure that stacks like this one met. Pure."""

from stack.doctor import preflight
from stack.doctor.check import SECTIONS, Check
from stack.doctor.coverage import IN_WORDS, MODES, Mode
from stack.doctor.registry import CHECKS

HEAD = """# What `./inv doctor` looks at

<!-- Made by `./inv docs` from stack/doctor/: edit there. -->

`./inv doctor` tells what is wrong, what that causes, and what to type. `--check ID` runs one check (repeat),
`--service S` those of one service (repeat), `--fix` mends what is marked so: it says each step first, asks, and never
deletes data. `--bundle FILE` writes one archive for a report of a bug, without secrets. Exit code 1 means that an error
was found; warnings alone are 0. Those marked *up* run before every start, too. A terminal shows what is fine in a line
for each section, and what is wrong below; what each saw is in a pipe, with `--check` and with `--json`.
"""

NOTES = {
    "data": """`volume-version` claims nothing of Neo4j and Weaviate, whose files tell no version that could be read
without them: Neo4j's transaction logs have a code of their own, which changes with some versions only; Weaviate writes
its version for RBAC alone, which is off here. Of RabbitMQ the volume tells the feature flags, and these the version
that brought them. Where another server ends, `restarting` has its last words.
""",
}
"""What a section's table has no room for."""


def text() -> str:
    """The whole document."""
    return "\n".join([HEAD, *(line for section in SECTIONS for line in _section(section)), *_coverage()])


def _section(section: str) -> list[str]:
    rows = [_row(check) for check in CHECKS if check.section == section]
    return [f"## {section.capitalize()}", "", "| check | holds where nothing is wrong | |", "|---|---|---|", *rows, "",
            *([NOTES[section]] if section in NOTES else [])]  # fmt: skip


def _row(check: Check) -> str:
    marks = [word for word, on in (("`--fix`", check.mend is not None), ("*up*", check in preflight.CHECKS)) if on]
    return f"| `{check.id}` | {check.holds} | {', '.join(marks)} |"


def _coverage() -> list[str]:
    rows = [f"| {number} | {mode.failure} | {_fate(mode)} |" for number, mode in enumerate(MODES, 1)]
    title = "## What users of such stacks met, and what becomes of it here"
    return [title, "", "| | failure | here |", "|---|---|---|", *rows, ""]


def _fate(mode: Mode) -> str:
    checks = ", ".join(f"`{name}`" for name in mode.checks)
    found = f"{IN_WORDS[mode.how]} {checks}" if mode.how == "found" else f"{IN_WORDS[mode.how]}"
    return f"{found}{'; ' if mode.how == 'found' else ': '}{mode.why}" if mode.why else found

"""The table of docs/backup.md: what is saved how, from the fragments. Pure."""

import re

from stack.backup import jobs
from stack.planning import model
from stack.planning.plan import Facts

TABLE = re.compile(r"(?<=<!-- by ./inv docs -->\n).*?(?=<!-- end -->)", re.DOTALL)
"""Where the page has it."""


def with_table(text: str, facts: Facts) -> str:
    """The page with the table as it is now."""
    rows = [row for service in sorted(model.services(facts.model)) for row in _rows(facts, service)]
    head = "| service | what | how |\n|---|---|---|\n"
    return TABLE.sub(lambda _: head + "".join(f"{row}\n" for row in rows), text, count=1)


def _rows(facts: Facts, service: str) -> list[str]:
    rule = jobs.rules(facts, service)
    seen = {key for other in model.services(facts.model) for key in jobs.rules(facts, other).leave}
    rows = [f"| `{service}` | {dump.name} | a dump by the program itself, which goes on |" for dump in rule.dumps]
    for mount in jobs.mounts(facts, service):
        if reason := rule.leave.get(mount.key):
            rows.append(f"| `{service}` | `{mount.key}` | not saved: {reason} |")
        elif mount.key in rule.files:
            rows.append(f"| `{service}` | `{mount.key}` | its files, while the program goes on |")
        elif not rule.dumps and mount.writes and mount.key not in seen:
            rows.append(f"| `{service}` | `{mount.key}` | its files, while the program is paused |")
    return rows

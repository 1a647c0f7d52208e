"""What doctor finds in a checkout, and its advice followed."""

from typing import Any

from tests.engine.support.stacks import Stack, run

Row = dict[str, Any]


def found(stack: Stack, *words: str) -> dict[str, list[Row]]:
    """What is wrong, by the check's id: errors and warnings."""
    rows = stack.inv("doctor", "--json", *words).json["data"]["checks"]
    wrong: dict[str, list[Row]] = {}
    for row in rows:
        if row["grade"] in ("error", "warning"):
            wrong.setdefault(row["id"], []).append(row)
    return wrong


def errors(stack: Stack, *words: str) -> dict[str, str]:
    """The errors alone: what was seen first, by the check's id."""
    return {name: rows[0]["seen"] for name, rows in found(stack, *words).items() if rows[0]["grade"] == "error"}


def follow(stack: Stack, fix: str) -> None:
    """Type a fix as it stands, in the checkout."""
    done = run("sh", "-c", fix.replace("./inv", " ".join(stack.command(()))), cwd=stack.root)
    assert done.code == 0, done

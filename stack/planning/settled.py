"""What is wrong with the settings that a checkout has, beside what keeps it from being read."""

from stack.env import secrets
from stack.errors import Problem
from stack.names import suggest
from stack.planning import planner
from stack.planning.planner import Checkout


def unknown(checkout: Checkout) -> list[Problem]:
    """A problem for each line of `.env` that nothing reads, with the nearest name that something does."""
    known = planner.known(checkout.catalog)
    return [
        Problem("unknown-setting", f"nothing reads {name}", f".env: {name}",
                suggest(name, known) or f"./inv env.unset {name}")
        for name in sorted(set(checkout.dotenv) - known)
    ]  # fmt: skip


def misshapen(checkout: Checkout) -> list[Problem]:
    """A problem for each secret whose value its consumer can't take."""
    found = []
    for name, kind in sorted(checkout.secrets.items()):
        value = checkout.settings.value(name)
        wrong = secrets.check(name, kind, value) if value else None
        found += [wrong] if wrong else []
    return found

"""`inv source`: where each service comes from, and setting it."""

from stack import tree
from stack.env import envfile
from stack.errors import USAGE, StackError, fail
from stack.names import echoed, suggest, variable
from stack.output.result import Result
from stack.planning import planner, sources
from stack.planning.catalog import PLAIN
from stack.planning.planner import Request


def run(service: str, to: str) -> Result:
    """List every service's source and its choices; with both words, set one once the plan with it is valid."""
    if bool(service) != bool(to):
        raise fail(
            "usage", "--service and --to go together", "source", "./inv source --service redis --to localhost", USAGE
        )
    return _set(service, to) if service else _list()


def _list() -> Result:
    checkout = planner.read_checkout(tree.root())
    chosen = sources.choose(checkout.catalog, planner.given(checkout), {})
    rows = [
        {"name": name, "source": chosen[name], "sources": fragment.sources(),
         "origin": checkout.settings.origin(variable(name, "SOURCE")) or "default"}
        for name, fragment in checkout.catalog.fragments.items()
    ]  # fmt: skip
    return Result({"services": rows})


def _set(service: str, to: str) -> Result:
    root = tree.root()
    with tree.locked(root):
        checkout = planner.read_checkout(root)
        known = sorted(checkout.catalog.fragments)
        if service not in known:
            hint = suggest(service, known) or f"known are {', '.join(known)}"
            raise fail("unknown-service", f"unknown service {echoed(service)}", "--service", hint, USAGE)
        fragment = checkout.catalog.fragments[service]
        if to not in fragment.sources():
            raise StackError(sources.unknown(service, to, fragment.sources(), "--to"), USAGE)
        name = variable(service, "SOURCE")
        planner.make(root, Request(sources=(f"{service}={to}",)))
        before = checkout.dotenv.get(name)
        change = {name: None if to == PLAIN and before else to}
        if to != (before or PLAIN):
            tree.write(root / ".env", envfile.edit(tree.read(root / ".env"), change), 0o600)
    undo = f"./inv source --service {service} --to {before or PLAIN}"
    return Result({"service": service, "source": to, "before": before or PLAIN},
                  lines=[f"{service} comes from {to} (undo: {undo}); to have it run so: ./inv up"])  # fmt: skip

"""`inv source`: where each service comes from, and setting it."""

from stack import tree
from stack.authoring import trial
from stack.env import envfile, settings
from stack.errors import USAGE, StackError, fail
from stack.names import echoed, suggest, variable
from stack.output.result import Result
from stack.planning import checkouts, sources
from stack.planning.catalog import PLAIN, Fragment
from stack.planning.checkouts import Checkout


def run(service: str, to: str) -> Result:
    """List every service's source and its choices; with both words, set one once the plan with it is valid."""
    if bool(service) != bool(to):
        raise fail(
            "usage", "--service and --to go together", "source", "./inv source --service redis --to localhost", USAGE
        )
    return _set(service, to) if service else _list()


def _list() -> Result:
    checkout = checkouts.read(tree.root())
    chosen = sources.choose(checkout.catalog, checkouts.given(checkout), {})
    rows = [
        {"name": name, "source": chosen[name], "sources": fragment.sources(),
         "origin": checkout.settings.origin(variable(name, "SOURCE")) or "default"}
        for name, fragment in checkout.catalog.fragments.items()
    ]  # fmt: skip
    return Result({"services": rows})


def _set(service: str, to: str) -> Result:
    root = tree.root()
    with tree.locked(root):
        data = tree.read(root / ".env")
        before, _ = envfile.read(data)
        # Read without what else is wrong: a source is set to mend a plan.
        fragment = _fragment(checkouts.read(root, dotenv=settings.sound(before)), service)
        if to not in fragment.sources():
            raise StackError(sources.unknown(service, to, fragment.sources(), "--to"), USAGE)
        name = variable(service, "SOURCE")
        was = before.get(name)
        refused = trial.problems(root, name, before, {**before, name: to}, no_word=trial.NO_WORD - {"unset"})
        if refused:
            raise StackError(refused)
        if to != (was or PLAIN):
            change = {name: None if to == PLAIN and was else to}
            tree.write(root / ".env", envfile.edit(data, change), 0o600)
    undo = f"./inv source --service {service} --to {was or PLAIN}"
    return Result({"service": service, "source": to, "before": was or PLAIN},
                  lines=[f"{service} comes from {to} (undo: {undo}); to have it run so: ./inv up"])  # fmt: skip


def _fragment(checkout: Checkout, service: str) -> Fragment:
    known = sorted(checkout.catalog.fragments)
    if service not in known:
        hint = suggest(service, known) or f"known are {', '.join(known)}"
        raise fail("unknown-service", f"unknown service {echoed(service)}", "--service", hint, USAGE)
    return checkout.catalog.fragments[service]

"""The table of docs/scale.md: what each service keeps, what it shares, how many of it there can be, and whether it can
run elsewhere; from the fragments. Pure."""

import re
from collections.abc import Iterable

from stack.names import variable
from stack.planning import model, plan
from stack.planning.catalog import FAR
from stack.planning.plan import Facts

TABLE = re.compile(r"(?<=<!-- by ./inv docs -->\n).*?(?=<!-- end -->)", re.DOTALL)
"""Where the page has it."""
HEAD = "| service | keeps itself | shares | how many | can be elsewhere |\n|---|---|---|---|---|\n"


def with_table(text: str, facts: Facts) -> str:
    """The page with the table as it is now: a row for each service that keeps running."""
    services = model.services(facts.model)
    rows = [_row(facts, name) for name in sorted(services) if not model.one_shot(services[name])]
    return TABLE.sub(lambda _: HEAD + "".join(f"{row}\n" for row in rows), text, count=1)


def keeps(facts: Facts, service: str) -> list[str]:
    """The named volumes that a service writes to, unless its backup leaves them for a reason: they are made again."""
    left = {key for name in model.services(facts.model) for key in plan.entry(facts, name).backup.leave}
    return [volume for volume in _written(facts, service) if volume not in left]


def shares(facts: Facts, service: str) -> list[str]:
    """The services whose state it works on: those that keep something, and whose address it is given, whose volume it
    mounts, or which it uses where planned."""
    services = model.services(facts.model)
    own, told = services[service], services[service].get("environment") or {}
    mounted, used = set(model.named_volumes(own)), plan.entry(facts, service).connections
    return [
        name for name in sorted(services)
        if name != service and (kept := keeps(facts, name))
        and (name in used or mounted & set(kept) or any(_address(name, key, str(value)) for key, value in told.items()))
    ]  # fmt: skip


def _address(name: str, key: str, value: str) -> bool:
    """Whether a variable has the address of a service: its name alone may be that of a database as well."""
    return (value == name and key.endswith("HOST")) or bool(re.search(rf"(?<![\w.-]){re.escape(name)}:\d", value))


def _written(facts: Facts, service: str) -> list[str]:
    own = model.services(facts.model)[service].get("volumes") or []
    named = [v for v in own if v.get("type") == "volume" and v.get("source")]
    return sorted({v["source"] for v in named if not v.get("read_only")})


def _row(facts: Facts, name: str) -> str:
    kept, again = keeps(facts, name), sorted(set(_written(facts, name)) - set(keeps(facts, name)))
    fragment = facts.catalog.fragments[facts.catalog.fragment_of(name)]
    several = plan.entry(facts, name).scalable and "replicas" in (model.services(facts.model)[name].get("deploy") or {})
    cells = [
        f"`{name}`",
        _listed(kept) + (f" ({_listed(again)} can be made again)" if again else ""),
        ", ".join(shares(facts, name)) or "–",
        f"{variable(name, 'SCALE')}" if several else "one",
        ", ".join(s for s in fragment.sources() if s in FAR) if name == fragment.name else "with it",
    ]
    return f"| {' | '.join(cell or '–' for cell in cells)} |"


def _listed(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names) or "nothing"

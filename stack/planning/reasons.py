"""Why a service is in the plan, or why it is not. Pure."""

from collections.abc import Collection

import msgspec

from stack.names import variable
from stack.planning import model, plan
from stack.planning.catalog import DISABLED
from stack.planning.plan import EVERYTHING, Facts, Plan, Selection

CONDITIONS = {
    "service_started": "is started",
    "service_healthy": "is healthy",
    "service_completed_successfully": "has ended well",
}


class Need(msgspec.Struct, frozen=True):
    """A planned service that has an edge to another, and the edge."""

    service: str
    condition: str
    required: bool


def profiles_of(facts: Facts, name: str) -> list[str]:
    """The profiles that select a service by itself."""
    own = set(model.services(facts.model).get(name, {}).get("profiles") or [])
    every = {EVERYTHING} if own and not plan.entry(facts, name).opt_in else set()
    return sorted(own) + sorted(every - own)


def needs(made: Plan, name: str) -> list[Need]:
    """The planned services that wait for this one; those that require it first."""
    found = [Need(s.name, s.depends_on[name].condition, s.depends_on[name].required)
             for s in made.services if name in s.depends_on]  # fmt: skip
    return sorted(found, key=lambda need: (not need.required, need.service))


def way(made: Plan, name: str, chosen: Collection[str]) -> list[str]:
    """The shortest way from a service that is chosen by itself down to this one, over required edges; the one alone
    where it is chosen itself."""
    edges = {s.name: s.depends_on for s in made.services}
    paths = [[name]]
    seen = {name}
    while paths:
        path = paths.pop(0)
        if path[0] in chosen:
            return path
        above = sorted(who for who, to in edges.items() if path[0] in to and to[path[0]].required and who not in seen)
        seen.update(above)
        paths += [[who, *path] for who in above]
    return [name]


def chosen(facts: Facts, made: Plan, selection: Selection) -> dict[str, str]:
    """The planned services that are asked for themselves, and by what."""
    found = {}
    for name in made.names():
        by = [f"profile {p}" for p in profiles_of(facts, name) if p in selection.profiles]
        if name in selection.services:
            by.insert(0, "--service")
        if by:
            found[name] = " and ".join(by)
    return found


def planned(facts: Facts, made: Plan, selection: Selection, name: str) -> list[str]:
    """Why a planned service is in the plan, in sentences."""
    roots = chosen(facts, made, selection)
    path = way(made, name, roots)
    said = [f"{name} is in the plan: {roots[name]} has it"] if name in roots else []
    if not said:
        steps = " → ".join(path)
        said = [f"{name} is in the plan: {path[0]}, of {roots.get(path[0], 'the selection')}, requires it ({steps})"]
    for need in needs(made, name):
        verb = "requires it" if need.required else "uses it, and lives without"
        said.append(f"{need.service} {verb}: it starts once {name} {CONDITIONS.get(need.condition, need.condition)}")
    return said


def absent(facts: Facts, made: Plan, name: str) -> tuple[str, str]:
    """Why a service is not in the plan, and what to type."""
    left = next((one.why for one in made.left_out if one.name == name), "")
    fragment = facts.catalog.fragment_of(name)
    source = facts.sources[fragment]
    if source == DISABLED:
        fix = f"./inv source --service {fragment} --to container"
        return f"{name} is not in the plan: {variable(fragment, 'SOURCE')} is disabled", fix
    if left:
        return f"{name} is left out: {left}", f"./inv source --service {fragment}"
    if name not in model.services(facts.model):
        why = f"{name} is not in the plan: {fragment} from {source} has no such companion"
        return why, f"./inv source --service {fragment}"
    profiles = profiles_of(facts, name)
    if not profiles:
        return f"{name} is not in the plan: it has no profile, and nothing requires it", f"./inv up --service {name}"
    word = "profile" if len(profiles) == 1 else "profiles"
    why = f"{name} is not in the plan: nothing that is selected requires it; it is of {word} {', '.join(profiles)}"
    return why, f"./inv up --profile {profiles[0]}"

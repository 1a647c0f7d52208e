"""The edge to what services mount and are built from, as it lies on the disk."""

from collections.abc import Mapping

from stack import tree
from stack.errors import Problem, StackError
from stack.planning import assembly, model
from stack.planning.model import Service
from stack.planning.planner import Planned


def digests(planned: Planned) -> dict[str, str]:
    """The digest of every path that a planned service mounts or builds from.

    Raises StackError for each that is not there: Docker would put an empty folder in its place."""
    services = model.services(planned.facts.model)
    found: dict[str, str] = {}
    problems = []
    for name in planned.plan.names():
        raw = services[name]
        context = (raw.get("build") or {}).get("context")
        for written in [*assembly.config_binds(raw), *([context] if context else [])]:
            origin = assembly.original(written)
            path = planned.checkout.root / origin
            if written == context and model.remote(context):
                found[written] = tree.digest(written.encode())
            elif not path.exists():
                where = f"compose/{planned.facts.catalog.fragment_of(name)}.yml: services.{name}"
                problems.append(Problem("bind-missing", f"{name} mounts or builds {origin}, which is not there", where,
                                        f"git checkout -- {origin}, or create it"))  # fmt: skip
            elif written not in found:
                found[written] = tree.digest_path(path)
    if problems:
        raise StackError(problems)
    return found


def current(raw: Service, here: Mapping[str, tuple[str, dict[str, str]]], digests: Mapping[str, str]) -> bool:
    """Whether the image that a service builds is here and was built from what its context now holds."""
    found = here.get(raw["image"])
    return found is not None and found[1].get(assembly.BUILD_LABEL) == assembly.build_digest(raw, digests)

"""The looks from inside the project's networks: as few as will do, since each can take a third of a second.

One from each service that is to reach others. One of those, on the same network, also tries the published ports of a
service that reaches nobody. What does not get through is then looked at from its own side."""

import contextlib
from collections.abc import Iterable, Mapping

from stack import docker
from stack.builds import base
from stack.doctor import inspected, network
from stack.doctor.inspected import Inspected
from stack.doctor.network import Use
from stack.errors import StackError
from stack.gateway import entrance
from stack.gateway.haproxy import seen as haproxy
from stack.gateway.upstreams import End
from stack.planning import addresses
from stack.planning.planner import Planned
from stack.running import inside
from stack.running.inside import Look, Question, Target


def looks(planned: Planned, there: Mapping[str, Inspected], here: Mapping[str, object],
          ends: Iterable[End] = ()) -> dict[str, Look]:  # fmt: skip
    """What was seen from inside, by the service's name: `there` has a container of each service that can be looked
    from, `here` the planned images that are on this machine, `ends` is where the gateway's routes lead.

    Raises StackError where not a single look came about."""
    also = {entrance.SERVICE: haproxy.ASK} if entrance.built(planned) else {}
    tried = with_published(_wanted(planned, there, ends), _published(there), _networks(planned, there))
    images = inside.candidates(here) or list(docker.images([base.TAG]))
    asked = {name: _question(there[name], sorted(uses), also.get(name, "")) for name, uses in tried.items()}
    seen = _asked(asked, images)
    silent = {service for name, look in seen.items() for target, service in tried[name].items()
              if service in there and service not in seen and _missed(look, target)}  # fmt: skip
    with contextlib.suppress(StackError):
        seen |= _asked({name: _question(there[name]) for name in sorted(silent)}, images)
    return seen


def _question(one: Inspected, targets: Iterable[Target] = (), also: str = "") -> Question:
    return Question(one["Id"], tuple(targets), str(one["Config"].get("Image") or ""), also)


def with_published(
    wanted: Mapping[str, Mapping[Target, str]],
    published: Mapping[str, Iterable[tuple[int, str]]],
    networks: Mapping[str, Iterable[str]],
) -> dict[str, dict[Target, str]]:
    """What each look is to try, and the service that each target is of: what is wanted, and every published port. A
    service with nothing wanted gets a look of its own where no other look is on its network, or for a port of UDP,
    which does not tell whether it is there."""
    tried = {name: dict(targets) for name, targets in wanted.items() if targets}
    for name, ports in published.items():
        if name in tried or not ports:
            continue
        witness = next((other for other in tried if not set(networks[other]).isdisjoint(networks[name])), name)
        if any(protocol != "tcp" for _, protocol in ports):
            witness = name
        of_it = {} if witness == name else {(name, port): name for port, _ in ports}
        tried[witness] = tried.get(witness, {}) | of_it
    return tried


def _wanted(planned: Planned, there: Iterable[str], ends: Iterable[End]) -> dict[str, dict[Target, str]]:
    """Whom each service is to reach; the gateway, also what its routes lead to."""
    found = {}
    for name in there:
        more = [Use(end.service, end.host, end.port) for end in ends] if name == entrance.SERVICE else []
        found[name] = {(use.host, use.port): use.service for use in [*network.uses(planned, name), *more]}
        found[name] |= {(one.host, one.port): "" for one in network.of_this_machine(planned, name)}
    return found


def _published(there: Mapping[str, Inspected]) -> dict[str, list[tuple[int, str]]]:
    return {name: inspected.published(one) for name, one in there.items()}


def _networks(planned: Planned, names: Iterable[str]) -> dict[str, list[str]]:
    return {name: list(addresses.networks(planned.facts.model, name)) for name in names}


def _asked(questions: Mapping[str, Question], images: list[str]) -> dict[str, Look]:
    found = inside.looks(list(questions.values()), images)
    return {name: found[q.container] for name, q in questions.items() if q.container in found}


def _missed(look: Look, target: Target) -> bool:
    answer = look.answers.get(target)
    return answer is not None and not answer.reached

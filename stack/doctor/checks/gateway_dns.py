"""Whether the gateway asks again soon where a service is.

The addresses that Kong has in mind can't be seen from outside (its admin API is off), and Docker's own answers are
always those of now. What can be seen is how long it keeps one: Docker's answers say 600 s, unless a setting of Kong's
own says otherwise."""

from collections.abc import Iterable, Mapping

from stack.doctor import inspected
from stack.doctor.check import WARNING, Check, Finding
from stack.doctor.scene import Scene
from stack.gateway import entrance

LONGEST_S = 60.0
"""Most tools try again for so long."""
WANTED = "KONG_DNS_VALID_TTL"


def _run(scene: Scene) -> Iterable[Finding]:
    for one in (scene.running().get(entrance.SERVICE) or [])[:1]:
        yield from keeping(inspected.given(one))


def keeping(settings: Mapping[str, str]) -> Iterable[Finding]:
    """A finding where answers are kept too long. Kong's newer resolver reads a setting of its own."""
    newer = settings.get("KONG_NEW_DNS_CLIENT", "off").lower() in ("on", "true", "yes")
    name = "KONG_RESOLVER_VALID_TTL" if newer else WANTED
    value = settings.get(name, "")
    try:
        short = 0 < float(value) <= LONGEST_S
    except ValueError:
        short = False
    if not short:
        seen = f"the gateway runs with {name}={value}" if value else f"the gateway runs without {name}"
        causes = "for up to ten minutes after a service was scaled or made anew, it asks where that was before"
        fix = f'set {name}: "5" in the environment of {entrance.SERVICE}, where you changed it, then ./inv up'
        yield Finding(seen, causes, fix, WARNING, entrance.SERVICE)


CHECK = Check(
    id="gateway-dns",
    section="gateway",
    holds="the gateway asks again soon where a service is",
    run=_run,
    needs=("planned", "engine", "gateway_up"),
    of_services=True,
)

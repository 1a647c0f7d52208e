"""What a rootless Docker can't do: the network of its host is its own, where 127.0.0.1 is not this machine. Podman's is
the machine's."""

from stack import docker
from stack.errors import Problem, StackError
from stack.planning import model
from stack.planning.model import Service
from stack.planning.planner import Planned

LET_IN = (
    "or let the engine's network reach this machine's 127.0.0.1: start it with "
    "DOCKERD_ROOTLESS_ROOTLESSKIT_FLAGS=--disable-host-loopback=false, then ./inv env.set AMBASSADOR_DIAL 10.0.2.2"
)
"""slirp4netns has the machine at 10.0.2.2 (its manual), and Docker's script shuts that way unless it is told so: engine
20.10's has no other word for it, and later ones take this one too (dockerd-rootless.sh)."""


def problems(planned: Planned) -> list[Problem]:
    """A problem for each planned service in the host's network, where the engine is rootless; an ambassador that dials
    another address than 127.0.0.1 has the user's own way to this machine."""
    services = model.services(planned.facts.model)
    hosted = [one for one in planned.plan.services if _stays_here(services[one.name])]
    if not hosted or not _is_rootless():
        return []
    return [Problem("rootless-host", f"{one.name} reaches this machine by the host's network, and this engine is "
                    "rootless: its host's network is another one", one.name,
                    f"./inv source --service {one.fragment} --to container, {LET_IN}") for one in hosted]  # fmt: skip


def _stays_here(service: Service) -> bool:
    dial = (service.get("environment") or {}).get("AMBASSADOR_DIAL", "127.0.0.1")
    return service.get("network_mode") == "host" and dial == "127.0.0.1"


def _is_rootless() -> bool:
    try:
        return not docker.podman() and docker.rootless(docker.info().get("SecurityOptions") or [])
    except StackError:
        return False

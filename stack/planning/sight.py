"""Better sources in sight: a GPU runtime, a program that already answers on a service's usual host port."""

import socket

from stack.names import variable
from stack.planning.gpu import runtimes
from stack.planning.planner import Planned

PATIENCE = 0.1
"""Seconds for a program on this machine to accept a connection."""


def better(planned: Planned, own_ports: set[int]) -> list[str]:
    """One sentence for each planned service that could come from somewhere better, with its flag."""
    lines = []
    gpu = None
    for name in planned.plan.fragments():
        fragment = planned.facts.catalog.fragments[name]
        source = planned.facts.sources[name]
        port = _usual_port(planned, name)
        if source != "localhost" and port and port not in own_ports and _answers(port):
            lines.append(f"{name}: a program answers on 127.0.0.1:{port}; to use it: --source {name}=localhost")
        if source == "container" and "container-gpu" in fragment.overrides:
            gpu = "nvidia" in runtimes() if gpu is None else gpu
            if gpu:
                lines.append(f"{name}: this machine has a GPU runtime; to use it: --source {name}=container-gpu")
    return lines


def _usual_port(planned: Planned, name: str) -> int | None:
    """The host port that the service's `localhost` source dials: its setting, or that file's default."""
    fragment = planned.facts.catalog.fragments[name]
    wanted = variable(name, "LOCALHOST_PORT")
    for path in fragment.overrides.get("localhost", ()):
        text = planned.env.get(wanted) or planned.facts.catalog.files[path].variables.get(wanted)
        if text and text.isdecimal():
            return int(text)
    return None


def _answers(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE):
            return True
    except OSError:
        return False

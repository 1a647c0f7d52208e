"""`inv open SERVICE`: its address, opened in a browser where there is one."""

import msgspec

from stack import docker, tree
from stack.errors import USAGE, StackError, fail
from stack.gateway import entrance
from stack.names import cut, echoed, suggest
from stack.output.result import Result
from stack.planning import checkouts, plan, planner
from stack.planning.planner import Planned, Request
from stack.running import links, tls
from stack.running.links import Link


def open_(name: str) -> Result:
    """Print where a service is reached, by the gateway if it runs and directly, and open its page from a terminal with
    a display.

    Raises StackError for one that is not planned, has no address, or does not run."""
    planned = planner.make(tree.root(), Request())
    link = link_of(planned, name)
    if checkouts.clustered(planned.checkout):
        return _on_cluster(planned, link)
    if not _runs(planned, name):
        raise fail("not-running", f"{name} does not run", name, "./inv up")
    engine = entrance.engine(planned) if _through_gateway(planned, link) else ""
    secure = links.https(planned, link.url)
    data = {
        **msgspec.to_builtins(link),
        "https": secure,
        "engine": engine,
        "opened": _page(planned, name) and _opened(link.url),
    }
    who = [f"user {link.user}, password: ./inv env.get {link.password} --reveal"] if link.password else []
    direct = [f"{link.direct} directly"] if link.direct else []
    sealed = [f"{secure}{tls.trust(planned.checkout)}"] if secure else []
    return Result(
        data,
        lines=[link.url, *sealed, *direct, *who, *(entrance.serves(planned) if engine else []), *links.remote(planned)],
    )


def _on_cluster(planned: Planned, link: Link) -> Result:
    """The same where a cluster runs the services: the gateway's address, or what to type."""
    from stack.commands import swarm

    lines, gateway = swarm.reached(planned, link)
    url = link.url if gateway else ""
    secure = links.https(planned, url) if url else ""
    data = {**msgspec.to_builtins(link), "url": url, "direct": "", "https": secure,
            "engine": entrance.engine(planned) if gateway else "",
            "opened": gateway and _page(planned, link.service) and _opened(url)}  # fmt: skip
    who = [f"user {link.user}, password: ./inv env.get {link.password} --reveal"] if link.password else []
    return Result(data, lines=[*([url] if url else []), *([secure] if secure else []), *who, *lines])


def link_of(planned: Planned, name: str) -> Link:
    """Where a service is reached. Raises StackError for one that is not planned, or has no address."""
    known = planned.facts.catalog.services()
    if name not in known:
        raise fail(
            "unknown-service", f"unknown service {echoed(name)}", cut(name), suggest(name, known) or "./inv plan", USAGE
        )
    if name not in planned.plan.names():
        raise fail("not-planned", f"{name} is not in the plan", name, f"./inv why {name}")
    own = [link for link in links.rows(planned, [], entrance.site(planned)) if link.service == name]
    found = own if own and not _gateway_runs(planned) else links.of([name], planned)
    if not found:
        message = f"{name} has no address outside: it publishes no port, and no planned gateway has a route to it"
        raise fail("no-address", message, name, f"./inv route.add --service {name}, or docker compose exec {name} sh")
    return found[0]


def _through_gateway(planned: Planned, link: Link) -> bool:
    """Whether an address is the gateway's, and not the service's own."""
    own = [one.url for one in links.rows(planned, [], entrance.site(planned)) if one.service == link.service]
    return link.service == entrance.SERVICE or link.url not in own


def _runs(planned: Planned, name: str) -> bool:
    """Whether a container of the service runs, as one is taken to where no engine answers."""
    try:
        return any(c.service == name and c.state == "running" for c in docker.containers(planned.plan.project))
    except StackError:
        return True


def _gateway_runs(planned: Planned) -> bool:
    """Whether the gateway runs, as it is taken to where no engine answers."""
    if checkouts.clustered(planned.checkout):
        return True
    try:
        return entrance.runs(docker.containers(planned.plan.project))
    except StackError:
        return True


def _page(planned: Planned, name: str) -> bool:
    """Whether a browser can show something there."""
    return (plan.entry(planned.facts, name).url or "http").startswith("http")


def _opened(url: str) -> bool:
    """Whether a browser was opened: only from a terminal, and where there is a display."""
    import os
    import sys
    import webbrowser

    seen = sys.platform == "darwin" or os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    return bool(sys.stdout.isatty() and seen and url.startswith("http")) and webbrowser.open(url)

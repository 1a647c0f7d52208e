"""The commands: each parses its flags, calls one function, and hands the result to the renderer."""

from collections.abc import Callable
from typing import Any

from invoke.collection import Collection
from invoke.context import Context
from invoke.exceptions import Exit
from invoke.tasks import task

GROUPS: dict[str, list[str]] = {}
WORDS: dict[str, dict[str, str]] = {}
"""What is said of each option of a command, by its name."""
namespace = Collection()
_SUBS: dict[str, Collection] = {}


def command(group: str, title: str, repeat: tuple[str, ...] = (), /, **help_texts: str) -> Callable[[Any], Any]:
    """Make a function the command `title` (`env.get` goes into a collection), listed under `group`."""

    def add(function: Any) -> Any:
        WORDS[title] = {**help_texts, "json": "print one JSON document"}
        made: Any = task(function, iterable=list(repeat), auto_shortflags=False, help=dict(WORDS[title]))
        folder, _, leaf = title.rpartition(".")
        if folder and folder not in _SUBS:
            _SUBS[folder] = Collection(folder)
            namespace.add_collection(_SUBS[folder])
        (_SUBS[folder] if folder else namespace).add_task(made, name=leaf)
        GROUPS.setdefault(group, []).append(title)
        return made

    return add


def _run(name: str, json: bool, call: Callable[[], Any]) -> None:
    """Show what the call gives back, and end with its exit code."""
    from stack.authoring import unfinished
    from stack.output import render

    code = render.present(name, lambda: unfinished.first(call), json)
    if code:
        raise Exit(code=code)


SELECTION = {
    "profile": "add a profile (repeat)",
    "service": "only this service and what it requires (repeat)",
    "source": "where it comes from; SOURCE alone for every planned service that has it (repeat)",
    "base_port": "publish from this port on (63000, where none is set)",
    "offline": "build instead of pulling",
    "exact": "the flags are the whole selection, and what is saved counts for nothing",
    "once": "save nothing of the flags",
}
LISTS = ("profile", "service", "source")


CHOICE = {name: SELECTION[name] for name in ("profile", "source")}
NOTHING: dict[str, Any] = {name: "" if name == "base_port" else () if name in LISTS else False for name in SELECTION}
"""A selection without any flag."""


def _request(values: dict[str, Any]) -> Any:
    from stack.planning.planner import Request

    profiles, services, chosen = (tuple(values[name] or ()) for name in LISTS)
    return Request(profiles, services, chosen, values["base_port"], values["offline"], values["exact"], values["once"])


@command(
    "Run",
    "up",
    LISTS,
    **SELECTION,
    yes="agree to what would be asked",
    dry_run="say what would be done",
    timeout="seconds for each service to get healthy",
    recreate="make every container anew",
)
def up(
    c: Context,
    profile: Any = None,
    service: Any = None,
    source: Any = None,
    base_port: str = "",
    offline: bool = False,
    exact: bool = False,
    once: bool = False,
    yes: bool = False,
    dry_run: bool = False,
    timeout: str = "300",
    recreate: bool = False,
    json: bool = False,
) -> None:
    """Start what is selected and all that it needs, and wait until it is healthy."""
    from stack.commands import up as module

    values = dict(locals())
    _run("up", json, lambda: module.run(_request(values), yes, dry_run, timeout, recreate))


@command("Run", "down", volumes="also remove the data", yes="agree to what would be asked")
def down(c: Context, volumes: bool = False, yes: bool = False, json: bool = False) -> None:
    """Stop and remove everything of this project; the data stays."""
    from stack.commands import down as module

    _run("down", json, lambda: module.run(volumes, yes))


@command("Run", "engine", yes="agree to what would be asked", stop="end what this command started")
def engine(c: Context, yes: bool = False, stop: bool = False, json: bool = False) -> None:
    """Install and start Docker and Compose where they are missing."""
    from stack.commands import engine as module

    _run("engine", json, lambda: module.run(stop, yes))


@command("Look", "plan", LISTS, **SELECTION)
def plan(
    c: Context,
    profile: Any = None,
    service: Any = None,
    source: Any = None,
    base_port: str = "",
    offline: bool = False,
    exact: bool = False,
    once: bool = False,
    json: bool = False,
) -> None:
    """Say what would run, from where, on which ports, and what would change."""
    from stack.commands import plan as module

    values = dict(locals())
    _run("plan", json, lambda: module.run(_request(values)))


@command(
    "Look",
    "status",
    ("service",),
    service="only this service (repeat)",
    watch="look again and again",
    stats="ask the engine for the memory",
)
def status(c: Context, service: Any = None, watch: bool = False, stats: bool = False, json: bool = False) -> None:
    """Say how each service is: state, health, ports, memory."""
    from stack.commands import status as module

    _run("status", json, lambda: module.run(service or [], watch, stats, json))


@command("Look", "why", ("profile", "source"), name="the service", **CHOICE)
def why(c: Context, name: str, profile: Any = None, source: Any = None, json: bool = False) -> None:
    """Say why a service is in the plan, and why it does not run."""
    from stack.commands import why as module

    values = {**NOTHING, "profile": profile, "source": source}
    _run("why", json, lambda: module.why(name, _request(values)))


@command(
    "Look", "ports", ("profile", "source"), **CHOICE, base_port="another block: its first port, or auto for a free one"
)
def ports(c: Context, profile: Any = None, source: Any = None, base_port: str = "", json: bool = False) -> None:
    """Say which ports are planned, which are free, and who holds them now."""
    from stack.commands import ports as module

    values = {**NOTHING, "profile": profile, "source": source, "base_port": base_port}
    _run("ports", json, lambda: module.ports(_request(values)))


@command(
    "Look",
    "graph",
    LISTS,
    **CHOICE,
    service=SELECTION["service"],
    output="write it to this file: .mmd, .dot, .svg, .png, .pdf",
)
def graph(
    c: Context, profile: Any = None, service: Any = None, source: Any = None, output: str = "", json: bool = False
) -> None:
    """Draw who waits for whom: Mermaid, or a picture where Graphviz is installed."""
    from stack.commands import graph as module

    values = {**NOTHING, "profile": profile, "service": service, "source": source}
    _run("graph", json, lambda: module.graph(_request(values), output))


@command("Look", "open", name="the service")
def open_(c: Context, name: str, json: bool = False) -> None:
    """Print where a service is reached, and open its page from a desktop."""
    from stack.commands import open as module

    _run("open", json, lambda: module.open_(name))


@command(
    "Look",
    "doctor",
    ("service", "check"),
    service="only what concerns this service (repeat)",
    check="only this check (repeat)",
    fix="mend what can be mended without losing data",
    yes="agree to what would be asked",
    bundle="write what a report of a bug needs to this file",
)
def doctor(
    c: Context,
    service: Any = None,
    check: Any = None,
    fix: bool = False,
    yes: bool = False,
    bundle: str = "",
    json: bool = False,
) -> None:
    """Say what is wrong, what that causes, and what to type."""
    from stack.commands import doctor as module

    _run("doctor", json, lambda: module.run(service or [], check or [], fix, yes, bundle))


@command("Look", "version")
def version(c: Context, json: bool = False) -> None:
    """Say the versions of this project, Python, the engine and Compose."""
    from stack.commands import version as module

    _run("version", json, module.run)


@command("Look", "outdated")
def outdated(c: Context, json: bool = False) -> None:
    """Say for which pinned images the registries have newer ones."""
    from stack.commands import outdated as module

    _run("outdated", json, module.run)


@command("Look", "update")
def update(c: Context, json: bool = False) -> None:
    """Bring this checkout up to date by git; what you added stays."""
    from stack.commands import update as module

    _run("update", json, module.run)


@command("Settings", "source", service="the service to set", to="its new source")
def source(c: Context, service: str = "", to: str = "", json: bool = False) -> None:
    """List where each service comes from, or set it: --service S --to SOURCE."""
    from stack.commands import source as module

    _run("source", json, lambda: module.run(service, to))


@command("Settings", "env.list")
def env_list(c: Context, json: bool = False) -> None:
    """List every setting with the layer that it comes from."""
    from stack.commands import env

    _run("env.list", json, env.listed)


@command("Settings", "env.get", name="the setting", reveal="print a secret")
def env_get(c: Context, name: str, reveal: bool = False, json: bool = False) -> None:
    """Print one setting."""
    from stack.commands import env

    _run("env.get", json, lambda: env.get(name, reveal))


@command("Settings", "env.set", name="the setting", value="its value; - reads it from standard input",
         changed="the program that keeps this secret has the new one already")  # fmt: skip
def env_set(c: Context, name: str, value: str, changed: bool = False, json: bool = False) -> None:
    """Write one setting to .env."""
    from stack.commands import env

    _run("env.set", json, lambda: env.set_(name, value, changed))


@command("Settings", "env.unset", name="the setting")
def env_unset(c: Context, name: str, json: bool = False) -> None:
    """Remove one setting from .env."""
    from stack.commands import env

    _run("env.unset", json, lambda: env.unset(name))


@command("Settings", "env.check")
def env_check(c: Context, json: bool = False) -> None:
    """Say what is wrong with the settings."""
    from stack.commands import env

    _run("env.check", json, env.check)


ADDED = ("port", "profile", "depends_on", "env", "secret", "volume", "source", "route", "host", "alias", "map")


@command(
    "Services",
    "add-service",
    ADDED,
    name="what it is called",
    image="its image",
    build="or the folder with its Dockerfile",
    port="a port of the container (repeat)",
    profile="a profile that it is in (app, where none is given; repeat)",
    depends_on="NAME[:healthy|completed|started], and ? behind it where the service lives without (repeat)",
    env="KEY=VALUE (repeat)",
    secret="NAME[:KIND], made by the first up (repeat)",
    volume="NAME:/path or ./folder:/path (repeat)",
    source="localhost, external or container-gpu (repeat)",
    health="http:/path, cmd:COMMAND or tcp (no check, where none is given)",
    route="a path at the gateway, as /my-service (repeat)",
    host="a name at the gateway, as my-service (repeat)",
    auth="who is let in at the gateway: none, key or basic (none, where only this machine reaches it)",
    alias="a further name in the network (repeat)",
    command="what the container runs",
    replicas="number of containers",
    memory="memory limit, as 512m",
    from_compose="FILE or FILE:SERVICE: take it out of a Compose file of yours",
    map="THEIRS=OURS: a service of the file for which one of ours stands in (repeat)",
    env_file="what takes the place of the .env beside that file",
    rewrite_files="give the hosts in the files that come along their new names",
    into="a folder of your own, as local",
    dry_run="print the difference",
    yes="agree to what would be asked",
)
def add_service(
    c: Context,
    name: str,
    image: str = "",
    build: str = "",
    port: Any = None,
    profile: Any = None,
    depends_on: Any = None,
    env: Any = None,
    secret: Any = None,
    volume: Any = None,
    source: Any = None,
    health: str = "",
    route: Any = None,
    host: Any = None,
    auth: str = "",
    alias: Any = None,
    command: str = "",
    replicas: str = "1",
    memory: str = "",
    from_compose: str = "",
    map: Any = None,  # noqa: A002
    env_file: str = "",
    rewrite_files: bool = False,
    into: str = "",
    dry_run: bool = False,
    yes: bool = False,
    json: bool = False,
) -> None:
    """Add a service: NAME alone writes a small one to start from."""
    from stack.commands import service as module

    values = {k: v for k, v in locals().items() if k in module.Words.__struct_fields__}
    words: dict[str, Any] = {k: tuple(v or ()) if k in ADDED else v for k, v in values.items()}
    _run("add-service", json, lambda: module.add(name, module.Words(**words), into, dry_run, yes))


@command(
    "Services",
    "remove-service",
    name="the service",
    volumes="also remove its data",
    yes="agree to what would be asked",
    dry_run="print the difference",
)
def remove_service(
    c: Context, name: str, volumes: bool = False, yes: bool = False, dry_run: bool = False, json: bool = False
) -> None:
    """Take a service away: its files, its routes, and what runs of it."""
    from stack.commands import service as module

    _run("remove-service", json, lambda: module.remove(name, volumes, yes, dry_run))


@command("Services", "service", name="the service")
def service(c: Context, name: str, json: bool = False) -> None:
    """Show one service: files, settings, ports, routes, edges, secrets by name, and whether it runs."""
    from stack.commands import service as module

    _run("service", json, lambda: module.show(name))


@command("Gateway", "route.list")
def route_list(c: Context, json: bool = False) -> None:
    """List the gateway's routes: address, service, who is let in."""
    from stack.commands import route

    _run("route.list", json, route.listed)


@command("Gateway", "route.test", method="GET, POST, …", url="the address, as http://n8n.localhost/")
def route_test(c: Context, method: str, url: str, json: bool = False) -> None:
    """Say which route, service and plugins a request meets: METHOD URL."""
    from stack.commands import route

    _run("route.test", json, lambda: route.test(method, url))


@command(
    "Gateway",
    "route.add",
    service="the service behind it",
    path="the path, as /my-service",
    host="the name, as my-service for my-service.localhost",
    port="the container's port (where it has several)",
    auth="who is let in: none, key or basic (none, where only this machine reaches the gateway)",
    health_checks="leave out replicas that fail",
    into="a folder of your own, as local",
    dry_run="print the difference",
)
def route_add(
    c: Context,
    service: str = "",
    path: str = "",
    host: str = "",
    port: str = "",
    auth: str = "",
    health_checks: bool = False,
    into: str = "",
    dry_run: bool = False,
    json: bool = False,
) -> None:
    """Add a route: --service S, and --path /x or --host NAME."""
    from stack.commands import route

    _run("route.add", json, lambda: route.add(service, path, host, port, auth, health_checks, into, dry_run))


@command(
    "Gateway",
    "route.remove",
    service="all routes to this service",
    name="one route by its name",
    into="a folder of your own, as local",
    dry_run="print the difference",
)
def route_remove(
    c: Context, service: str = "", name: str = "", into: str = "", dry_run: bool = False, json: bool = False
) -> None:
    """Remove a route: --name ROUTE, or --service S for all of a service."""
    from stack.commands import route

    _run("route.remove", json, lambda: route.remove(service, name, into, dry_run))


@command("Models", "models.list")
def models_list(c: Context, json: bool = False) -> None:
    """List the models of the running Ollama."""
    from stack.commands import models

    _run("models.list", json, models.listed)


@command("Models", "models.pull", name="the model; without it, all of OLLAMA_PULL")
def models_pull(c: Context, name: str = "", json: bool = False) -> None:
    """Pull a model into the running Ollama: --name MODEL, or all of OLLAMA_PULL."""
    from stack.commands import models

    _run("models.pull", json, lambda: models.pull(name))


@command("Models", "models.remove", name="the model")
def models_remove(c: Context, name: str, json: bool = False) -> None:
    """Remove a model from the running Ollama."""
    from stack.commands import models

    _run("models.remove", json, lambda: models.remove(name))


@command("Hand over", "eject", LISTS, **SELECTION, output="the folder to write", with_secrets="also write .env")
def eject(
    c: Context,
    output: str = "",
    profile: Any = None,
    service: Any = None,
    source: Any = None,
    base_port: str = "",
    offline: bool = False,
    exact: bool = False,
    once: bool = False,
    with_secrets: bool = False,
    json: bool = False,
) -> None:
    """Write the project as plain Compose files that need nothing of this one."""
    from stack.commands import eject as module

    values = dict(locals())
    _run("eject", json, lambda: module.run(_request(values), output, with_secrets))


@command("Develop", "test", only="unit, property, model, engine or soak", k="only tests whose name matches")
def test(c: Context, only: str = "", k: str = "", json: bool = False) -> None:
    """Run the tests, real containers included."""
    from stack.commands import check

    _run("test", json, lambda: check.test(only, k))


@command("Develop", "docs")
def docs(c: Context, json: bool = False) -> None:
    """Write .env.example and the generated pages of docs/."""
    from stack.commands import docs as module

    _run("docs", json, module.run)


@command("Develop", "lint")
def lint(c: Context, json: bool = False) -> None:
    """Check style, format and types."""
    from stack.commands import check

    _run("lint", json, check.lint)

"""The commands: each function has the flags of one, calls what does it, and gives back what is to be shown."""

from typing import TYPE_CHECKING

from stack.cli.command import SELECTION, command
from stack.cli.command import namespace as namespace  # noqa: PLC0414 - Invoke looks for it here

if TYPE_CHECKING:
    from stack.output.result import Result
    from stack.planning.planner import Request

Many = tuple[str, ...]
"""A flag that can be repeated."""


@command(
    "Run",
    "up",
    *SELECTION,
    dry_run="say what would be done",
    timeout="seconds for each service to get healthy",
    recreate="make every container anew",
    bundle="a file that ./inv bundle made, for a machine without network",
)
def up(
    request: "Request",
    yes: bool = False,
    dry_run: bool = False,
    timeout: str = "300",
    recreate: bool = False,
    bundle: str = "",
) -> "Result":
    """Start what is selected and all that it needs, and wait until it is healthy."""
    from stack.commands import up as module

    return module.run(request, yes, dry_run, timeout, recreate, bundle)


@command("Run", "down", volumes="also remove the data")
def down(volumes: bool = False, yes: bool = False) -> "Result":
    """Stop and remove everything of this project; the data stays."""
    from stack.commands import down as module

    return module.run(volumes, yes)


@command("Run", "engine", stop="end what this command started")
def engine(yes: bool = False, stop: bool = False) -> "Result":
    """Install and start Docker and Compose where they are missing."""
    from stack.commands import engine as module

    return module.run(stop, yes)


@command("Run", "cluster", join="make this engine a manager, and say how another machine joins")
def cluster(join: bool = False, yes: bool = False, json: bool = False) -> "Result":
    """Say which machines are in the cluster, and what they lack."""
    from stack.commands import cluster as module

    return module.run(join, yes, json)


@command("Look", "plan", *SELECTION)
def plan(request: "Request") -> "Result":
    """Say what would run, from where, on which ports, and what would change."""
    from stack.commands import plan as module

    return module.run(request)


@command(
    "Look",
    "status",
    service="only this service (repeat)",
    watch="look again and again",
    stats="ask the engine for memory and processors",
)
def status(service: Many = (), watch: bool = False, stats: bool = False, json: bool = False) -> "Result":
    """Say how each service is: state, health, ports, memory."""
    from stack.commands import status as module

    return module.run(service, watch, stats, json)


@command("Look", "why", "profile", "source", name="the service")
def why(name: str, request: "Request") -> "Result":
    """Say why a service is in the plan, and why it does not run."""
    from stack.commands import why as module

    return module.why(name, request)


@command("Look", "ports", "profile", "source", "base_port",
         base_port="another block: its first port, or auto for a free one")  # fmt: skip
def ports(request: "Request") -> "Result":
    """Say which ports are planned, which are free, and who holds them now."""
    from stack.commands import ports as module

    return module.run(request)


@command("Look", "graph", "profile", "service", "source",
         output="write it to this file: .mmd, .dot, .svg, .png, .pdf")  # fmt: skip
def graph(request: "Request", output: str = "") -> "Result":
    """Draw who waits for whom: Mermaid, or a picture where Graphviz is installed."""
    from stack.commands import graph as module

    return module.graph(request, output)


@command("Look", "open", name="the service")
def open_(name: str) -> "Result":
    """Print where a service is reached, and open its page from a desktop."""
    from stack.commands import open as module

    return module.open_(name)


@command(
    "Look",
    "doctor",
    service="only what concerns this service (repeat)",
    check="only this check (repeat)",
    fix="mend what can be mended without losing data",
    bundle="write what a report of a bug needs to this file",
)
def doctor(
    service: Many = (),
    check: Many = (),
    fix: bool = False,
    yes: bool = False,
    bundle: str = "",
) -> "Result":
    """Say what is wrong, what that causes, and what to type."""
    from stack.commands import doctor as module

    return module.run(service, check, fix, yes, bundle)


@command("Look", "ui", port="its port (a free one, where none is given)", read_only="nothing can be changed from it",
         no_open="print the address and open no browser")  # fmt: skip
def ui(port: str = "", read_only: bool = False, no_open: bool = False) -> "Result":
    """Show the stack on a page of this machine, and act from it."""
    from stack.ui import serve

    return serve.run(port or "0", read_only, no_open)


@command("Look", "version")
def version() -> "Result":
    """Say the versions of this project, Python, the engine and Compose."""
    from stack.commands import version as module

    return module.run()


@command("Images", "lock", "profile", "service", service="only its images (repeat)", remove="no longer lock them")
def lock(request: "Request", remove: bool = False) -> "Result":
    """Write the digests of the planned images to images.lock, by which up then runs them."""
    from stack.commands import lock as module

    return module.run(request, remove)


@command("Images", "history")
def history() -> "Result":
    """List the last starts: what each changed, when, by which command."""
    from stack.commands import history as module

    return module.run()


@command("Images", "rollback", number="the start to undo, and all after it",
         data="bring back the data of the newest backup of before it, too")  # fmt: skip
def rollback(number: str = "", yes: bool = False, data: bool = False) -> "Result":
    """Go back to the state before an earlier start; the data stays unless --data."""
    from stack.commands import rollback as module

    return module.run(number, yes, data)


@command("Images", "upgrade", service="only this service (repeat)", timeout="seconds for each service to get healthy",
         without_backup="do not save the data of what moves first")  # fmt: skip
def upgrade(service: Many = (), yes: bool = False, timeout: str = "300", without_backup: bool = False) -> "Result":
    """Move what runs to what its tags are now, one service after the other; all back where one fails."""
    from stack.commands import upgrade as module

    return module.run(service, yes, timeout, without_backup)


@command("Images", "outdated")
def outdated() -> "Result":
    """Say for which pinned images the registries have newer ones."""
    from stack.commands import outdated as module

    return module.run()


@command("Images", "update", back="to before the last update", dry_run="say what is new and what it changes",
         from_="a newer release, as an archive or a folder, where this is no clone",
         base="what this folder was unpacked from, where that is not known")  # fmt: skip
def update(back: bool = False, dry_run: bool = False, from_: str = "", base: str = "") -> "Result":
    """Bring this checkout up to date, by git or from a release; what you added stays."""
    from stack.commands import update as module

    return module.run(back, dry_run, from_, base)


@command("Settings", "source", service="the service to set", to="its new source")
def source(service: str = "", to: str = "") -> "Result":
    """List where each service comes from, or set it: --service S --to SOURCE."""
    from stack.commands import source as module

    return module.run(service, to)


@command("Settings", "env.list")
def env_list() -> "Result":
    """List every setting with the layer that it comes from."""
    from stack.commands import env

    return env.listed()


@command("Settings", "env.get", name="the setting", reveal="print a secret")
def env_get(name: str, reveal: bool = False) -> "Result":
    """Print one setting."""
    from stack.commands import env

    return env.get(name, reveal)


@command("Settings", "env.set", name="the setting", value="its value; - reads it from standard input",
         changed="the program that keeps this secret has the new one already")  # fmt: skip
def env_set(name: str, value: str, changed: bool = False) -> "Result":
    """Write one setting to .env."""
    from stack.commands import env

    return env.set_(name, value, changed)


@command("Settings", "env.unset", name="the setting")
def env_unset(name: str) -> "Result":
    """Remove one setting from .env."""
    from stack.commands import env

    return env.unset(name)


@command("Settings", "env.check")
def env_check() -> "Result":
    """Say what is wrong with the settings."""
    from stack.commands import env

    return env.check()


@command("Settings", "env.migrate")
def env_migrate() -> "Result":
    """Give settings that have another name now that name, in .env."""
    from stack.commands import env

    return env.migrate()


@command(
    "Services",
    "add-service",
    name="what it is called",
    image="its image",
    build="or the folder with its Dockerfile",
    port="a port of the container (repeat)",
    profile="a profile that it is in (app, where none is given; repeat)",
    depends_on="NAME[:healthy|completed|started], and ? behind it where the service lives without (repeat)",
    env="a variable of the container (repeat)",
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
    map="a service of the file for which one of ours stands in (repeat)",
    env_file="what takes the place of the .env beside that file",
    rewrite_files="give the hosts in the files that come along their new names",
)
def add_service(
    name: str,
    image: str = "",
    build: str = "",
    port: Many = (),
    profile: Many = (),
    depends_on: Many = (),
    env: Many = (),
    secret: Many = (),
    volume: Many = (),
    source: Many = (),
    health: str = "",
    route: Many = (),
    host: Many = (),
    auth: str = "",
    alias: Many = (),
    command: str = "",
    replicas: str = "1",
    memory: str = "",
    from_compose: str = "",
    map: Many = (),  # noqa: A002
    env_file: str = "",
    rewrite_files: bool = False,
    into: str = "",
    dry_run: bool = False,
    yes: bool = False,
) -> "Result":
    """Add a service: NAME alone writes a small one to start from."""
    flags = locals()

    from stack.authoring.typed import Words
    from stack.commands import service as module

    words = Words(**{field: flags[field] for field in Words.__struct_fields__})
    return module.add(name, words, into, dry_run, yes)


@command(
    "Services",
    "remove-service",
    name="the service",
    volumes="also remove its data",
)
def remove_service(name: str, volumes: bool = False, yes: bool = False, dry_run: bool = False) -> "Result":
    """Take a service away: its files, its routes, and what runs of it."""
    from stack.commands import service as module

    return module.remove(name, volumes, yes, dry_run)


@command("Services", "service", name="the service")
def service(name: str) -> "Result":
    """Show one service: files, settings, ports, routes, edges, secrets by name, and whether it runs."""
    from stack.commands import service as module

    return module.show(name)


@command("Gateway", "route.list")
def route_list() -> "Result":
    """List the gateway's routes: address, service, who is let in."""
    from stack.commands import route

    return route.listed()


@command("Gateway", "route.test", method="GET, POST, …", url="the address, as http://n8n.localhost/")
def route_test(method: str, url: str) -> "Result":
    """Say which route, service and plugins a request meets: METHOD URL."""
    from stack.commands import route

    return route.test(method, url)


@command(
    "Gateway",
    "route.add",
    service="the service behind it",
    path="the path, as /my-service",
    host="the name, as my-service for my-service.localhost",
    port="the container's port (where it has several)",
    auth="who is let in: none, key or basic (none, where only this machine reaches the gateway)",
    health_checks="leave out replicas that fail",
)
def route_add(
    service: str = "",
    path: str = "",
    host: str = "",
    port: str = "",
    auth: str = "",
    health_checks: bool = False,
    into: str = "",
    dry_run: bool = False,
) -> "Result":
    """Add a route: --service S, and --path /x or --host NAME."""
    from stack.commands import route

    return route.add(service, path, host, port, auth, health_checks, into, dry_run)


@command(
    "Gateway",
    "route.remove",
    service="all routes to this service",
    name="one route by its name",
)
def route_remove(service: str = "", name: str = "", into: str = "", dry_run: bool = False) -> "Result":
    """Remove a route: --name ROUTE, or --service S for all of a service."""
    from stack.commands import route

    return route.remove(service, name, into, dry_run)


@command("Models", "models.list")
def models_list() -> "Result":
    """List the models of the running Ollama."""
    from stack.commands import models

    return models.listed()


@command("Models", "models.pull", name="the model; without it, all of OLLAMA_PULL")
def models_pull(name: str = "") -> "Result":
    """Pull a model into the running Ollama: --name MODEL, or all of OLLAMA_PULL."""
    from stack.commands import models

    return models.pull(name)


@command("Models", "models.remove", name="the model")
def models_remove(name: str) -> "Result":
    """Remove a model from the running Ollama."""
    from stack.commands import models

    return models.remove(name)


@command(
    "Keep",
    "backup",
    service="only the data of this service (repeat)",
    profile="only the data of this profile's services (repeat)",
    output="to this file, or folder with / at its end",
    without_secrets="leave out the secrets of .env",
    dry_run="say what would be saved, and what stands still for it",
)
def backup(service: Many = (), profile: Many = (), output: str = "", without_secrets: bool = False,
           dry_run: bool = False) -> "Result":  # fmt: skip
    """Save the data, the settings and the secrets, while everything runs."""
    from stack.commands import backup as module

    return module.run(service, profile, output, without_secrets, dry_run)


@command("Keep", "backup.list")
def backup_list() -> "Result":
    """List the backups, the oldest first."""
    from stack.commands import backup as module

    return module.listed()


@command("Keep", "backup.verify", file="a name of backup.list, a file or a folder; the latest, where none is given",
         identity="file with the age or SSH key that opens it")  # fmt: skip
def backup_verify(file: str = "", identity: str = "") -> "Result":
    """Prove a backup: restore it into volumes that are thrown away, and ask what they hold."""
    from stack.commands import restore

    return restore.verify(file, identity)


@command(
    "Keep",
    "backup.remove",
    file="a name of backup.list",
    keep="which to keep, as 7d,4w,6m: one a day, week, month",
    dry_run="say what would be removed",
)
def backup_remove(file: str = "", keep: str = "", yes: bool = False, dry_run: bool = False) -> "Result":
    """Remove one backup, or all but those to keep."""
    from stack.commands import backup as module

    return module.remove(file, keep, yes, dry_run)


@command(
    "Keep",
    "restore",
    file="a name of backup.list, a file or a folder; the latest, where none is given",
    service="only the data of this service (repeat)",
    as_="beside this one, as a project of this name",
    identity="file with the age or SSH key that opens it",
    forget="remove the data that earlier restores took the place of",
)
def restore(file: str = "", service: Many = (), as_: str = "", identity: str = "", yes: bool = False,
            forget: bool = False) -> "Result":  # fmt: skip
    """Bring a backup back; what was there before stays until that is well."""
    from stack.commands import restore as module

    return module.run(file, service, as_, identity, yes, forget)


@command(
    "Hand over",
    "eject",
    output="the folder to write",
    with_secrets="also write the secrets, to one file",
    for_="compose, or kubernetes for manifests",
    mesh="linkerd or istio: ask for its proxy, in manifests",
)
def eject(output: str = "", *, request: "Request", with_secrets: bool = False, for_: str = "",
          mesh: str = "") -> "Result":  # fmt: skip
    """Write the project as plain Compose files or Kubernetes manifests that need nothing of this one."""
    from stack.commands import eject as module

    return module.run(request, output, with_secrets, for_, mesh)


@command("Hand over", "bundle", "profile", "service", "source", "exact", output="the file to write")
def bundle(output: str = "", *, request: "Request", yes: bool = False) -> "Result":
    """Write one file with images, packages and models, for a machine without network."""
    from stack.commands import bundle as module

    return module.run(request, output, yes)


@command(
    "Develop",
    "test",
    only="unit, property, model, engine, core, gateway, soak, offline, majors or cluster",
    k="only tests whose name matches",
    fast="only those without containers",
    engine="on this engine: Docker's of Debian's trixie or sid, podman, or rootless",
)
def test(only: str = "", k: str = "", fast: bool = False, engine: str = "") -> "Result":
    """Run the tests, real containers included."""
    from stack.commands import check

    return check.test(only, k, fast, engine)


@command("Develop", "docs")
def docs() -> "Result":
    """Write .env.example and the generated pages of docs/."""
    from stack.commands import docs as module

    return module.run()


@command("Develop", "lint")
def lint() -> "Result":
    """Check style, format and types."""
    from stack.commands import check

    return check.lint()

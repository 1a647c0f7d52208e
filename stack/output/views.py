"""How results look to people: tables with rich, problems with what to type next."""

import sys
from collections.abc import Callable, Iterator
from typing import Any

from rich.console import Console, Group
from rich.table import Table
from rich.text import Text

from stack.errors import OK, Problem
from stack.output.columns import Column, Columns, Either
from stack.output.result import Result

WIDE = 10_000
"""Columns where there is no terminal: nothing is cut or broken there."""
TO_COPY = ("./inv ", "docker ", "://")
"""What makes a line one that is copied: no end of a line may get into it."""
SOFT = frozenset({
    "service-warning", "env-shadowed", "renamed-setting", "no-engine", "hidden", "unknown-setting", "unfinished",
    "left-behind", "volume-definition", "unlocked", "backup-open", "backup-keyless", "restore-older",
    "restore-differs", "restore-left", "open-ports", "node-down", "node-drained", "node-full", "node-architecture",
    "node-clock", "one-manager", "two-managers", "few-managers", "no-door",
})  # fmt: skip
"""Codes of problems that are told and stop nothing."""


def show(command: str, result: Result) -> None:
    """Print a result: its table to standard output, its problems to standard error."""
    out = _console(sys.stdout)
    views = VIEWS if out.is_terminal else {**VIEWS, **PIPED}
    body = views.get(command, _nothing)(result) if result.data else None
    if body is not None:
        _print(out, body)
    for line in result.lines:
        of_names = command in OF_NAMES and not any(word in line for word in TO_COPY)
        out.print(Text(line), soft_wrap=not of_names)
    sys.stdout.flush()  # where both go to one pipe, the notes stand behind what they are about
    errors = _console(sys.stderr)
    if result.data and command in BESIDE:
        errors.print(BESIDE[command](result))
    for problem in result.problems:
        for part, whole in _problem(problem, result.exit_code):
            errors.print(part, soft_wrap=whole)


def _console(file: Any) -> Console:
    return Console(file=file, width=None if file.isatty() else WIDE, highlight=False, markup=False, emoji=False)


def _print(out: Console, body: Any) -> None:
    """The body; without a terminal, no line of it ends in blanks."""
    if out.is_terminal:
        out.print(body, crop=False)
        return
    if not isinstance(body, str):
        with out.capture() as drawn:
            out.print(body, crop=False)
        body = drawn.get()
    out.file.write("".join(f"{line.rstrip(' ')}\n" for line in body.splitlines()))


def _problem(problem: Problem, exit_code: int) -> Iterator[tuple[Text, bool]]:
    """`error: what (where)`, and below it what to type; beside each, whether it must not be broken."""
    soft = exit_code == OK or problem.code in SOFT
    said, _, more = problem.message.partition("\n")
    text = Text.assemble(("note: " if soft else "error: ", "yellow" if soft else "bold red"), said)
    if problem.where:
        text.append(f"  [{problem.where}]", "dim")
    yield text, any(word in said for word in TO_COPY)
    if more:
        yield Text(more), True
    if problem.fix:
        yield Text.assemble(("  → ", "cyan"), problem.fix), True


def _nothing(_: Result) -> None:
    return None


OF_NAMES = frozenset({"plan", "up"})
"""Commands whose lines list names: these are broken between them."""
WORDS = "words"


def plan(result: Result) -> Group:
    """The services in their order, then what would change."""
    data = result.data
    table = Columns("service", "source", Column("image", goes=3), Column("ports", WORDS), Column("waits for", WORDS),
                    Column("tier", goes=1), Column("memory", goes=2))  # fmt: skip
    for s in data["services"]:
        name = s["name"] + (f" ×{s['containers']}" if s["containers"] > 1 else "")
        waits = ", ".join(t + ("" if e["required"] else "?") for t, e in s["depends_on"].items())
        table.add(name, s["source"], image(s["image"]), ", ".join(map(_port, s["ports"])), waits, str(s["tier"]),
                      _bytes(s["memory_bytes"]))  # fmt: skip
    chosen = f"profiles {', '.join(data['profiles'])}" if data["profiles"] else "what is asked for alone"
    title = f"{data['project']}: {chosen}, ports from {data['base_port']}"
    parts: list[Any] = [Text(title, "bold"), table, *_places(data), *_changes(data.get("changes"))]
    return Group(*parts, *_left_out(data))


def _places(data: dict[str, Any]) -> list[Any]:
    """Where each service goes on a cluster, and why; nothing where one machine has all."""
    if "placement" not in data:
        return []
    table = Columns("service", "node", Column("why", WORDS))
    for place in data["placement"]:
        table.add(place["service"], place["node"] or "any", place["why"])
    return [table]


def image(name: str) -> str:
    """An image's name, of a digest the first twelve digits."""
    before, at, digest = name.partition("@sha256:")
    return f"{before}{at}{digest[:12]}"


def _left_out(data: dict[str, Any]) -> list[Text]:
    """A line for each; it has one to copy, so the terminal alone breaks it."""
    return [Text(f"left out: {one['name']}: {one['why']}", "yellow", no_wrap=True, overflow="ignore")
            for one in data["left_out"]]  # fmt: skip


def _port(port: dict[str, Any]) -> str:
    if port["host"] is None:
        return f"any→{port['container']}"
    address = "" if port["host_ip"].startswith("127.") else f"{port['host_ip'] or '*'}:"
    return f"{address}{port['host']}"


def _changes(changes: list[dict[str, Any]] | None) -> list[Text]:
    """One line for each kind of change; nothing without a comparison."""
    if changes is None:
        return []
    words: dict[str, list[str]] = {}
    for change in changes:
        why = f" ({', '.join(change['keys'])})" if change["keys"] else ""
        words.setdefault(change["action"], []).append(change["name"] + why)
    names = {"beyond": "left alone (not selected)", "recreate": "recreate (away until healthy again)",
             "replace": "replace (the old ones stay until the new ones are healthy)"}  # fmt: skip
    return [Text(f"{names.get(action, action)}: {', '.join(who)}") for action, who in words.items()]


def _bytes(number: int | None) -> str:
    if number is None:
        return ""
    return f"{number / 2**30:.1f} GiB" if number >= 2**30 else f"{number / 2**20:.0f} MiB"


def up(result: Result) -> Any:
    """Where each service is reached, and who signs in. A dry run shows the plan, a failure only its problems."""
    if result.exit_code != OK:
        return None
    if "urls" not in result.data:
        return plan(result)
    table = Columns("service", Column("address", WORDS))
    for link in result.data["urls"]:
        table.add(link["service"], _address(link))
    parts: list[Any] = _left_out(result.data)
    shown = [Text("a password is shown by: ./inv env.get NAME --reveal", "dim")]
    return Group(*parts, table, *(shown if any(link["password"] for link in result.data["urls"]) else []))


def _address(link: dict[str, Any]) -> Text:
    """The gateway's address, beside it the direct one, and below them who signs in. It wraps between the two, so that
    each can be clicked."""
    text = Text(link["url"])
    if link["direct"]:
        text.append(f" or {link['direct']}", "dim")
    return text.append(f"\nuser {link['user']}, password {link['password']}") if link["password"] else text


STATES = {"running": "green", "done": "green", "absent": "dim", "restarting": "red"}
HEALTH = {"healthy": "green", "unhealthy": "red", "starting": "yellow"}


def status(result: Result) -> Columns:
    """One row per service."""
    clustered = any("nodes" in s for s in result.data["services"])
    table = Columns(Column("service", WORDS), Column("state", WORDS), "health", Column("source", goes=2),
                    *([Column("node", WORDS)] if clustered else []),
                    Column("ports", WORDS), "up", Column("restarts", goes=1), Column("memory", goes=3),
                    "processors")  # fmt: skip
    for s in result.data["services"]:
        state, health = s["state"], s["health"] or ""
        ports = ", ".join(dict.fromkeys(_port(p) for p in s["ports"]))
        table.add(s["name"] if s["planned"] else f"{s['name']} (not selected)",
                      Text(state, STATES.get(state.split()[0], "red" if "exited" in state else "")),
                      Text(health, HEALTH.get(health, "")), _source(s), *([", ".join(s["nodes"])] if clustered else []),
                      ports, _time(s["uptime_s"]), str(s["restarts"] or ""), _bytes(s["memory_bytes"]),
                      _processors(s["processors"]))  # fmt: skip
    return table


def _processors(share: float | None) -> str:
    return "" if share is None else f"{share:.2f}"


def _source(row: dict[str, Any]) -> str:
    """Where a service comes from, and of the gateway who serves."""
    return f"{row['source'] or ''}{f' ({engine})' if (engine := row.get('engine')) else ''}"


def _time(seconds: int | None) -> str:
    if seconds is None:
        return ""
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60)):
        if seconds >= size:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"


def source(result: Result) -> Columns | None:
    """Each service's source and its choices."""
    if "services" not in result.data:
        return None
    table = Columns("service", "source", Column("set by", goes=1), Column("it has", WORDS))
    for row in result.data["services"]:
        table.add(row["name"], row["source"], row["origin"], ", ".join(row["sources"]))
    return table


def env_list(result: Result) -> Columns:
    """Every setting."""
    table = Columns("setting", Column("value", "anywhere"), "layer")
    for row in result.data["settings"]:
        dim = "dim" if row["origin"] in ("default", "unset") else ""
        table.add(Text(row["name"], dim), Text(row["value"], dim), Text(row["origin"], dim))
    return table


def env_piped(result: Result) -> str:
    """Every setting for a program: a line with tabs."""
    rows = [f"{row['name']}\t{row['value']}\t{row['origin']}" for row in result.data["settings"]]
    return "\n".join(rows)


def env_get(result: Result) -> Text:
    """The value alone, so that a script can take it."""
    return Text(result.data["value"])


def env_layer(result: Result) -> Text:
    """The layer that says so."""
    return Text(f"from: {result.data['origin']}", "dim")


def routes(result: Result) -> Group:
    """One row per address of the gateway; below, those that it has not now."""
    planned = [row for row in result.data["routes"] if row["planned"]]
    absent = [row for row in result.data["routes"] if not row["planned"]]
    parts: list[Any] = [Either(_routes("address", planned, ""), _narrow(planned, ""))] if planned else []
    if absent:
        said = Text("\nnot there now, as what is behind is not planned", "yellow")
        parts += [said, Either(_routes("would be", absent, "dim"), _narrow(absent, "dim"), may_go=True)]
    return Group(*parts)


def _routes(title: str, rows: list[dict[str, Any]], style: str) -> Columns:
    table = Columns("route", title, Column("asks for", WORDS), Column("service", goes=1))
    for row in rows:
        words = (row["name"], _where(row), ", ".join(row["auth"]), row["service"] or "the gateway")
        table.add(*(Text(word, style) for word in words))
    return table


def _where(row: dict[str, Any]) -> str:
    return row["url"] or f"{row['host']}{row['path']}"


def _narrow(rows: list[dict[str, Any]], style: str) -> Columns:
    """The same with the address below the name, as both are long."""
    table = Columns("route", Column("asks for", WORDS))
    for row in rows:
        owner = "" if row["service"] == row["name"] else f" of {row['service'] or 'the gateway'}"
        name = Text.assemble((row["name"], style), (owner, "dim"), (f"\n  {_where(row)}", style))
        table.add(name, Text(", ".join(row["auth"]), style))
    return table


def met(result: Result) -> Group:
    """What a request meets, and why not the others."""
    data = result.data
    to = f"{data['upstream']}{data['path']}" if data["upstream"] else "answered by the gateway itself"
    parts = [Text.assemble((data["route"], "bold"), f"{' of ' if data['service'] else ''}{data['service']} → {to}")]
    parts += [
        Text(f"runs {name} ({place if place == 'global' else f'of the {place}'})")
        for name, place in data["plugins"].items()
    ]
    parts += [Text(f"Kong may take {name} instead: it ranks the same", "yellow") for name in data["also"]]
    return Group(*parts, *(Text(f"not {name}: {why}", "dim") for name, why in data["others"].items()))


def service(result: Result) -> Group:
    """One service, a line for each kind of thing; its settings as a table."""
    data = result.data
    needs = [f"{to}{'' if edge['required'] else '?'}" for to, edge in data["needs"].items()]
    running = data["containers"]
    rows = {
        "files": data["files"],
        "ports": [f"{name}={port}" for name, port in data["ports"].items()],
        "routes": [f"{row['host'] or 'any name'}{row['path']}" for row in data["routes"]],
        "waits for": needs,
        "needed by": data["needed_by"],
        "secrets": data["secrets"],
        "runs": ["no engine answers"] if running is None else running or ["no"],
    }
    parts = [Text(f"{name + ':':<11}{', '.join(values) or '–'}") for name, values in rows.items()]
    title = f"{data['name']} from {data['source']}, {'planned' if data['planned'] else 'not planned'}"
    return Group(Text(title, "bold"), *parts, *([env_list(result)] if data["settings"] else []))


def models(result: Result) -> Columns:
    """One row per model."""
    table = Columns("model", "size")
    for model in result.data["models"]:
        table.add(model["name"], _bytes(model["bytes"]))
    return table


def versions(result: Result) -> Columns:
    """One row per program."""
    table = Columns("program", Column("version", WORDS))
    for name, version in result.data.items():
        table.add(name, version or "not there")
    return table


def history(result: Result) -> Columns | None:
    """One row for each start, the newest first."""
    table = Columns("start", Column("at", goes=1), "ended", Column("changed", WORDS), Column("command", WORDS, 2),
                    Column("backup before", WORDS, 1))  # fmt: skip
    for row in result.data["starts"]:
        words: dict[str, list[str]] = {}
        for change in row["changes"]:
            words.setdefault(change["action"], []).append(change["name"])
        told = [f"{action} {', '.join(names)}" for action, names in words.items()]
        told += [f"set {', '.join(one['name'] for one in row['settings'])}"] if row["settings"] else []
        table.add(str(row["number"]), row["at"], Text(row["outcome"], "" if row["outcome"] == "done" else "yellow"),
                  "; ".join(told), row["command"], row["backup"])  # fmt: skip
    return table if result.data["starts"] else None


def lock(result: Result) -> Columns | None:
    """One row for each locked image."""
    rows = result.data.get("images") or []
    table = Columns(
        Column("image", "anywhere"), "digest", "pull", Column("made", goes=2), Column("platforms", WORDS, 1)
    )
    for row in rows:
        size = _bytes(row["download_bytes"]) if row["download_bytes"] is not None else ""
        table.add(row["image"], row["digest"].removeprefix("sha256:")[:12], size, row["created"][:10],
                  ", ".join(row["platforms"]))  # fmt: skip
    return table if rows else None


def outdated(result: Result) -> Columns | None:
    """One row for each pin that is behind, or has a newer line beyond its own."""
    rows = [row for row in result.data["images"] if row.outdated or row.beyond]
    table = Columns(Column("image", "anywhere"), "pin", "newest", Column("pull", goes=3), Column("beyond", goes=2),
                    Column("told by", goes=1))  # fmt: skip
    for row in rows:
        by = f"{row.told_by}, {row.on}" if row.told_by == "table" else row.told_by
        newest = Text(row.newest, "yellow" if row.outdated else "")
        table.add(row.name, row.pin, newest, _bytes(row.download_bytes), row.beyond, by)
    return table if rows else None


def ports(result: Result) -> Group:
    """One row per number that is planned or held, then what is free."""
    data = result.data
    table = Columns(Column("offset", goes=1), "port", "variable", "service", Column("held by", WORDS))
    for row in data["ports"]:
        dim = "" if row["planned"] else "dim"
        offset = "pinned" if row["offset"] is None else str(row["offset"])
        words = (offset, str(row["port"]), row["variable"], row["service"], row["holder"] or "nobody")
        table.add(*(Text(word, dim) for word in words))
    spans = ", ".join(str(one["first"]) if one["first"] == one["last"] else f"{one['first']}-{one['last']}"
                      for one in data["free"])  # fmt: skip
    return Group(table, Text(f"free offsets: {spans} (21 to 99 are yours); dim rows are not planned", "dim"))


GRADES = {"ok": ("✓", "green"), "warning": ("!", "yellow"), "error": ("✗", "bold red"), "skipped": ("–", "dim")}


FEW = 20
"""Checks that a screen of 24 lines has room for, a line each."""


def doctor(result: Result) -> Group:
    """What is fine in a line for each section, where there are many; then the findings, errors last, and a count."""
    rows = result.data["checks"]
    if len(rows) <= FEW:
        return checks(result)
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True)
    table.add_column()
    fine = {section: [row["id"] for row in rows if (row["section"], row["grade"]) == (section, "ok")]
            for section in dict.fromkeys(row["section"] for row in rows)}  # fmt: skip
    quiet = {**fine, "skipped": [row["id"] for row in rows if row["grade"] == "skipped"]}
    for title, names in quiet.items():
        mark = GRADES["skipped" if title == "skipped" else "ok"]
        if names:
            table.add_row(Text(title, "bold"), Text.assemble(mark, (f" {', '.join(names)}", "dim")))
    found = [row for grade in ("warning", "error") for row in rows if row["grade"] == grade]
    width = max((len(row["id"]) for row in found), default=0)
    parts = [part for row in found for part in _checked(row, width)]
    more = Text("what one saw: ./inv doctor --check ID", "dim")
    return Group(table, *parts, Text(_counted(rows)), more)


def checks(result: Result) -> Group:
    """A line for each check in its section; below a finding, what it causes and what to type. In the end, a count."""
    rows = result.data["checks"]
    width = max((len(row["id"]) for row in rows), default=0)
    parts: list[Any] = []
    section = ""
    for row in rows:
        if row["section"] != section:
            section = row["section"]
            parts.append(Text(section, "bold"))
        parts += _checked(row, width)
    return Group(*parts, Text(_counted(rows)))


def cluster(result: Result) -> Columns | None:
    """One row for each node of the cluster; this machine's is marked."""
    rows = result.data.get("nodes") or []
    table = Columns("node", "role", "state", "address", Column("disk free", goes=2), Column("memory", goes=3),
                    Column("GPUs", goes=4), Column("processor", goes=5), Column("engine", goes=6),
                    Column("labels", WORDS, 1), Column("lacks", WORDS))  # fmt: skip
    for row in rows:
        state = row["state"] if row["availability"] == "active" else f"{row['state']}, {row['availability']}"
        table.add(f"{row['name']}{' (here)' if row['here'] else ''}", "leader" if row["leader"] else row["role"],
                  Text(state, "" if state == "ready" else "yellow"), row["address"],
                  "unknown" if row["disk_free"] is None else _bytes(row["disk_free"]), _bytes(row["memory_bytes"]),
                  str(row["gpus"] or ""), row["architecture"], row["engine"],
                  ", ".join(f"{key}={value}" for key, value in sorted(row["labels"].items())),
                  ", ".join(row["missing"]))  # fmt: skip
    return table if rows else None


def _counted(rows: list[dict[str, Any]]) -> str:
    """How many findings there are of each grade, and checks that found nothing."""
    words = {"ok": ("fine", "fine"), "warning": ("warning", "warnings"), "error": ("error", "errors"),
             "skipped": ("skipped", "skipped")}  # fmt: skip
    counts = {grade: sum(row["grade"] == grade for row in rows) for grade in words}
    return ", ".join(f"{count} {words[grade][count > 1]}" for grade, count in counts.items() if count)


def _checked(row: dict[str, Any], width: int) -> list[Any]:
    """What a check saw, beside its name; below, what that causes and what to type, which is never broken."""
    mark, style = GRADES[row["grade"]]
    quiet = "dim" if row["grade"] in ("ok", "skipped") else ""
    said = f"skipped: {row['seen']}" if row["grade"] == "skipped" else row["seen"]
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(width=width + 4, no_wrap=True)
    grid.add_column(overflow="fold")
    grid.add_row(Text.assemble("  ", (mark, style), f" {row['id']}"), Text(said, quiet))
    if row["causes"]:
        grid.add_row("", Text(f"so {row['causes']}"))
    fix = Text.assemble("    ", ("→ ", "cyan"), row["fix"].replace("\n", "\n      "))
    fix.no_wrap, fix.overflow = True, "ignore"
    return [grid, fix] if row["fix"] else [grid]


VIEWS: dict[str, Callable[[Result], Any]] = {
    "plan": plan, "up": up, "status": status, "source": source, "env.list": env_list, "env.get": env_get,
    "service": service, "route.list": routes, "route.test": met, "version": versions, "models.list": models,
    "doctor": doctor, "ports": ports, "outdated": outdated,
    "lock": lock, "history": history, "cluster": cluster,
}  # fmt: skip
BESIDE: dict[str, Callable[[Result], Any]] = {"env.get": env_layer}
"""What goes to standard error, as a script is not to take it with the rest."""
PIPED: dict[str, Callable[[Result], Any]] = {"env.list": env_piped, "doctor": checks}
"""What is shown in another way where no person looks."""

"""How results look to people: tables with rich, problems with what to type next."""

import sys
from collections.abc import Callable
from typing import Any

from rich.console import Console, Group
from rich.table import Table
from rich.text import Text

from stack.errors import OK, Problem
from stack.output.result import Result

WIDE = 200
"""Columns where there is no terminal: nothing is cut there."""
SOFT = frozenset({"service-warning", "env-shadowed", "no-engine", "hidden", "unknown-setting", "unfinished"})
"""Codes of problems that are told and stop nothing."""


def show(command: str, result: Result) -> None:
    """Print a result: its table to standard output, its problems to standard error."""
    out = _console(sys.stdout)
    body = VIEWS.get(command, _nothing)(result) if result.data else None
    if body is not None:
        out.print(body)
    for line in result.lines:
        out.print(Text(line), soft_wrap=True)
    errors = _console(sys.stderr)
    for problem in result.problems:
        errors.print(_problem(problem, result.exit_code), soft_wrap=True)


def _console(file: Any) -> Console:
    return Console(file=file, width=None if file.isatty() else WIDE, highlight=False, markup=False)


def _problem(problem: Problem, exit_code: int) -> Text:
    """`error: what (where)`, and below it what to type."""
    soft = exit_code == OK or problem.code in SOFT
    text = Text.assemble(("note: " if soft else "error: ", "yellow" if soft else "bold red"), problem.message)
    if problem.where:
        text.append(f"  [{problem.where}]", "dim")
    if problem.fix:
        text.append("\n  → ", "cyan").append(problem.fix)
    return text


def _nothing(_: Result) -> None:
    return None


def _table(*columns: str) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for column in columns:
        table.add_column(column, overflow="fold")
    return table


def plan(result: Result) -> Group:
    """The services in their order, then what would change."""
    data = result.data
    table = _table("service", "source", "image", "ports", "waits for", "tier", "memory")
    for s in data["services"]:
        name = s["name"] + (f" ×{s['containers']}" if s["containers"] > 1 else "")
        waits = ", ".join(t + ("" if e["required"] else "?") for t, e in s["depends_on"].items())
        table.add_row(name, s["source"], s["image"], ", ".join(map(_port, s["ports"])), waits, str(s["tier"]),
                      _bytes(s["memory_bytes"]))  # fmt: skip
    title = f"{data['project']}: profiles {', '.join(data['profiles']) or '(none)'}, ports from {data['base_port']}"
    parts: list[Any] = [Text(title, "bold"), table, *_changes(data.get("changes"))]
    parts += [Text(f"left out: {one['name']}: {one['why']}", "yellow") for one in data["left_out"]]
    return Group(*parts)


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
    table = _table("service", "address")
    for link in result.data["urls"]:
        table.add_row(link["service"], _address(link))
    parts: list[Any] = [Text(f"left out: {one['name']}: {one['why']}", "yellow") for one in result.data["left_out"]]
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


def status(result: Result) -> Table:
    """One row per service."""
    table = _table("service", "state", "health", "source", "ports", "up", "restarts", "memory")
    for s in result.data["services"]:
        state, health = s["state"], s["health"] or ""
        ports = ", ".join(dict.fromkeys(_port(p) for p in s["ports"]))
        table.add_row(s["name"] if s["planned"] else f"{s['name']} (not selected)",
                      Text(state, STATES.get(state.split()[0], "red" if "exited" in state else "")),
                      Text(health, HEALTH.get(health, "")), s["source"] or "", ports, _time(s["uptime_s"]),
                      str(s["restarts"] or ""), _bytes(s["memory_bytes"]))  # fmt: skip
    return table


def _time(seconds: int | None) -> str:
    if seconds is None:
        return ""
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60)):
        if seconds >= size:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"


def source(result: Result) -> Table | None:
    """Each service's source and its choices."""
    if "services" not in result.data:
        return None
    table = _table("service", "source", "set by", "it has")
    for row in result.data["services"]:
        table.add_row(row["name"], row["source"], row["origin"], ", ".join(row["sources"]))
    return table


def env_list(result: Result) -> Table:
    """Every setting."""
    table = _table("setting", "value", "layer")
    for row in result.data["settings"]:
        dim = "dim" if row["origin"] in ("default", "unset") else ""
        table.add_row(Text(row["name"], dim), Text(row["value"], dim), Text(row["origin"], dim))
    return table


def env_get(result: Result) -> Text:
    """The value alone, so that a script can take it."""
    return Text(result.data["value"])


def routes(result: Result) -> Table:
    """One row per address of the gateway."""
    table = _table("route", "name", "path", "service", "asks for", "address")
    for row in result.data["routes"]:
        dim = "" if row["planned"] else "dim"
        address = row["url"] if row["planned"] else "(not planned)"
        words = (row["name"], row["host"], row["path"], row["service"] or "(the gateway itself)",
                 ", ".join(row["auth"]), address)  # fmt: skip
        table.add_row(*(Text(word, dim) for word in words))
    return table


def met(result: Result) -> Group:
    """What a request meets, and why not the others."""
    data = result.data
    to = f"{data['upstream']}{data['path']}" if data["upstream"] else "answered by the gateway itself"
    parts = [Text.assemble((data["route"], "bold"), f" of {data['service']} → {to}")]
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


def models(result: Result) -> Table | None:
    """One row per model."""
    table = _table("model", "size")
    for model in result.data["models"]:
        table.add_row(model["name"], _bytes(model["bytes"]))
    return table


def versions(result: Result) -> Table:
    """One row per program."""
    table = _table("program", "version")
    for name, version in result.data.items():
        table.add_row(name, version or "not there")
    return table


def ports(result: Result) -> Group:
    """One row per number that is planned or held, then what is free."""
    data = result.data
    table = _table("offset", "port", "variable", "service", "held by")
    for row in data["ports"]:
        dim = "" if row["planned"] else "dim"
        offset = "pinned" if row["offset"] is None else str(row["offset"])
        words = (offset, str(row["port"]), row["variable"], row["service"], row["holder"] or "nobody")
        table.add_row(*(Text(word, dim) for word in words))
    spans = ", ".join(str(one["first"]) if one["first"] == one["last"] else f"{one['first']}-{one['last']}"
                      for one in data["free"])  # fmt: skip
    return Group(table, Text(f"free offsets: {spans} (21 to 99 are yours); dim rows are not planned", "dim"))


GRADES = {"ok": ("✓", "green"), "warning": ("!", "yellow"), "error": ("✗", "bold red"), "skipped": ("–", "dim")}


def doctor(result: Result) -> Group:
    """A line for each check in its section; below a finding, what it causes and what to type. In the end, a count."""
    rows = result.data["checks"]
    width = max((len(row["id"]) for row in rows), default=0)
    parts: list[Text] = []
    section = ""
    for row in rows:
        if row["section"] != section:
            section = row["section"]
            parts.append(Text(section, "bold"))
        parts.append(_checked(row, width))
    return Group(*parts, Text(_counted(rows)))


def _counted(rows: list[dict[str, Any]]) -> str:
    """How many findings there are of each grade, and checks that found nothing."""
    words = {"ok": ("fine", "fine"), "warning": ("warning", "warnings"), "error": ("error", "errors"),
             "skipped": ("skipped", "skipped")}  # fmt: skip
    counts = {grade: sum(row["grade"] == grade for row in rows) for grade in words}
    return ", ".join(f"{count} {words[grade][count > 1]}" for grade, count in counts.items() if count)


def _checked(row: dict[str, Any], width: int) -> Text:
    mark, style = GRADES[row["grade"]]
    quiet = row["grade"] in ("ok", "skipped")
    said = f"skipped: {row['seen']}" if row["grade"] == "skipped" else row["seen"]
    text = Text.assemble(
        "  ", (mark, style), f" {row['id']:<{width}}  ", (_indented(said, width), "dim" if quiet else "")
    )
    for word, value, colour in (("so ", row["causes"], ""), ("→ ", row["fix"], "cyan")):
        if value:
            text.append(f"\n{' ' * (width + 6)}").append(word, colour).append(_indented(value, width))
    return text


def _indented(text: str, width: int) -> str:
    return text.replace("\n", f"\n{' ' * (width + 6)}")


VIEWS: dict[str, Callable[[Result], Any]] = {
    "plan": plan, "up": up, "status": status, "source": source, "env.list": env_list, "env.get": env_get,
    "service": service, "route.list": routes, "route.test": met, "version": versions, "models.list": models,
    "doctor": doctor, "ports": ports,
}  # fmt: skip

"""The plan as a picture: tiers from top to bottom, or from left to right where there are many services, an arrow from
what starts first to what waits for it. Pure.

Arrows that follow from others are left out: who waits for the database's job waits for the database, too."""

from collections.abc import Iterable, Mapping

import msgspec

from stack.planning.plan import Plan, Service

COLOURS = {
    "container": ("#e8f0fe", "#4a6fa5"),
    "build": ("#e6f4ea", "#4c8055"),
    "localhost": ("#fef3d6", "#a57c1b"),
    "external": ("#fde4d8", "#b0562b"),
    "container-gpu": ("#efe3fb", "#7a4fa3"),
}
"""Fill and line of each source; others look like `container`."""


class Arrow(msgspec.Struct, frozen=True, order=True):
    """From what starts first to what waits for it; not `required` where it lives without."""

    first: str
    then: str
    required: bool


def arrows(services: Iterable[Service]) -> list[Arrow]:
    """The edges of a plan without those that follow from the others."""
    edges = {s.name: {to: e.required for to, e in s.depends_on.items()} for s in services}
    below = _below(edges)
    kept = []
    for name, targets in edges.items():
        for target, required in targets.items():
            others = [to for to in targets if to != target and (targets[to] or not required)]
            if not any(target in below.get(to, set()) for to in others):
                kept.append(Arrow(target, name, required))
    return sorted(kept)


def _below(edges: Mapping[str, Mapping[str, bool]]) -> dict[str, set[str]]:
    """What each service waits for over required edges, directly or through others."""
    found: dict[str, set[str]] = {}

    def visit(name: str) -> set[str]:
        if name not in found:
            found[name] = set()
            direct = [to for to, required in edges.get(name, {}).items() if required]
            found[name] = {*direct, *(far for to in direct for far in visit(to))}
        return found[name]

    for name in edges:
        visit(name)
    return found


COLUMN = 4
"""Services that nobody waits for and that wait for nobody stand in columns of so many, so as not to widen the rows."""


def columns(services: Iterable[Service], drawn: Iterable[Arrow]) -> list[list[str]]:
    """The services without an arrow, in columns; none where that would be one column alone."""
    linked = {name for arrow in drawn for name in (arrow.first, arrow.then)}
    lone = [service.name for service in services if service.name not in linked]
    parts = [lone[n : n + COLUMN] for n in range(0, len(lone), COLUMN)]
    return parts if len(parts) > 1 else []


LARGE = 16
"""From so many services on, the picture goes from left to right: a row of names is wider than any page."""


def _direction(plan: Plan) -> str:
    return "LR" if len(plan.services) >= LARGE else "TB"


class Legend(msgspec.Struct, frozen=True):
    """What the signs mean, as far as a picture has them: ids (none is a service's), words, arrows, a job's id."""

    boxes: dict[str, str]
    arrows: list[tuple[str, str, bool]]
    job: str
    sources: dict[str, str]


def legend(plan: Plan, drawn: Iterable[Arrow]) -> Legend:
    """The legend of a plan's picture."""
    kinds = {arrow.required for arrow in drawn}
    boxes: dict[str, str] = {}
    between: list[tuple[str, str, bool]] = []
    for required, first, then in ((True, "starts first", "waits for it"), (False, "may be absent", "lives without it")):
        if required in kinds:
            ids = (f"legend_{'needed' if required else 'absent'}", f"legend_{'waits' if required else 'without'}")
            boxes |= dict(zip(ids, (first, then), strict=True))
            between.append((*ids, required))
    job = "legend_job" if any(service.one_shot for service in plan.services) else ""
    sources = {
        f"legend_{source.replace('-', '_')}": source for source in sorted({_look(s.source) for s in plan.services})
    }
    return Legend(boxes, between, job, sources)


def _legend_in_mermaid(plan: Plan, drawn: Iterable[Arrow]) -> list[str]:
    found = legend(plan, drawn)
    lines = ['  subgraph legend["what the signs mean"]', f"    direction {_direction(plan)}"]
    lines += [f'    {name}["{words}"]' for name, words in found.boxes.items()]
    lines += [f"    {first} {'-->' if required else '-.->'} {then}" for first, then, required in found.arrows]
    lines += [f'    {found.job}(["a job, which ends"])'] if found.job else []
    lines += [f'    {name}["from {source}"]:::{source}' for name, source in found.sources.items()]
    return [*lines, "  end"]


def _legend_in_dot(plan: Plan, drawn: Iterable[Arrow]) -> list[str]:
    found = legend(plan, drawn)
    lines = [
        "  subgraph cluster_legend {",
        '    label="what the signs mean"; fontname="Helvetica"; fontsize=11; color="#98a2b3";',
    ]
    lines += [f'    "{name}" [label="{words}", fillcolor="white"];' for name, words in found.boxes.items()]
    lines += [f'    "{first}" -> "{then}"{_style(required)};' for first, then, required in found.arrows]
    lines += [f'    "{found.job}" [label="a job, which ends", shape=ellipse, fillcolor="white"];'] if found.job else []
    for name, source in found.sources.items():
        lines.append(
            f'    "{name}" [label="from {source}", fillcolor="{COLOURS[source][0]}", color="{COLOURS[source][1]}"];'
        )
    return [*lines, "  }"]


def _style(required: bool) -> str:
    return "" if required else " [style=dashed]"


def mermaid(plan: Plan) -> str:
    """The picture as a Mermaid flowchart."""
    drawn = arrows(plan.services)
    lines = [f"flowchart {_direction(plan)}"]
    lines += [f"  {_box(service)}" for service in plan.services]
    lines += [f"  {' ~~~ '.join(column)}" for column in columns(plan.services, drawn)]
    lines += [f"  {a.first} {'-->' if a.required else '-.->'} {a.then}" for a in drawn]
    for source in sorted({_look(s.source) for s in plan.services}):
        fill, line = COLOURS[source]
        members = ",".join(s.name for s in plan.services if _look(s.source) == source)
        lines += [f"  classDef {source} fill:{fill},stroke:{line},color:#111", f"  class {members} {source}"]
    lines += _legend_in_mermaid(plan, drawn)
    return "\n".join(lines) + "\n"


def _box(service: Service) -> str:
    """A service as a box, a job as a rounded one."""
    left, right = ("([", "])") if service.one_shot else ("[", "]")
    return f'{service.name}{left}"{"<br/>".join(_words(service))}"{right}'


def _words(service: Service) -> list[str]:
    """What stands in a box: the name, how many there are, and the source where it is not the usual one."""
    name = f"{service.name} ×{service.containers}" if service.containers > 1 else service.name
    return [name] if service.source == "container" else [name, service.source]


def _look(source: str) -> str:
    return source if source in COLOURS else "container"


def dot(plan: Plan) -> str:
    """The picture for Graphviz: a tier is a row, or a column where it goes from left to right."""
    lines = [
        "digraph plan {",
        f'  rankdir={_direction(plan)}; ranksep=0.7; nodesep=0.25; bgcolor="white";',
        '  node [shape=box, style="filled,rounded", fontname="Helvetica", fontsize=11, margin="0.12,0.06"];',
        '  edge [color="#667085", arrowsize=0.6];',
    ]
    for service in plan.services:
        fill, line = COLOURS[_look(service.source)]
        shape = "ellipse" if service.one_shot else "box"
        label = "\\n".join(_words(service))
        lines.append(f'  "{service.name}" [label="{label}", shape={shape}, fillcolor="{fill}", color="{line}"];')
    drawn = arrows(plan.services)
    aside = columns(plan.services, drawn)
    lone = {name for column in aside for name in column}
    rows = [_quoted(name for name in tier if name not in lone) for tier in plan.order]
    lines += [f"  {{rank=same; {'; '.join(row)}}}" for row in rows if row]
    lines += [f"  {' -> '.join(_quoted(column))} [style=invis];" for column in aside]
    for arrow in drawn:
        lines.append(f'  "{arrow.first}" -> "{arrow.then}"{_style(arrow.required)};')
    lines += _legend_in_dot(plan, drawn)
    return "\n".join([*lines, "}"]) + "\n"


def _quoted(names: Iterable[str]) -> list[str]:
    return [f'"{name}"' for name in names]

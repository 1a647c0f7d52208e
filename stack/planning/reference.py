"""What is written from the catalogue: .env.example and docs/services.md. Pure."""

from collections.abc import Collection, Iterable, Mapping

from stack.env import public
from stack.env.settings import CORE
from stack.names import variable
from stack.planning import model
from stack.planning.catalog import Catalog, Entry, Fragment
from stack.planning.model import Model

SUFFIXES = {
    "SOURCE": "where it comes from: {sources}",
    "IMAGE": "its image",
    "SCALE": "number of its containers",
    "BIND_ADDRESS": "address on which its ports are published",
    "MEMORY": "memory limit of each container",
    "LOCALHOST_PORT": "localhost: port of the program on this machine",
    "EXTERNAL_URL": "external: its address",
}
"""What a service's settings of these names mean; any other is explained in its fragment (x-stack, settings)."""
KINDS = {"asked": "only you know it", "optional": "only you know it; may stay empty"}
EXAMPLE_HEAD = """\
# Every setting with its default, commented out. Copy what you change to .env, or let ./inv write it there:
#   ./inv env.set NAME VALUE
# A file without changes pins nothing. Secrets are made by the first `./inv up` and kept in .env. This file is
# written from the fragments by `./inv docs`.
"""


def meanings(catalog: Catalog) -> dict[str, tuple[str, str, str]]:
    """Every setting of the catalogue: its fragment ("" for the project's own), default, and meaning. A setting
    that several fragments read stands at the one that explains it, else at the first."""
    found = {setting.name: ("", setting.default, setting.meaning) for setting in CORE}
    entries = {name: _entries(catalog, fragment) for name, fragment in catalog.fragments.items()}
    explained = {
        name: text for of in entries.values() for entry in of.values() for name, text in entry.settings.items()
    }
    read = {name for file in catalog.files.values() for name in file.variables}
    rows = [
        (fragment.name, *row)
        for fragment in catalog.fragments.values()
        for row in _of(catalog, fragment, entries[fragment.name], explained, read)
    ]
    mine = {(owner, name) for owner, of in entries.items() for entry in of.values() for name in entry.settings}
    # First the fragment that explains it, then one that knows it by its usual name, then any that reads it.
    rows.sort(key=lambda row: ((row[0], row[1]) not in mine, not row[3]))
    for fragment_name, name, default, meaning in rows:
        found.setdefault(name, (fragment_name, default, meaning))
    return found


def _of(catalog: Catalog, fragment: Fragment, entries: Mapping[str, Entry], explained: Mapping[str, str],
        read: Collection[str]) -> Iterable[tuple[str, str, str]]:  # fmt: skip
    """The settings of one fragment, with an empty meaning for one that nothing explains; `read` are all that any file
    reads."""
    services = {s for path in fragment.layers for s in catalog.files[path].services}
    ports = {name: offset for entry in entries.values() for name, offset in entry.ports.items()}
    secrets = {name: kind for entry in entries.values() for name, kind in entry.secrets.items()}
    defaults = _defaults(catalog, fragment, entries, read)
    sources = ", ".join(fragment.sources())
    usual = {variable(s, suffix): text.format(sources=sources) for s in services for suffix, text in SUFFIXES.items()}
    yield variable(fragment.name, "SOURCE"), "container", usual[variable(fragment.name, "SOURCE")]
    for name, offset in ports.items():
        yield name, "", f"published port; by default BASE_PORT + {offset}"
    for name, kind in secrets.items():
        yield name, "", f"secret; {KINDS.get(kind, 'made by the first start')}"
    for name, default in defaults.items():
        if name not in ports and name not in secrets:
            yield name, default, explained.get(name) or usual.get(name, "")


def _entries(catalog: Catalog, fragment: Fragment) -> dict[str, Entry]:
    """The entries of a fragment's services, every source's files put together."""
    names = {name for path in fragment.paths() for name in catalog.files[path].entries}
    return {name: catalog.entry(name, fragment.paths()) for name in sorted(names)}


def _defaults(catalog: Catalog, fragment: Fragment, entries: Mapping[str, Entry],
              read: Collection[str]) -> dict[str, str]:  # fmt: skip
    """The variables that a fragment's files read, with the first default that one of them gives; and what is declared,
    though no file reads it: a variable that is named without a value."""
    found: dict[str, str] = {}
    for path in fragment.paths():
        for name, default in catalog.files[path].variables.items():
            if name not in public.DERIVED:
                found[name] = found.get(name) or default or ""
    declared = [name for entry in entries.values() for name in entry.settings]
    return found | {name: "" for name in declared if name not in read}


def example(catalog: Catalog) -> str:
    """.env.example: a block for each fragment, the project's own settings first."""
    blocks: dict[str, list[str]] = {"": []}
    for name, (fragment, default, meaning) in meanings(catalog).items():
        blocks.setdefault(fragment, []).append(f"# {meaning}\n# {name}={_quoted(default)}")
    parts = [EXAMPLE_HEAD]
    for fragment in ["", *sorted(blocks.keys() - {""})]:
        title = f"{fragment}: {_about(catalog, fragment)}" if fragment else "The project"
        parts.append(f"\n## {title}\n\n" + "\n".join(blocks[fragment]) + "\n")
    return "".join(parts)


def _quoted(value: str) -> str:
    """A default as .env would hold it; one that refers to other settings stands as it is."""
    from stack.env.envfile import quote

    return value if "${" in value else quote(value)


def _about(catalog: Catalog, name: str) -> str:
    fragment = catalog.fragments[name]
    return catalog.entry(name, fragment.layers).about


SERVICES_HEAD = """\
# Services

Written from the fragments by `./inv docs`. A service's file is `compose/NAME.yml`; its other sources are
`overrides/NAME/SOURCE.yml`. Ports are those of BASE_PORT 63000. Settings with their meaning: `.env.example`.
"""


def services(catalog: Catalog, merged: Model, routes: Mapping[str, list[str]]) -> str:
    """docs/services.md: what each service is, sources, ports, address inside, secrets, memory, and by service the
    `routes` of the gateway."""
    parts = [SERVICES_HEAD]
    raw = model.services(merged)
    parts.append("\n| service | profiles | sources | ports | inside | memory |\n|---|---|---|---|---|---|\n")
    for name, fragment in catalog.fragments.items():
        parts.append(_row(name, fragment, _entries(catalog, fragment), raw))
    owned: dict[str, list[str]] = {}
    for setting, (owner, _, _) in meanings(catalog).items():
        owned.setdefault(owner, []).append(setting)
    for name, fragment in catalog.fragments.items():
        parts.append(_section(catalog, name, fragment, raw, owned.get(name, []), routes))
    return "".join(parts)


def _row(name: str, fragment: Fragment, entries: Mapping[str, Entry], raw: Mapping[str, model.Service]) -> str:
    entry = entries[name]
    memory = model.memory_bytes(raw[name])
    cells = [
        f"[{name}](#{name})",
        ", ".join(raw[name].get("profiles") or []),
        ", ".join(s for s in fragment.sources() if s != "disabled"),
        ", ".join(str(63000 + offset) for offset in entry.ports.values()) or "–",
        f"`{entry.url}`" if entry.url else "–",
        f"{memory // 2**20} MiB" if memory else "–",
    ]
    return f"| {' | '.join(cells)} |\n"


def _section(catalog: Catalog, name: str, fragment: Fragment, raw: Mapping[str, model.Service], owned: list[str],
             routes: Mapping[str, list[str]]) -> str:  # fmt: skip
    entries = {n: catalog.entry(n, fragment.layers) for n in _entries(catalog, fragment) if n in raw}
    main = entries[name]
    lines = [f"\n## {name}\n", f"{main.about}.\n", f"- image: `{raw[name].get('image', '')}`"]
    companions = [f"`{n}` ({entry.about})" for n, entry in entries.items() if n != name]
    secrets = sorted({s for entry in entries.values() for s in entry.secrets})
    settings = sorted(setting for setting in owned if setting not in secrets)
    waits = [
        t + ("" if e.get("required", True) else " (if planned)") for t, e in (raw[name].get("depends_on") or {}).items()
    ]
    volumes = sorted({v for n in entries for v in model.named_volumes(raw[n])})
    ways = [way for n in entries for way in routes.get(n, [])]
    for title, items in (("companions", companions), ("at the gateway", ways), ("waits for", waits),
                         ("uses where planned", main.connections), ("secrets", secrets), ("volumes", volumes),
                         ("settings", settings)):  # fmt: skip
        if items:
            lines.append(f"- {title}: {', '.join(items)}")
    if main.download:
        lines.append(f"- download: {main.download}")
    return "\n".join(lines) + "\n"

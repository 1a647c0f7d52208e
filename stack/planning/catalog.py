"""The catalogue: what fragments and overrides say in `x-stack`, and which files make a service.

Pure: file texts in, values out. Everything else that a fragment says is read by Compose itself."""

import functools
import re
from collections.abc import Callable, Collection, Iterable
from typing import Any

import msgspec

from stack.errors import Problem, StackError
from stack.names import cut, echoed, suggest

NAME = re.compile(r"[a-z][a-z0-9-]{0,39}")
SETTING = re.compile(r"[A-Z][A-Z0-9]*(_[A-Z0-9]+)*")
"""The name of a port variable or a secret: Compose can read it, and its token (model.token) stands out."""
SECRET_KIND = re.compile(r"hex(:\d+)?|sk|sb_publishable|sb_secret|password|jwt:[a-z_]+|asked|optional")
FAR = frozenset({"localhost", "external"})
"""Sources whose program is somewhere else: their secrets are never generated."""

RESOURCES = ("networks", "volumes", "secrets", "configs")
"""The sections of a file that declare what services share."""

PLAIN = "container"
DISABLED = "disabled"


class Login(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who signs in on a service's page: a user (literal, or `${SETTING}`), and the setting with the password."""

    user: str
    password: str


class Dump(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a program writes out of its data: `save` runs in its container and prints it, `restore` takes it in. With
    `each`, whose lines are names, there is one for each, and both find it in ITEM. `beside`: `save` asks the program by
    the network, and runs in another container of the image, from which bytes come quicker. `stopped`: `restore` runs in
    a container of the image in place of the program."""

    name: str
    save: list[str]
    restore: list[str]
    each: list[str] = []
    beside: bool = False
    stopped: bool = False


class Backup(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How one service is backed up: see docs/backup.md. Without a word, its volumes are copied while it is paused."""

    dumps: list[Dump] = []
    files: list[str] = []
    leave: dict[str, str] = {}
    fit: list[str] = []
    question: list[str] = []


class Entry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One service's `x-stack` entry: what Compose has no word for; each key is described in docs/reference.md."""

    about: str = ""
    ports: dict[str, int] = {}
    secrets: dict[str, str] = {}
    kept: dict[str, str] = {}
    change: dict[str, str] = {}
    url: str | None = None
    scalable: bool = True
    login: Login | None = None
    page: str | None = None
    outside: bool = False
    connect: dict[str, str] = {}
    connections: list[str] = []
    settings: dict[str, str] = {}
    download: str = ""
    gpu: str = ""
    opt_in: bool = False
    metrics: int = 0
    retry: str = ""
    backup: Backup = Backup()


class File(msgspec.Struct, frozen=True):
    """What one fragment or override file says: its `x-stack` entries, its services (None for one that it
    drops), the variables it reads with their default (None where it has none), and what else it declares: networks,
    volumes, secrets and configs as `volumes.NAME`, any other section by its key. `lines` are as joining.lines gives
    them."""

    entries: dict[str, dict[str, Any]]
    services: dict[str, bool]
    variables: dict[str, str | None]
    declares: list[str] = []
    lines: dict[str, tuple[int, int]] = {}


class Fragment(msgspec.Struct, frozen=True):
    """A service's files: the fragment's layers, and for each source the layers of its override."""

    name: str
    layers: tuple[str, ...]
    overrides: dict[str, tuple[str, ...]]
    always: tuple[str, ...]

    def sources(self) -> list[str]:
        """The sources there are: the fragment alone, one per override, and none at all."""
        return [PLAIN, *sorted(self.overrides), DISABLED]

    def paths(self) -> list[str]:
        """Every file of this service, whatever the source."""
        return [*self.layers, *self.always, *(path for paths in self.overrides.values() for path in paths)]

    def files(self, source: str) -> list[str]:
        """The `-f` files of this service from `source`, in their order."""
        return [*self.layers, *self.overrides.get(source, ()), *self.always]


class Catalog(msgspec.Struct, frozen=True, dict=True):
    """All fragments by name, what each file says, and the base that they share (the network), whose overrides
    are the other ways to lay the network out."""

    fragments: dict[str, Fragment]
    files: dict[str, File]
    base: Fragment

    def fragment_of(self, service: str) -> str:
        """The fragment that declares `service` (a companion's is its main service's)."""
        return service if service in self.fragments else self._declared[service]

    def services(self) -> list[str]:
        """Every service of every fragment, companions included, whatever the sources."""
        return sorted(self._declared)

    @functools.cached_property
    def _declared(self) -> dict[str, str]:
        """Each service with the first fragment that declares it."""
        found: dict[str, str] = {}
        for fragment in self.fragments.values():
            for path in fragment.paths():
                for service in self.files[path].services:
                    found.setdefault(service, fragment.name)
        return found

    def entry(self, service: str, paths: Iterable[str]) -> Entry:
        """`service`'s entry as the layers `paths` merge it, later ones winning key by key, as Compose merges."""
        merged: dict[str, Any] = {}
        for path in paths:
            for key, value in self.files[path].entries.get(service, {}).items():
                both = isinstance(value, dict) and isinstance(merged.get(key), dict)
                merged[key] = {**merged[key], **value} if both else value
        return msgspec.convert(merged, Entry)


def arrange(paths: Iterable[str], roots: list[str]) -> tuple[dict[str, Fragment], Fragment]:
    """Sort file paths into fragments and the base that they share. `roots` lists the folders from the shipped tree ("")
    to the user's own; a file of the same path in a later root is a further layer of the same service."""
    known = set(paths)
    names = {m[1] for path in known if (m := re.search(r"(?:^|/)compose/([^/]+)\.yml$", path))}
    overrides: dict[str, set[str]] = {}
    for path in known:
        if match := re.search(r"(?:^|/)overrides/([^/]+)/([^/]+)\.yml$", path):
            overrides.setdefault(match[1], set()).add(match[2])
    fragments = {}
    for name in sorted(names):
        fragments[name] = Fragment(
            name,
            _layers(known, roots, f"compose/{name}.yml"),
            {
                source: _layers(known, roots, f"overrides/{name}/{source}.yml")
                for source in sorted(overrides.get(name, set()) - {"any"})
            },
            _layers(known, roots, f"overrides/{name}/any.yml"),
        )
    base = fragments.pop("base", Fragment("base", (), {}, ()))
    return fragments, base


def _layers(known: set[str], roots: list[str], path: str) -> tuple[str, ...]:
    """The layers of one path, from the shipped root to the user's."""
    return tuple(full for root in roots if (full := f"{root}/{path}" if root else path) in known)


def check(catalog: Catalog) -> list[Problem]:
    """What is wrong with the catalogue as a whole: names, and overrides of no service."""
    problems = []
    for name, fragment in catalog.fragments.items():
        path = fragment.layers[0]
        if not NAME.fullmatch(name):
            message = f'"{name}" is no service name: lower case letters, digits and hyphens, a letter first, at most 40'
            problems.append(Problem("service-name", message, path, f"rename {path}"))
        elif name not in catalog.files[path].services:
            problems.append(Problem("fragment-service", f"the file declares no service named {name}", path,
                                    f"name the service as the file, or rename {path}"))  # fmt: skip
    return [*problems, *_shared(catalog), *_twins(catalog), *_strays(catalog), *_unconnected(catalog)]


def _shared(catalog: Catalog) -> list[Problem]:
    """Services in the files that all fragments share: they would have no name, source or setting of their own."""
    message = "this file is what all fragments share, so it declares no service"
    return [
        Problem("shared-service", message, f"{path}: services.{name}", f"move it to compose/{name}.yml")
        for path in catalog.base.layers
        for name in catalog.files[path].services
    ]


def _strays(catalog: Catalog) -> list[Problem]:
    """Entries of `x-stack` for a service that its fragment does not have."""
    problems = []
    for fragment in catalog.fragments.values():
        services = {s for path in fragment.paths() for s in catalog.files[path].services}
        for path in fragment.paths():
            for service in sorted(catalog.files[path].entries.keys() - services):
                hint = suggest(service, services) or f"name one of {', '.join(sorted(services))}"
                message = f"{fragment.name} has no service {echoed(service)}"
                problems.append(Problem("x-stack-service", message, f"{path}: x-stack.{service}", hint))
    return problems


def _unconnected(catalog: Catalog) -> list[Problem]:
    """Connections to what is no service, or does not say how it is reached."""
    entries = [(path, name, entry) for path, file in catalog.files.items() for name, entry in file.entries.items()]
    reached = sorted({name for _, name, entry in entries if entry.get("connect")})
    problems = []
    for path, name, entry in entries:
        for other in map(str, entry.get("connections", [])):
            if other not in reached:
                hint = suggest(other, reached) or f"name one of {', '.join(reached)}"
                message = f"there is no service {other!r} that has a `connect`"
                problems.append(Problem("connection", message, f"{path}: x-stack.{name}.connections", hint))
    return problems


def _twins(catalog: Catalog) -> list[Problem]:
    """Names declared by two fragments, and names that would share variables (a-b and a_b never both match)."""
    owners: dict[str, str] = {}
    problems = []
    for fragment in catalog.fragments.values():
        for service in {s for path in fragment.layers for s in catalog.files[path].services}:
            other = owners.setdefault(service, fragment.name)
            if other != fragment.name:
                message = f"service {service} stands in two fragments: {other} and {fragment.name}"
                problems.append(Problem("service-twice", message, fragment.layers[0], "rename one of the two"))
    return problems


def orphans(paths: Iterable[str], fragments: Collection[str]) -> list[Problem]:
    """Override files of a service that has no fragment."""
    found = []
    for path in sorted(paths):
        match = re.search(r"(?:^|/)overrides/([^/]+)/[^/]+\.yml$", path)
        if match and match[1] not in fragments:
            message = f"an override of {match[1]}, which has no fragment"
            found.append(Problem("override-orphan", message, path, f"add compose/{match[1]}.yml or remove {path}"))
    return found


def read_file(path: str, document: Any, variables: dict[str, str | None]) -> File:
    """Check one parsed YAML document and keep what the catalogue needs of it.

    Raises StackError with every problem: unknown key, wrong type, wrong secret kind; each names the file and
    the path in it."""
    problems: list[Problem] = []
    document = document if document is not None else {}
    if not isinstance(document, dict):
        message = f"expected a mapping, got {_shown(document)}"
        raise StackError(Problem("fragment", message, path, "see compose/redis.yml for one"))
    entries = _mapping(document.get("x-stack"), path, "x-stack", problems)
    services = _mapping(document.get("services"), path, "services", problems)
    checked = {str(name): _entry(path, name, raw, problems) for name, raw in entries.items()}
    for name, value in services.items():
        _mapping(value, path, f"services.{name}", problems)
    if problems:
        raise StackError(problems)
    declares = [label for section, value in document.items() for label in _labels(str(section), value)]
    return File(checked, {str(name): value is not None for name, value in services.items()}, variables, declares)


def _labels(section: str, value: Any) -> list[str]:
    """What a section of a file declares, as `File.declares` has it."""
    if section in ("services", "x-stack"):
        return []
    if section in RESOURCES and isinstance(value, dict | None):
        return [f"{section}.{name}" for name in value or {}]
    return [section]


def _mapping(value: Any, path: str, where: str, problems: list[Problem]) -> dict[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        _expected(path, where, "a mapping", value, problems)
        return {}
    return value


KEYS: dict[str, tuple[str, type | tuple[type, ...]]] = {
    "about": ("a text", str), "ports": ("a mapping", dict), "secrets": ("a mapping", dict), "kept": ("a mapping", dict),
    "change": ("a mapping", dict),
    "url": ("a text", (str, type(None))), "scalable": ("true or false", bool), "login": ("a mapping", dict),
    "page": ("a text", str), "outside": ("true or false", bool), "connect": ("a mapping", dict),
    "connections": ("a list", list),
    "settings": ("a mapping", dict), "download": ("a text", str), "gpu": ("a text", str),
    "opt_in": ("true or false", bool), "metrics": ("a port", int), "retry": ("a text", str),
    "backup": ("a mapping", dict),
}  # fmt: skip
"""The keys of an entry, and what each must be; KINDS goes on with what stands in a mapping."""


def _entry(path: str, service: str, raw: Any, problems: list[Problem]) -> dict[str, Any]:
    """One raw entry, with a problem for each part that does not fit."""
    where = f"x-stack.{service}"
    entry = _mapping(raw, path, where, problems)
    for key, value in entry.items():
        if key not in KEYS:
            problems.append(_unknown(path, where, key, sorted(KEYS)))
        elif not isinstance(value, KEYS[key][1]):
            _expected(path, f"{where}.{key}", KEYS[key][0], value, problems)
    for key, (named, expectation) in KINDS.items():
        for name, value in _of(entry, key).items():
            if not (isinstance(name, str) and named.fullmatch(name)):
                _expected(path, f"{where}.{key}", "names such as MY_SERVICE_PORT", name, problems)
            if expected := expectation(value):
                _expected(path, f"{where}.{key}.{name}", expected, value, problems)
    problems += _backup(path, f"{where}.backup", _of(entry, "backup"))
    login = _of(entry, "login")
    problems += [_unknown(path, f"{where}.login", key, LOGIN) for key in login if key not in LOGIN]
    for key in LOGIN if login else ():
        if not isinstance(login.get(key), str):
            _expected(path, f"{where}.login.{key}", "a text", login.get(key), problems)
    return entry


def _backup(path: str, where: str, value: dict[str, Any]) -> list[Problem]:
    try:
        msgspec.convert(value, Backup)
    except msgspec.ValidationError as error:
        what, _, at = str(error).partition(" - at `$")
        at = f"{path}: {where}{at.rstrip('`')}"
        return [Problem("x-stack-type", f"{what[0].lower()}{what[1:]}", at, f"edit {path}")]
    return []


def _offset(value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, int):
        return "an integer"
    return "" if 0 <= value <= 199 else "an offset from 0 to 199"


def _kind(value: Any) -> str:
    good = isinstance(value, str) and SECRET_KIND.fullmatch(value)
    return "" if good else "hex, hex:LENGTH, sk, sb_publishable, sb_secret, password, jwt:ROLE, asked or optional"


def _text(value: Any) -> str:
    return "" if isinstance(value, str) else "a text"


LOGIN = list(Login.__struct_fields__)
KINDS: dict[str, tuple[re.Pattern[str], Callable[[Any], str]]] = {
    "ports": (SETTING, _offset), "secrets": (SETTING, _kind), "settings": (SETTING, _text),
    "connect": (re.compile(r".+"), _text), "kept": (SETTING, _text), "change": (SETTING, _text),
}  # fmt: skip
"""What the keys of an entry's mappings look like, and a check of each value that says what is expected."""


def _of(entry: dict[str, Any], key: str) -> dict[str, Any]:
    value = entry.get(key)
    return value if isinstance(value, dict) else {}


def _unknown(path: str, where: str, key: str, known: list[str]) -> Problem:
    hint = suggest(str(key), known) or f"known are {', '.join(known)}"
    return Problem("x-stack-key", f"unknown key {echoed(str(key))}", f"{path}: {where}.{key}", hint)


def _expected(path: str, where: str, what: str, got: Any, problems: list[Problem]) -> None:
    message = f"expected {what}, got {_shown(got)}"
    problems.append(Problem("x-stack-type", message, f"{path}: {where}", f"edit {path}"))


def _shown(value: Any) -> str:
    """A value as a message shows it: texts quoted, so that "17" and 17 look different."""
    if isinstance(value, str | int | float | bool | None):
        return cut(msgspec.json.encode(value).decode())
    return "a list" if isinstance(value, list) else "a mapping" if isinstance(value, dict) else str(value)

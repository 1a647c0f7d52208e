"""What holds for all services of somebody's Compose file that are carried: their names here, and the settings and
secrets that stand for what they hold. Pure."""

import re
from collections.abc import Collection, Iterator, Mapping
from pathlib import PurePosixPath
from typing import Any, NamedTuple

from stack.authoring import credentials, fragment, renaming
from stack.authoring.definition import Definition
from stack.authoring.losses import Loss
from stack.env.variables import Reference, pieces
from stack.names import variable

Services = Mapping[str, dict[str, Any]]


class Here(NamedTuple):
    """What it is carried into: our project with its `services`, their `aliases` in the network and all `settings`, and
    whether to `rewrite` what comes along and names a host by its old name."""

    project: str = ""
    services: Collection[str] = ()
    aliases: Collection[str] = ()
    settings: Collection[str] = ()
    rewrite: bool = False


class File(NamedTuple):
    """A Compose file as Compose resolves it. A service's `environment` is as written, with its variables; all else has
    their values. `values` are what the file's own `.env` and the shell give the variables; `volumes` are its top-level
    ones, `kept` the files that come along, by path. `secrets` are the values of the secrets that it gives by file or
    variable (empty where nobody knows), `project` is what Compose calls it, `held` the volumes that the engine has."""

    services: Services
    values: Mapping[str, str] = {}
    volumes: Mapping[str, Any] = {}
    kept: Mapping[str, bytes] = {}
    secrets: Mapping[str, str] = {}
    project: str = ""
    held: Collection[str] = ()


HOSTS = re.compile(r"(?<!G)HOST|SERVER|ADDR|URL|URI|ENDPOINT|BROKER|NODES|SEEDS|BACKEND|UPSTREAM")


class Carrier:
    """What holds for all services of one file: their new names, and the secrets that stand for literals."""

    def __init__(self, file: File, chosen: list[str], main: str, name: str, mapping: Mapping[str, str],
                 here: Here) -> None:  # fmt: skip
        self.file, self.name, self.mapping, self.main, self.here = file, name, mapping, main, here
        self.names = {**mapping, **renaming.companions(name, [old for old in chosen if old != main]), main: name}
        self.hosts = renaming.hosts(file.services, chosen, self.names)
        self.ours = {called for called in here.services if called not in file.services and called not in self.hosts}
        self.lost: list[Loss] = []
        self.kinds: dict[str, str] = {}
        self.taken = {variable(self.names[old], suffix) for old in chosen for suffix in renaming.RESERVED}
        published = (Definition(self.names[old], ports=ports(file.services[old]), udp=ports(file.services[old], "udp"))
                     for old in chosen)  # fmt: skip
        self.taken |= {port for one in published for port in fragment.port_variables(one)}
        self.awaited = {to for old in chosen for to, edge in (file.services[old].get("depends_on") or {}).items()
                        if (edge or {}).get("condition") == "service_completed_successfully"}  # fmt: skip
        self.asked: dict[str, str] = {}
        self.literals: dict[str, str] = {}
        self.places: dict[str, str] = {}
        self.seeds: dict[str, tuple[str, str]] = {}
        self.data: dict[str, tuple[str, str]] = {}
        self.shown = b"\n".join(file.kept.values())
        self.given = {given: self.by_file(given) for old in chosen for given in _given(file.services[old])
                      if given in file.secrets}  # fmt: skip
        pairs = [(old, *pair) for old in chosen for pair in file.services[old]["environment"].items()]
        found = [
            one for old, key, value in pairs if not self.reached(key, value) for one in self.found(old, key, value)
        ]
        # What is made here first: a storage of the file has the key that a name of a cloud's asks for.
        for old, key, value in sorted(found, key=lambda one: credentials.others(one[1])):
            self.literal(old, key, value)
        for old in chosen:
            for mount in file.services[old].get("volumes") or []:
                if mount.get("type") == "volume" and mount.get("source"):
                    self.place(f"{mount['source']}:", mount["source"])

    def reached(self, key: str, text: str) -> set[str]:
        """The services of ours that a value names as its host, as the file has none of that name."""
        [whole] = found if len(found := pieces(text)) == 1 else [""]
        word = whole.argument if isinstance(whole, Reference) else whole
        return renaming.named(text, self.ours) | ({word} & self.ours if HOSTS.search(key.upper()) else set())

    def by_file(self, given: str) -> str:
        """The secret of ours for one that a container finds in a file."""
        value = self.file.secrets[given]
        if value in self.literals:
            return self.literals[value]
        called = self.secret(given, value)
        if credentials.is_one(value):
            self.literals[value] = called
        return called

    def place(self, key: str, *words: str) -> str:
        """The volume of ours for one of theirs, or for a folder: `key` tells them apart, the first of `words` that
        another has not is its name."""
        if key not in self.places:
            taken = set(self.places.values())
            names = [f"{self.name}-{renaming.slug(word) or 'data'}" for word in words]
            names += [f"{names[-1]}-{number}" for number in range(2, len(taken) + 3)]
            self.places[key] = next(name for name in names if name not in taken)
        return self.places[key]

    def path(self, source: str, kind: str) -> str:
        """A setting that is a path of that machine, until another is set."""
        called = self.place(f"{source}@", PurePosixPath(source).name, source)
        return f"${{{variable(called, kind)}:-{source}}}"

    def comes(self, source: str) -> bool:
        """Whether files of a folder, or a file, come along."""
        return any(PurePosixPath(path).is_relative_to(source) for path in self.file.kept)

    def found(self, old: str, key: str, value: str) -> Iterator[tuple[str, str, str]]:
        """The credentials of a value, as they are or as a variable's default or value: whose, of which name, which."""
        references = [piece for piece in pieces(value) if isinstance(piece, Reference)]
        yield from ((old, one.name, self.known(one)) for one in references if credentials.asks(one.name))
        if credentials.asks(key) and not references:
            yield old, key, value

    def known(self, reference: Reference) -> str:
        """The value that a variable of theirs has, or its default where that is plain text."""
        value = self.file.values.get(reference.name, "")
        argument = reference.argument if reference.operator in ("-", ":-") else ""
        return value or ("" if "$" in argument else argument)

    def literal(self, old: str, key: str, value: str) -> None:
        """Make a secret of ours for a credential that stands in the file as it is."""
        if not credentials.is_one(value) or value in self.literals:
            return
        if len(value) >= 6 and value.encode() in self.shown:
            self.lost.append(
                Loss(f"{old}.environment.{key}", "stays as it is, as a file that comes along holds it too", "changed")
            )
        elif key in self.file.values or "sk-" in value or not credentials.stands_in(key, value):
            self.literals[value] = self.secret(key, value)

    def secret(self, key: str, value: str = "") -> str:
        """The secret of ours for a key."""
        called = self.own(key)
        kind = self.kinds.setdefault(called, credentials.kind(key, value))
        if kind == "asked" and value and value[0] != "<":
            self.asked.setdefault(called, "your file has its value")
        return called

    def own(self, key: str) -> str:
        """A setting of theirs under our name, and never one that has a meaning here."""
        words = re.sub(r"[^A-Z0-9]+", "_", key.upper()).strip("_")
        mine = variable(self.name, "X")[:-1]
        called = words if words.startswith(mine) else mine + words
        return f"{mine}APP_{words}" if called in self.taken else called

    def value(self, key: str, text: str) -> str:
        """A value of the environment: settings and secrets of ours, and hosts under their new names. One that reaches
        a service of ours has this project's own settings."""
        if self.reached(key, text):
            return "".join(piece if isinstance(piece, str) else self.shared(key, piece) for piece in pieces(text))
        if text in self.literals and credentials.asks(key):
            return f"${{{self.literals[text]}}}"
        return self.text(key, text)

    def text(self, key: str, text: str, whole: bool = True) -> str:
        """A text with its variables under our names. Where it is the `whole` of a value, it may be a host."""
        if whole and HOSTS.search(key.upper()) and text in self.hosts:
            return self.hosts[text]
        found = pieces(text)
        parts = [
            self.reference(key, piece, whole and len(found) == 1)
            if isinstance(piece, Reference)
            else self.plain(key, piece)
            for piece in found
        ]
        return renaming.renamed("".join(parts), self.hosts)

    def plain(self, key: str, text: str) -> str:
        """Text without variables: literal credentials become secrets."""
        for literal, called in self.literals.items():
            text = credentials.replaced(text, literal, f"${{{called}}}")
        if found := re.search(r"://[^:/@\s]*:([^@/\s$]+)@", text):
            called = self.secret(f"{key}_PASSWORD")
            self.kinds[called] = "asked"
            text = text.replace(f":{found[1]}@", f":${{{called}}}@")
        return text

    def reference(self, key: str, theirs: Reference, whole: bool) -> str:
        """A variable of theirs as a setting of ours; one that holds a credential as a secret."""
        if credentials.asks(theirs.name) and (secret := self.credential(theirs)):
            return f"${{{secret}}}"
        called, value = self.own(theirs.name), self.file.values.get(theirs.name)
        if theirs.operator in ("+", ":+"):
            return f"${{{called}{theirs.operator}{self.text(key, theirs.argument, whole)}}}"
        if value and not re.search(r"[${}]", value):
            return f"${{{called}:-{self.text(key, value, whole)}}}"
        if theirs.operator in ("?", ":?"):
            # Without a default, which plan asks for by name; `:?` would stop each merge of the catalogue.
            self.asked[called] = theirs.argument
            return f"${{{called}}}"
        return f"${{{called}{theirs.operator or ':-'}{self.text(key, theirs.argument, whole)}}}"

    def shared(self, key: str, theirs: Reference) -> str:
        """A variable that this project has too, as it is; any other as a setting of the service."""
        if theirs.name not in self.here.settings:
            return self.reference(key, theirs, whole=False)
        default = theirs.operator in ("-", ":-") and not credentials.asks(theirs.name)
        return f"${{{theirs.name}{f':-{theirs.argument}' if default else ''}}}"

    def credential(self, theirs: Reference) -> str:
        """The secret of ours for a variable that holds one; empty where it is to stay a setting, since the file has a
        default for a credential that somebody else gives out, or it is no credential by its value."""
        value = self.known(theirs)
        if value in self.literals:
            return self.literals[value]
        if value:
            return ""
        secret = self.secret(theirs.name)
        if theirs.operator in ("-", ":-") or (not theirs.operator and credentials.others(theirs.name)):
            self.kinds[secret] = "optional"  # Compose starts it with an empty one too
        return secret

    def deep(self, key: str, value: Any) -> Any:
        """The same for what stands in lists and mappings."""
        if isinstance(value, dict):
            return {k: self.deep(key if key == "labels" else k, v) for k, v in value.items()}
        if isinstance(value, list):
            before = ["", *map(str, value)]
            return [f"${{{self.literals[item]}}}" if isinstance(item, str) and item in self.literals
                    and credentials.follows(last) else self.deep(key, item)
                    for last, item in zip(before, value, strict=False)]  # fmt: skip
        return self.value(key, value) if isinstance(value, str) else value


def ports(raw: Mapping[str, Any], protocol: str = "tcp") -> list[int]:
    """The ports of a container that its service publishes."""
    published = raw.get("ports") or []
    targets = [port.get("target") for port in published if port.get("protocol", "tcp") == protocol]
    return list(dict.fromkeys(int(target) for target in targets if str(target).isdecimal()))


def _given(raw: Mapping[str, Any]) -> list[str]:
    """The top-level secrets that a container finds in files."""
    return [one["source"] for one in raw.get("secrets") or []]

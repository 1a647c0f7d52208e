"""Settings in layers: a fragment's default, `.env`, the shell, a flag; the later one wins.

An empty value counts as unset in every layer, as `${NAME:-default}` has it.
"""

import re
from collections.abc import Callable, Collection, Mapping
from typing import NamedTuple

from stack.env import public
from stack.env.public import HOST
from stack.errors import Problem
from stack.names import echoed

DEFAULT, DOTENV, SHELL, FLAG = "default", ".env", "shell", "flag"

# Fragments publish their ports on BASE_PORT + an offset from 0 to this.
HIGHEST_OFFSET = 199
# Below it, ports need root on most systems; above the other, there are none.
LOWEST_PORT, HIGHEST_PORT = 1024, 65535


RENAMED = {"OLLAMA_MODELS": "OLLAMA_PULL"}
"""Settings that had the name of a program's own variable with another meaning, and the name that they have now:
Ollama's OLLAMA_MODELS is a folder, and a shell that has it must not decide what is pulled."""


class Settings(NamedTuple):
    """Each setting's value and the layer that says so, and where the shell takes the place of another layer."""

    found: dict[str, tuple[str, str]]
    problems: list[Problem]

    def value(self, name: str) -> str:
        """The value of `name`, empty where no layer sets it."""
        return self.found[name][0] if name in self.found else ""

    def origin(self, name: str) -> str:
        """The layer that sets `name`: "default", ".env", "shell", "flag"; empty where none does."""
        return self.found[name][1] if name in self.found else ""

    def values(self) -> dict[str, str]:
        """Every setting that some layer sets."""
        return {name: value for name, (value, _) in self.found.items()}


class Setting(NamedTuple):
    """A setting of the project's own: its default, its meaning in one line, and what a value must be, as a
    function that gives what is expected instead, or nothing."""

    name: str
    default: str
    meaning: str
    expected: Callable[[str], str]


def resolve(
    defaults: Mapping[str, str | None],
    dotenv: Mapping[str, str],
    shell: Mapping[str, str],
    flags: Mapping[str, str],
    known: Collection[str],
    secrets: Collection[str] = (),
) -> Settings:
    """The settings that the four layers give together, with what `shadowed` and `renamed` find. From `shell` only the
    names in `known` and `secrets` are taken. A default of None is none."""
    names = {*known, *secrets}
    layers = {
        DEFAULT: defaults,
        DOTENV: dotenv,
        SHELL: {name: value for name, value in shell.items() if name in names},
        FLAG: flags,
    }
    found = {name: (value, origin) for origin, layer in layers.items() for name, value in layer.items() if value}
    return Settings(found, [*shadowed(dotenv, shell, names, secrets, defaults), *renamed(dotenv)])


def shadowed(
    dotenv: Mapping[str, str],
    shell: Mapping[str, str],
    known: Collection[str],
    secrets: Collection[str],
    defaults: Mapping[str, str | None] | None = None,
) -> list[Problem]:
    """Where the shell has another value than `.env`: "secret-shadowed", an error, for a name in `secrets`, as
    volumes were initialised with the one in `.env`; "env-shadowed", a warning, for another name in `known`, and where
    the default would hold without the shell.

    An empty secret in the shell counts, because plain `docker compose` would take it; an empty setting does
    not, because `.env` holds. No message holds a value."""
    problems = []
    for name in sorted({*known, *secrets} & dotenv.keys() & shell.keys()):
        differs = dotenv[name] and shell[name] != dotenv[name]
        if differs and name in secrets:
            message = f"{name} in the shell differs from the secret in .env"
            problems.append(Problem("secret-shadowed", message, f"shell: {name}", f"unset {name}"))
        elif differs and shell[name]:
            message = f"{name} in the shell is used instead of the one in .env"
            problems.append(Problem("env-shadowed", message, f"shell: {name}", f"unset {name}"))
    for name in sorted({*known} & shell.keys() - {*secrets}):
        default = (defaults or {}).get(name)
        if shell[name] and default and shell[name] != default and not dotenv.get(name):
            message = f"{name} in the shell is used instead of its default"
            problems.append(Problem("env-shadowed", message, f"shell: {name}", f"unset {name}"))
    return problems


def renamed(dotenv: Mapping[str, str]) -> list[Problem]:
    """A problem for each line of `.env` with the old name of a setting: nothing reads it."""
    return [
        Problem("renamed-setting", f"nothing reads {old}: the setting is called {new} now", f".env: {old}",
                "./inv env.migrate")
        for old, new in RENAMED.items() if old in dotenv
    ]  # fmt: skip


def check(settings: Settings) -> list[Problem]:
    """What is wrong with the project's own settings, and each secret that the shell shadows: errors all."""
    problems = [problem for problem in settings.problems if problem.code == "secret-shadowed"]
    for setting in CORE:
        value, origin = settings.found.get(setting.name, ("", DEFAULT))
        expected = setting.expected(value) if value else ""
        if expected:
            got = "another value" if setting.name in SECRETS else echoed(_without_login(value))
            message = f"{setting.name}: expected {expected}, got {got}"
            fix = f"leave the flag out for {setting.default}" if origin == FLAG else undone(setting.name, origin)
            problems.append(Problem("setting", message, f"{origin}: {setting.name}", fix))
    host = "" if settings.origin("PUBLIC_HOST") == DEFAULT else settings.value("PUBLIC_HOST")
    return problems or public.contradicting(settings.value("PUBLIC_URL"), host)


def _without_login(value: str) -> str:
    """A value as it may be shown: a password can stand in an address."""
    return re.sub(r"\S*:\S*@", "…@", value)


def undone(name: str, origin: str) -> str:
    """What to type so that a setting of the shell or of `.env` has its default again."""
    return f"unset {name}" if origin == SHELL else f"./inv env.unset {name}"


def done(name: str, value: str, origin: str) -> str:
    """What to type so that a setting of the shell or of `.env` has another value."""
    return f"export {name}={value}" if origin == SHELL else f"./inv env.set {name} {value}"


def sound(dotenv: Mapping[str, str]) -> dict[str, str]:
    """`dotenv` without the project's own settings that are wrong: what can be read while one of them is mended."""
    return {name: value for name, value in dotenv.items() if name not in _EXPECTED or not _EXPECTED[name](value)}


def _matching(pattern: str, expected: str) -> Callable[[str], str]:
    """A check that the whole value matches `pattern`."""
    return lambda value: "" if re.fullmatch(pattern, value) else expected


def _base_port(value: str) -> str:
    highest = HIGHEST_PORT - HIGHEST_OFFSET
    if re.fullmatch(r"[0-9]{1,5}", value) and LOWEST_PORT <= int(value) <= highest:
        return ""
    return f"a number from {LOWEST_PORT} to {highest} (the stack publishes up to BASE_PORT + {HIGHEST_OFFSET})"


def _address(value: str) -> str:
    import ipaddress

    try:
        # The engine takes no zone, such as fe80::1%eth0.
        ipaddress.ip_address(value.replace("%", " "))
    except ValueError:
        return "an IP address, such as 127.0.0.1 or 0.0.0.0"
    return ""


_WORD = r"[A-Za-z0-9][A-Za-z0-9_.-]*"
_ORIGIN = rf"https?://{HOST}(?::[0-9]{{1,5}})?"
_PATH = r"[^\0\n]+"
CORE = (
    Setting(
        "PROJECT_NAME",
        "genai",
        "name of the Compose project: of its containers, network and volumes",
        # Names of containers, which begin with it, are host names as well: a label has 63 letters at most (RFC 1035).
        _matching(
            r"[a-z0-9][a-z0-9_-]{0,62}", "at most 63 lower-case letters, digits, - and _, with a letter or digit first"
        ),
    ),
    Setting("BASE_PORT", "63000", "first published port; each service adds its own offset", _base_port),
    Setting("BIND_ADDRESS", "127.0.0.1", "address on which the gateway's ports are published", _address),
    Setting(
        "PUBLIC_HOST",
        "localhost",
        "name under which browsers reach this machine, in every printed and configured URL",
        _matching(HOST, "a host name without scheme, port or path"),
    ),
    Setting(
        "PUBLIC_URL",
        "",
        "address at which browsers reach the gateway, as https://example.org (docs/https.md)",
        public.expected_url,
    ),
    Setting(
        "PUBLIC_ROUTES",
        public.HOSTS,
        "hosts: services have names, as n8n.example.org; paths: only one name is there, so /n8n/ where that works",
        _matching(f"{public.HOSTS}|{public.PATHS}", f"{public.HOSTS} or {public.PATHS}"),
    ),
    Setting(
        "TRUSTED_PROXIES",
        "",
        "proxies whose X-Forwarded-* headers count: addresses, networks, or private (docs/https.md)",
        public.expected_proxies,
    ),
    Setting(
        "CORS_ORIGINS",
        "",
        "pages elsewhere that may ask Supabase, as https://app.example.com, separated by commas or blanks; * for all",
        _matching(
            rf"\*|[, ]*{_ORIGIN}(?:[, ]+{_ORIGIN})*[, ]*",
            "* or addresses as https://app.example.com or http://10.0.0.2:8080, without a path",
        ),
    ),
    Setting(
        "TLS",
        "",
        "internal: the gateway's port for HTTPS gets a certificate of an authority made here (docs/https.md)",
        _matching("internal", '"internal", or nothing'),
    ),
    Setting(
        "TLS_CERT",
        "",
        "file with a certificate of your own for that port, and those up to its authority; in place of TLS",
        _matching(_PATH, "the path of a file"),
    ),
    Setting(
        "TLS_KEY",
        "",
        "file with its key, where TLS_CERT does not have that as well",
        _matching(_PATH, "the path of a file"),
    ),
    Setting(
        "STACK_PROFILES",
        "core",
        "profiles that are selected, separated by commas or blanks",
        _matching(rf"[, ]*{_WORD}(?:[, ]+{_WORD})*[, ]*", "names of profiles, separated by commas or blanks"),
    ),
    Setting(
        "STACK_PATH",
        "local",
        "folders of your own, layered over the shipped files in this order, separated by commas or blanks",
        _matching(_PATH, "folders, separated by commas or blanks"),
    ),
    Setting(
        "NETWORK",
        "bridge",
        "layout of the network: bridge (one for all) or tiered (frontend, backend, data)",
        _matching(_WORD, "the name of a layout"),
    ),
    Setting(
        "RUN_ON",
        "compose",
        "what runs the services: compose, on this machine alone, or swarm, on several (docs/cluster.md)",
        _matching("compose|swarm", '"compose" or "swarm"'),
    ),
    Setting(
        "NETWORK_ENCRYPTED",
        "",
        "true: what services say to each other between the nodes of a cluster is encrypted (docs/cluster.md)",
        _matching("true|false", '"true" or "false"'),
    ),
    Setting(
        "REGISTRY_PREFIX",
        "",
        "registry that mirrors every image, as host[:port][/path]; empty for each image's own",
        _matching(rf"{HOST}(?::[0-9]+)?(?:/[a-z0-9._-]+)*/?", "host[:port][/path] without https://"),
    ),
    Setting(
        "REGISTRY",
        "",
        "registry of your own, as ghcr.io/me, for what a cluster's nodes get of what is built here (docs/cluster.md); "
        "none: they have it already",
        _matching(rf"none|{HOST}(?::[0-9]+)?(?:/[a-z0-9._-]+)*/?", "host[:port][/path] without https://, or none"),
    ),
    Setting("REGISTRY_IMAGE", "registry:2.8.3", "image of the project's own registry for that; where it can't be had, "
            "one is built", _matching(r"\S+", "the name of an image")),
    Setting(
        "DATA_VOLUMES",
        "",
        "volumes that took the place of the usual ones, as redis-data=2; written by ./inv restore",
        _matching(rf"[, ]*{_WORD}=[0-9]+(?:[, ]+{_WORD}=[0-9]+)*[, ]*", "volumes with numbers, as redis-data=2"),
    ),
    Setting("BACKUP_DIR", "backups", "folder of the backups (docs/backup.md)", _matching(_PATH, "a folder")),
    Setting("BACKUP_IMAGE", "genai-stack/backup:0.1.0", "image with restic, made here where it is not there",
            _matching(r"\S+", "the name of an image")),
    Setting("BACKUP_PASSPHRASE", "", "secret; opens the backups elsewhere (docs/backup.md)",
            _matching(r"[^\0\n]{8,}", "at least 8 characters")),
    Setting("BACKUP_RECIPIENTS", "", "age or SSH public keys whose owners can open the backups, separated by commas",
            _matching(r"[^\0\n]+", "public keys")),
)  # fmt: skip
SECRETS = {"BACKUP_PASSPHRASE": "optional"}
"""The secrets that are the project's own, with their kinds."""
CORE_DEFAULTS = {setting.name: setting.default for setting in CORE}
_EXPECTED = {setting.name: setting.expected for setting in CORE}

"""Settings in layers: a fragment's default, `.env`, the shell, a flag; the later one wins.

An empty value counts as unset in every layer, as `${NAME:-default}` has it.
"""

from collections.abc import Collection, Mapping
from typing import NamedTuple

from stack.errors import Problem

DEFAULT, DOTENV, SHELL, FLAG = "default", ".env", "shell", "flag"


class Settings(NamedTuple):
    """What each setting is, and which layer says so."""

    values: dict[str, str]
    origins: dict[str, str]

    def value(self, name: str) -> str:
        """The value of `name`, empty where no layer sets it."""
        return self.values.get(name, "")

    def origin(self, name: str) -> str:
        """The layer that sets `name`: "default", ".env", "shell", "flag"; empty where none does."""
        return self.origins.get(name, "")


def resolve(
    defaults: Mapping[str, str | None],
    dotenv: Mapping[str, str],
    shell: Mapping[str, str],
    flags: Mapping[str, str],
    known: Collection[str],
) -> Settings:
    """The settings that the four layers give together. From `shell` only the names in `known` are taken; a
    default of None is none."""
    layers = [
        (DEFAULT, defaults),
        (DOTENV, dotenv),
        (SHELL, {name: shell[name] for name in known if name in shell}),
        (FLAG, flags),
    ]
    settings = Settings({}, {})
    for origin, layer in layers:
        for name, value in layer.items():
            if value:
                settings.values[name] = value
                settings.origins[name] = origin
    return settings


def shadowed(
    dotenv: Mapping[str, str], shell: Mapping[str, str], known: Collection[str], secrets: Collection[str]
) -> list[Problem]:
    """Where the shell has another value than `.env`: "secret-shadowed", an error, for a name in `secrets`, as
    volumes were initialised with the one in `.env`; "env-shadowed", a warning, for another name in `known`.

    An empty secret in the shell counts, because plain `docker compose` would take it; an empty setting does
    not, because its default or `.env` holds. No message holds a value."""
    problems = []
    for name in sorted({*known, *secrets} & dotenv.keys() & shell.keys()):
        if not dotenv[name] or shell[name] == dotenv[name]:
            continue
        if name in secrets:
            message = f"{name} in the shell differs from the secret in .env"
            problems.append(Problem("secret-shadowed", message, f"shell: {name}", f"unset {name}"))
        elif shell[name]:
            message = f"{name} in the shell is used instead of the one in .env"
            problems.append(Problem("env-shadowed", message, f"shell: {name}", f"unset {name}"))
    return problems

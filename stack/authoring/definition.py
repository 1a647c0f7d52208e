"""What a service to be added is, as values: what the flags say, or what somebody's Compose file does. Pure."""

from typing import Any, Literal

import msgspec

Condition = Literal["healthy", "completed", "started"]
Auth = Literal["none", "key", "basic"]


class Edge(msgspec.Struct, frozen=True):
    """A dependency: on which service, what is waited for, whether the service lives without it, and whether it is
    started again when Compose does so with the other (`restarts`)."""

    service: str
    condition: Condition = "healthy"
    optional: bool = False
    restarts: bool = False


class Mount(msgspec.Struct, frozen=True):
    """A volume's name, or a path of the checkout that begins with `./`, and where the container has it."""

    source: str
    target: str
    read_only: bool = False


class Door(msgspec.Struct, frozen=True):
    """A way in through the gateway: a path or a host name, the container's port behind it, and who is let in."""

    path: str = ""
    host: str = ""
    port: int = 0
    auth: Auth = "none"
    health_checks: bool = False


class Definition(msgspec.Struct, frozen=True):
    """One service and its companions. `ports` are the container's, `udp` those of UDP; `secrets` are kinds by name;
    `health` is `http:/path`, `cmd:…`, `tcp` or nothing; `env` and `memory` (`512m`) are in Compose's words; `extra`
    holds further Compose keys as they are to stand in the fragment; `files` are those to be made beside it, by path
    from the root; `given` are the settings that the container finds in files, by the name of the top-level secret."""

    name: str
    about: str = ""
    image: str = ""
    build: str | dict[str, Any] = ""
    ports: list[int] = []
    udp: list[int] = []
    profiles: list[str] = []
    depends_on: list[Edge] = []
    env: dict[str, str] = {}
    secrets: dict[str, str] = {}
    volumes: list[Mount] = []
    sources: list[str] = []
    health: str = ""
    doors: list[Door] = []
    aliases: list[str] = []
    command: str | list[str] = ""
    replicas: int = 1
    memory: str = ""
    extra: dict[str, Any] = {}
    files: dict[str, bytes] = {}
    given: dict[str, str] = {}
    companions: list["Definition"] = []

"""Where the services of a plan go: state stays with its node, all else may move. Pure."""

from collections.abc import Mapping

import msgspec

from stack.errors import Problem


class Where(msgspec.Struct, frozen=True):
    """The node of one service, by its id, and why it is that one; no id where the cluster spreads it as it likes."""

    node: str
    why: str


class Placement(msgspec.Struct, frozen=True):
    """Where each service goes, the node of each named volume that lies on one, and what is wrong with that. Of the
    services in `waiting`, the node is gone: none of them starts elsewhere by itself."""

    services: dict[str, Where]
    volumes: dict[str, str]
    waiting: dict[str, str] = {}
    problems: list[Problem] = []


def asked(words: tuple[str, ...]) -> Mapping[str, str]:
    """What `--place SERVICE=NODE` says: the node of each service, by hostname or id."""
    return dict(word.split("=", 1) for word in words)

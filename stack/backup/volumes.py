"""New volumes beside those that hold data, and which of a project's are in use."""

import re
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from stack import docker
from stack.planning.planner import Planned


def numbers(usual: Mapping[str, str], there: Collection[str]) -> dict[str, int]:
    """For each volume (its key → its usual name) the number of a new one that is not `there`: 0 for its usual name."""
    return {key: next(n for n in (0, *range(2, len(there) + 3)) if numbered(name, n) not in there)
            for key, name in usual.items()}  # fmt: skip


def numbered(usual: str, number: int) -> str:
    """The name of a volume by its usual one and a number."""
    return f"{usual}-{number}" if number else usual


def usual(planned: Planned) -> dict[str, str]:
    """The names that the volumes of a plan have by its files alone, by key."""
    pointed = _pointed(planned)
    declared = planned.facts.model.get("volumes") or {}
    return {key: (about or {}).get("name", key).removesuffix(f"-{pointed[key]}") if key in pointed
            else (about or {}).get("name", key) for key, about in declared.items()}  # fmt: skip


def _pointed(planned: Planned) -> dict[str, str]:
    from stack.planning import checkouts

    return checkouts.volume_numbers(planned.checkout)


def setting(old: Mapping[str, str], new: Mapping[str, int]) -> str | None:
    """DATA_VOLUMES with the new numbers; None where every volume has its usual name."""
    both = {**old, **{key: str(number) for key, number in new.items()}}
    return ",".join(f"{key}={number}" for key, number in sorted(both.items()) if number != "0") or None


def make(planned: Planned, keys: Iterable[str]) -> list[str]:
    """Make the volumes of these keys, as Compose would. Gives their names."""
    made = []
    for key in keys:
        about: dict[str, Any] = (planned.facts.model.get("volumes") or {}).get(key) or {}
        name = about.get("name", key)
        labels = [f"{docker.PROJECT_LABEL}={planned.plan.project}", f"com.docker.compose.volume={key}"]
        options = [f"{word}={value}" for word, value in (about.get("driver_opts") or {}).items()]
        words = [*(w for label in labels for w in ("--label", label)), *(w for one in options for w in ("--opt", one))]
        docker.ask(["volume", "create", "--driver", about.get("driver") or "local", *words, name])
        made.append(name)
    return made


def replaced(planned: Planned, there: Iterable[str]) -> list[str]:
    """The volumes that another took the place of, and those that a restore which was cut off left."""
    used = {(about or {}).get("name", key) for key, about in (planned.facts.model.get("volumes") or {}).items()}
    names = set(usual(planned).values())
    return sorted(v for v in there if v not in used and (v in names or re.sub(r"-\d+$", "", v) in names))

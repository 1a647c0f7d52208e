"""What a service waits for and does not get, down to the root of it."""

from stack.doctor import words
from stack.doctor.scene import Scene


def unmet(scene: Scene, name: str) -> list[str]:
    """What a planned service requires and is not as its edge asks, in the edges' order."""
    service = scene.planned_service(name)
    return [
        target
        for target, edge in (service.depends_on if service else {}).items()
        if edge.required and not words.satisfied(scene.of(target), edge.condition)
    ]


def chain(scene: Scene, name: str) -> list[str]:
    """What a service waits for, what that waits for, and so on, down to the one that waits for nothing."""
    found: list[str] = []
    below = unmet(scene, name)
    while below and below[0] not in found:
        found.append(below[0])
        below = unmet(scene, below[0])
    return found


def waiting_for(scene: Scene, name: str) -> list[str]:
    """The planned services that require this one."""
    return [s.name for s in scene.planned.plan.services if name in s.depends_on and s.depends_on[name].required]


def first(scene: Scene, name: str) -> str:
    """What to type where a service fails because of what it requires; empty where all of that is there."""
    roots = chain(scene, name)
    return f"mend {roots[-1]} first: ./inv doctor --service {roots[-1]}" if roots else ""

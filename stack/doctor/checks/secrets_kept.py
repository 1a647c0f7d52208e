"""Whether each volume still fits the secrets that it was filled with."""

from collections.abc import Iterable

from stack.doctor.check import Check, Finding
from stack.doctor.scene import Scene


def _run(scene: Scene) -> Iterable[Finding]:
    for keeper, names in scene.changed_secrets:
        word = "is" if len(names) == 1 else "are"
        seen = f"{', '.join(names)} {word} not what {', '.join(keeper.volumes)} was filled with"
        why = "; ".join(keeper.secrets[name] for name in names if name in keeper.secrets)
        back = " and ".join(f"./inv env.set {name} - (the old value)" for name in names)
        gone = " ".join(keeper.volumes)
        new = " and ".join(f"./inv env.set {name} - --changed" for name in names if name in keeper.change)
        told = f"; or, where {keeper.service} has the new one already: {new}" if new else ""
        fix = f"{back}, then ./inv up{told}; or give the data up: ./inv down && docker volume rm {gone}, then ./inv up"
        yield Finding(seen, f"{keeper.service} refuses the new one ({why})", fix, service=keeper.service, where=".env")


CHECK = Check(
    id="secrets-kept",
    section="data",
    holds="no secret that a volume keeps was changed after it was filled",
    run=_run,
    needs=("planned", "engine", "changed_secrets"),
    of_services=True,
)

"""Whether the memory that the plan may take is there."""

from collections.abc import Iterable, Mapping

from stack.doctor.check import OK, WARNING, Check, Finding
from stack.doctor.scene import Scene

SUPABASE = 4 * 2**30
"""Bytes that the Supabase family needs at least (its own documentation of self-hosting)."""
AT_MOST = 2
"""How many times what there is the limits may come to: those of the catalogue are twice what their services take, or
more, so that they end only what has gone astray."""


def _run(scene: Scene) -> Iterable[Finding]:
    services = scene.planned.plan.services
    limits = {s.name: s.memory_bytes * s.containers for s in services if s.memory_bytes and not s.one_shot}
    running = set(scene.running())
    return findings(limits, running, int(scene.info.get("MemTotal") or 0), _available(scene),
                    sum(s.name.startswith("supabase-") for s in services))  # fmt: skip


def _available(scene: Scene) -> int | None:
    """Bytes that are free now; None where the engine is on another machine."""
    import psutil

    return psutil.virtual_memory().available if scene.local else None


def findings(limits: Mapping[str, int], running: set[str], total: int, available: int | None,
             supabase: int) -> list[Finding]:  # fmt: skip
    """What the limits come to against the engine's memory, and what is still to start against what is free. Pure."""
    fix = "leave services out (./inv source --service S --to disabled), or give the engine more memory"
    found = []
    all_ = sum(limits.values())
    if all_ > AT_MOST * total:
        largest = ", ".join(f"{n} {_gb(b)}" for n, b in sorted(limits.items(), key=lambda pair: -pair[1])[:3])
        seen = f"the plan's limits come to {_gb(all_)} ({largest}), and the engine has {_gb(total)}"
        found.append(Finding(seen, "under load the kernel ends services, with exit code 137", fix, WARNING))
    to_come = sum(bytes_ for name, bytes_ in limits.items() if name not in running)
    if not found and available is not None and to_come > AT_MOST * available:
        seen = f"what is still to start may take {_gb(to_come)}, and {_gb(available)} are free now"
        found.append(Finding(seen, "other programs of this machine are pushed out, or services ended", fix, WARNING))
    if supabase > 3 and total < SUPABASE:
        seen = f"the Supabase family needs {_gb(SUPABASE)}, and the engine has {_gb(total)}"
        found.append(Finding(seen, "its services are ended in turn", fix, WARNING))
    seen = f"the plan's limits come to {_gb(all_)} of {_gb(total)}" if all_ else (
        f"the engine has {_gb(total)}, and no planned service a limit")  # fmt: skip
    return found or [Finding(seen, "", "", OK)]


def _gb(count: int) -> str:
    return f"{count / 2**30:.1f} GB"


CHECK = Check(
    id="memory",
    section="machine",
    holds="the engine has the memory that the plan may take",
    run=_run,
    needs=("planned", "engine", "info", "containers"),
)

"""vm.max_map_count, which Elasticsearch wants raised."""

from collections.abc import Iterable
from pathlib import Path

from stack.doctor.check import WARNING, Check, Finding
from stack.doctor.scene import Scene
from stack.planning.catalog import FAR

LEAST = 262144
"""What Elasticsearch's bootstrap checks ask for. They only warn while discovery.type is single-node, as here."""
SETTING = Path("/proc/sys/vm/max_map_count")
SERVICE = "elasticsearch"


def _run(scene: Scene) -> Iterable[Finding]:
    service = scene.planned_service(SERVICE)
    if service is None or service.source in FAR or not scene.local or not SETTING.exists():
        return []
    return findings(int(SETTING.read_text()))


def findings(count: int) -> list[Finding]:
    """What a setting comes to. Pure."""
    if count >= LEAST:
        return []
    fix = (f"sudo sysctl -w vm.max_map_count={LEAST} && "
           f"echo vm.max_map_count={LEAST} | sudo tee /etc/sysctl.d/99-elasticsearch.conf")  # fmt: skip
    return [Finding(f"vm.max_map_count is {count}, below {LEAST}", "Elasticsearch fails to map its files once it holds "
                    "many of them", fix, WARNING, SERVICE)]  # fmt: skip


CHECK = Check(
    id="map-count",
    section="machine",
    holds="vm.max_map_count is high enough for Elasticsearch, where it is planned",
    run=_run,
    needs=("planned", "engine", "info"),
    of_services=True,
)

"""Images that this machine's processor can't run, or only by emulation."""

from collections.abc import Iterable
from fnmatch import fnmatch

from stack import docker
from stack.doctor.check import WARNING, Check, Finding
from stack.doctor.scene import Scene

NAMES = {"x86_64": "amd64", "aarch64": "arm64", "armv7l": "arm", "amd64": "amd64", "arm64": "arm64"}
"""The engine's words for processors, as images have them."""
AMD64_ALONE = ("yanwk/comfyui-boot:*", "ollama/ollama:*-rocm")
"""Images that there are for amd64 alone, as far as their projects say."""


def _run(scene: Scene) -> Iterable[Finding]:
    ours = NAMES.get(str(scene.info.get("Architecture")), "")
    services = {s.name: s.image for s in scene.planned.plan.services}
    there = _architectures([image for image in dict.fromkeys(services.values()) if image in scene.images])
    for name, image in services.items():
        yield from findings(name, image, there.get(image, ""), ours)


def _architectures(images: list[str]) -> dict[str, str]:
    """The processor that each of these images is for."""
    rows = docker.inspected("images", images)
    if len(rows) != len(images):
        return {}
    return {image: row["Architecture"] for image, row in zip(images, rows, strict=True)}


def findings(name: str, image: str, theirs: str, ours: str) -> list[Finding]:
    """What an image comes to on a machine; `theirs` is empty for one that is not here yet. Pure."""
    if ours and theirs and theirs != ours:
        seen = f"{image} of {name} is for {theirs}, and this machine is {ours}"
        return [Finding(seen, "it runs by emulation, ten times slower, or not at all",
                        f"docker rmi -f {image} && ./inv up", WARNING, name)]  # fmt: skip
    if ours not in ("", "amd64") and not theirs and any(fnmatch(image, alone) for alone in AMD64_ALONE):
        seen = f"{image} of {name} is published for amd64 alone, and this machine is {ours}"
        fix = f"./inv source --service {name} shows its other sources; localhost runs it without a container"
        return [Finding(seen, "it can't be started here", fix, WARNING, name)]
    return []


CHECK = Check(
    id="architecture",
    section="machine",
    holds="every image is for this machine's processor",
    run=_run,
    needs=("planned", "engine", "info", "images"),
    of_services=True,
)

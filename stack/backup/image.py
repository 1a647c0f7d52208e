"""The image with restic: built here where it is not there, as every other image that this project makes."""

import subprocess
from pathlib import Path

import msgspec

from stack import docker, process, tree
from stack.builds.base import TAG
from stack.errors import fail
from stack.output.progress import Progress
from stack.planning import checkouts
from stack.running import images

CONTEXT = "compose/backup"


def ensure(root: Path, image: str, progress: Progress) -> None:
    """Build `image` from BASE_IMAGE where the engine has none of that name. Raises StackError where that fails."""
    if docker.images([image]):
        return
    progress.say(f"building {image}, once")
    base = checkouts.own(root, "BASE_IMAGE", TAG)
    images.prepare(root, base.startswith(f"{images.BASE}:"), progress)
    inputs = root / tree.GENERATED / "build"
    build = {"context": str(root / CONTEXT), "network": "host", "args": {"BASE_IMAGE": base}, "secrets": ["ca", "apt"]}
    text = msgspec.json.encode({
        "services": {"backup": {"image": image, "build": build}},
        "secrets": {"ca": {"file": str(inputs / "ca.pem")}, "apt": {"file": str(inputs / "apt.conf")}},
    })  # fmt: skip
    command = ["docker", "compose", "--progress", "plain", "-p", "genai-backup", "-f", "-", "build"]
    done = subprocess.run(command, input=text, capture_output=True, check=False,
                          env=docker.environment(images.own_builder()))  # fmt: skip
    if done.returncode:
        said = process.last_lines(done.stderr.decode(errors="replace"))
        raise fail("build", f"{image} can't be built{said}", CONTEXT, "mend what the lines say, then try again")

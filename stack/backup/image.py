"""The image with restic: built here where it is not there, as every other image that this project makes."""

from pathlib import Path

from stack import docker
from stack.output.progress import Progress
from stack.running import images

CONTEXT = "compose/backup"


def ensure(root: Path, image: str, progress: Progress) -> None:
    """Build `image` from BASE_IMAGE where the engine has none of that name. Raises StackError where that fails."""
    if not docker.images([image]):
        images.build_alone(root, image, CONTEXT, progress)

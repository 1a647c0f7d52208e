"""What fills an empty claim on Kubernetes does to a volume what Docker does: with the rights that it has there."""

import pytest

from stack.kubernetes import mounts
from stack.kubernetes.words import Scope
from tests.engine.support import stacks

pytestmark = pytest.mark.engine
VOLUME = {"type": "volume", "source": "data", "target": "/data"}


def test_an_empty_volume_gets_what_the_image_has_there_and_another_stays_as_it_is(base_image: str) -> None:
    [fill] = mounts.of(Scope("test"), "redis", {"image": stacks.REDIS, "volumes": [VOLUME]}, {}, False).fill
    rights = fill["securityContext"]
    program, *words = [word.replace("$$", "$") for word in fill["command"]]
    [mount] = fill["volumeMounts"]
    name = stacks.docker("volume", "create").strip()
    there = f"{name}:{mount['mountPath']}:nocopy"
    run = ["run", "--rm", "--network", "none", "-v", there]
    added = [word for one in rights["capabilities"]["add"] for word in ("--cap-add", one)]
    as_there = [*run, "--user", str(rights["runAsUser"]), "--read-only", "--cap-drop", "ALL", *added,
                "--security-opt", "no-new-privileges", "--entrypoint", program, fill["image"], *words]  # fmt: skip
    look = ["--entrypoint", "sh", fill["image"], "-c"]
    try:
        stacks.docker(*as_there)
        # The image's own user, who alone may enter.
        assert stacks.docker(*run, *look, f"stat -c '%U %a' {mount['mountPath']}").strip() == "redis 700"
        stacks.docker(*run, *look, f"echo mine >{mount['mountPath']}/kept")
        stacks.docker(*as_there)
        assert stacks.docker(*run, *look, f"cat {mount['mountPath']}/kept").strip() == "mine"
    finally:
        stacks.docker("volume", "rm", name)

"""The gateway's start in a container as bare as its fragment makes it, on an image of ours."""

from pathlib import Path

import pytest

from tests.engine.support.stacks import Done, run

SCRIPTS = Path(__file__).parents[2] / "compose" / "kong-api-gateway"
SHUT = ("--read-only", "--cap-drop", "ALL", "--security-opt", "no-new-privileges", "--user", "1000")
ENTRYPOINT = """#!/bin/bash
echo "entrypoint $*"
stat -c %a "$KONG_DECLARATIVE_CONFIG"
cat "$KONG_DECLARATIVE_CONFIG"
"""


def start(folder: Path, image: str, entrypoint: str, environment: dict[str, str]) -> Done:
    """Run start.sh on a file that names one credential."""
    (folder / "gateway").mkdir()
    (folder / "gateway" / "kong.yml").write_text('path: "~/a$"\nkey: "${KEY}"\n')
    (folder / "entrypoint").write_text(ENTRYPOINT)
    (folder / "entrypoint").chmod(0o755)
    folder.chmod(0o755)
    mounts = {folder / "gateway": "/gateway", SCRIPTS: "/opt/gateway", folder / "entrypoint": entrypoint}
    return run(
        *("docker", "run", "--rm", *SHUT, "--tmpfs", "/tmp"),
        *(word for source, target in mounts.items() for word in ("-v", f"{source}:{target}:ro")),
        *("-e", "KONG_DECLARATIVE_CONFIG=/tmp/kong.yml"),
        *(word for name, value in environment.items() for word in ("-e", f"{name}={value}")),
        *(image, "sh", "/opt/gateway/start.sh"),
    )


@pytest.mark.parametrize("entrypoint", ["/entrypoint.sh", "/docker-entrypoint.sh"])
def test_credentials_are_put_in_and_the_images_own_start_goes_on(
    tmp_path: Path, base_image: str, entrypoint: str
) -> None:
    done = start(tmp_path, base_image, entrypoint, {"KEY": 'a"b\\c&d'})
    assert done.out == 'entrypoint kong docker-start\n600\npath: "~/a$"\nkey: "a\\"b\\\\c&d"\n'
    assert done.code == 0


def test_a_missing_credential_ends_the_start_with_its_name(tmp_path: Path, base_image: str) -> None:
    done = start(tmp_path, base_image, "/entrypoint.sh", {})
    assert done.code == 3
    assert "KEY is not set" in done.err
    assert "entrypoint" not in done.out


def test_an_image_that_is_not_kongs_is_told(tmp_path: Path, base_image: str) -> None:
    done = start(tmp_path, base_image, "/elsewhere.sh", {"KEY": "x"})
    assert done.code == 1
    assert "no entrypoint of Kong's" in done.err

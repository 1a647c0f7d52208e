"""What real registries have of the pinned images: newer tags, behind a login, by a mirror, and without an answer."""

import base64
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.engine.support import images, registries
from tests.engine.support.ports import free_port
from tests.support import SHIPPED, Checkout
from tests.support import make as checkout_in

LOGIN = "auth: {{htpasswd: {{realm: test, path: {users}}}}}\n"
READER, WORD = "reader", "open-sesame"
USERS = f"{READER}:$2b$05$abcdefghijklmnopqrstuutXu9KzOt.1yBoZUeFWoT/914/JfszCO"
ROW = '- {{pins: ["{image}"], released: then, newest: "1.0.0", seen: a page, looked_up: 2026-01-01}}\n'


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """A registry with some tags of one image."""
    with registries.registry(tmp_path_factory.mktemp("registry")) as found:
        layer = images.layer({})
        for tag in ("1.0.0", "1.1.0", "1.10.0", "1.11.0-rc1", "1.12.0-alpine", "2.0.0", "latest"):
            images.publish(found, f"hub/library/app:{tag}", layer)
        yield found


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    return checkout_in(tmp_path / "checkout", SHIPPED, {})


def test_the_newest_of_the_line_and_what_is_beyond(port: int, checkout: Checkout) -> None:
    checkout.write("pins.yml", ROW.format(image=f"127.0.0.1:{port}/hub/library/app:1.0.0"))
    done = checkout.inv_json("outdated")
    [row] = done.data["images"]
    assert (row["newest"], row["beyond"], row["outdated"]) == ("1.10.0", "2.0.0", True)
    assert row["told_by"] == f"127.0.0.1:{port}"
    assert done.problems == []
    text = checkout.inv("outdated")
    assert "1 of 1 pins is behind" in text.out


def test_a_mirror_is_asked_in_the_place_of_each_registry(port: int, checkout: Checkout) -> None:
    checkout.write(".env", f"REGISTRY_PREFIX=127.0.0.1:{port}/hub\n")
    checkout.write("pins.yml", ROW.format(image="app:1.10.0"))
    [row] = checkout.inv_json("outdated").data["images"]
    assert (row["name"], row["newest"], row["outdated"], row["told_by"]) == (
        "app",
        "1.10.0",
        False,
        f"127.0.0.1:{port}",
    )


def test_a_registry_behind_a_login_is_asked_with_the_one_that_docker_has(checkout: Checkout, tmp_path: Path) -> None:
    users, config = tmp_path / "users", tmp_path / "docker"
    users.write_text(f"{USERS}\n")
    config.mkdir()
    with registries.registry(tmp_path, LOGIN.format(users=users)) as closed:
        checkout.write("pins.yml", ROW.format(image=f"127.0.0.1:{closed}/app:1.0.0"))
        env = {"DOCKER_CONFIG": str(config)}
        without = checkout.inv_json("outdated", env=env)
        login = base64.b64encode(f"{READER}:{WORD}".encode()).decode()
        (config / "config.json").write_text(json.dumps({"auths": {f"127.0.0.1:{closed}": {"auth": login}}}))
        known = checkout.inv_json("outdated", env=env)
    assert without.code == known.code == 0
    assert [(one["code"], one["fix"]) for one in without.problems] == [
        ("registry-refuses", f"docker login 127.0.0.1:{closed}")
    ]
    # It knows the reader, and no such repository.
    assert known.problems[0]["message"].endswith("it has no such repository")
    assert WORD not in known.out + known.err
    assert login not in known.out + known.err


def test_without_an_answer_the_table_tells_its_age_and_each_registry_is_one_line(checkout: Checkout) -> None:
    silent = f"127.0.0.1:{free_port()}"
    rows = ROW.format(image=f"{silent}/a:1.0.0") + ROW.format(image=f"{silent}/b:0.9.0")
    checkout.write("pins.yml", rows)
    done = checkout.inv("outdated")
    assert done.code == 0
    assert done.err.count(f"note: {silent} does not answer: ") == 1
    assert "1 of 2 pins is behind; 2 are told by pins.yml, looked up " in done.out
    assert [one["answers"] for one in checkout.inv_json("outdated").data["registries"]] == [False]

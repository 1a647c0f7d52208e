"""What services are told of others while they run: which, where it lies, and who may read it."""

import json
import os
from pathlib import Path
from typing import Any

import msgspec
import pytest

from stack.commands import plan
from stack.planning import connections, model
from stack.planning.changes import Change
from stack.planning.planner import Planned
from stack.running import live
from tests.synthetic import facts, planned

MOUNT = {"type": "bind", "source": "./.stack/private/web", "target": "/connections", "read_only": True}
OTHER = {"type": "tmpfs", "target": "/tmp"}
QUEUE = f"amqp://us$$er:{model.token('QUEUE_PASSWORD')}@queue:5672/"
SECRETS = {"QUEUE_PASSWORD": "hunter2hunter2", "STORE_PASSWORD": "another-secret"}


def made(root: Path, *profiles: str, web: dict[str, Any] | None = None) -> Planned:
    """The plan of `web`, which is told of a queue and a store that other profiles bring."""
    mounts = {"volumes": [OTHER, MOUNT], "environment": {"WORD": "x"}}
    others = {"queue": {"profiles": ["messaging"]}, "store": {"profiles": ["search"]}}
    found = facts({"web": mounts if web is None else web, **others}, entries={"web": {"connections": [*others]}})
    said = {
        "queue": {"connect": {"QUEUE_URL": QUEUE}},
        "store": {"connect": {"STORE_URL": f"http://{model.token('STORE_PASSWORD')}@store"}},
    }
    whole = msgspec.structs.replace(found, model={**found.model, "x-stack": said})
    return planned(whole, "core", *profiles, root=root)


def file(root: Path) -> Path:
    return root / ".stack/private/web/connections.json"


def test_a_service_is_told_of_what_is_planned_with_its_password(tmp_path: Path) -> None:
    for profiles, told in (
        ((), {}),
        (("messaging",), {"QUEUE_URL": "amqp://us$er:hunter2hunter2@queue:5672/"}),
        (("search",), {"STORE_URL": "http://another-secret@store"}),
    ):
        live.tell(made(tmp_path, *profiles), SECRETS)
        assert json.loads(file(tmp_path).read_text()) == told


def test_a_password_that_is_not_set_is_empty(tmp_path: Path) -> None:
    live.tell(made(tmp_path, "messaging"), {})
    assert json.loads(file(tmp_path).read_text()) == {"QUEUE_URL": "amqp://us$er:@queue:5672/"}


@pytest.mark.parametrize("mask", [0o000, 0o022, 0o077])
def test_only_its_owner_comes_in_from_outside_and_every_user_reads_what_is_mounted(tmp_path: Path, mask: int) -> None:
    old = os.umask(mask)
    try:
        live.tell(made(tmp_path, "messaging"), SECRETS)
    finally:
        os.umask(old)
    private = file(tmp_path).parent
    modes = [path.stat().st_mode & 0o777 for path in (private.parent, private, file(tmp_path))]
    assert modes == [0o700, 0o755, 0o644]


def test_what_is_new_is_said_by_its_name(tmp_path: Path) -> None:
    assert live.tell(made(tmp_path), SECRETS) == {}
    assert live.untold(made(tmp_path, "messaging"), SECRETS) == {"web": ["QUEUE_URL"]}
    assert live.tell(made(tmp_path, "messaging"), SECRETS) == {"web": ["QUEUE_URL"]}
    assert live.tell(made(tmp_path, "messaging"), SECRETS) == {}
    both = made(tmp_path, "messaging", "search")
    assert live.untold(both, {**SECRETS, "QUEUE_PASSWORD": "new"}) == {"web": ["QUEUE_URL", "STORE_URL"]}
    assert live.tell(made(tmp_path), SECRETS) == {"web": ["QUEUE_URL"]}
    file(tmp_path).write_text("{")
    assert live.tell(made(tmp_path, "messaging"), SECRETS) == {"web": ["QUEUE_URL"]}


def test_only_of_who_runs_on_it_is_said() -> None:
    changes = [Change("web", "unchanged"), Change("other", "recreate"), Change("third", "beyond")]
    untold = {"web": ["A", "B"], "other": ["A"], "third": ["B"], "absent": ["A"]}
    assert plan.connected(changes, untold) == [
        "web runs on, with other connections: A, B",
        "third runs on, with other connections: B",
    ]


def test_what_reads_it_no_more_leaves_nothing_there(tmp_path: Path) -> None:
    """As an ambassador, which mounts nothing: the folder stays, as a container may still have it."""
    live.tell(made(tmp_path, "messaging"), SECRETS)
    live.tell(made(tmp_path, "messaging", web={}), SECRETS)
    assert list(file(tmp_path).parent.iterdir()) == []


def test_where_the_plan_is_fixed_it_is_part_of_the_environment(tmp_path: Path) -> None:
    fixed = connections.inlined(made(tmp_path, "messaging"))
    web = fixed.facts.model["services"]["web"]
    assert web["environment"] == {"WORD": "x", "QUEUE_URL": QUEUE}
    assert web["volumes"] == [OTHER]
    assert connections.of(fixed) == {}

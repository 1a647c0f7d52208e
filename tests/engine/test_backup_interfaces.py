"""Programs that write their snapshot themselves when a backup asks them: Elasticsearch and Qdrant, as stand-ins that
speak this part of their interfaces, under the shipped fragments' own words. What they held comes back into the running
stack; nothing is paused, no password is in an argument, and nothing is left of a snapshot."""

import base64
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from stack.env import envfile
from tests.engine.support import ports, stacks, standins
from tests.engine.support.stacks import Stack
from tests.engine.support.systems import ask

SERVICES = ("--service", "elasticsearch", "--service", "qdrant")
LAYERS: dict[str, dict[str, Any]] = {
    "elasticsearch": {
        "entrypoint": ["python3", "-m", "tests.standins.elasticsearch", "9200", "/usr/share/elasticsearch/data"],
        "volumes": ["./local/standins:/standins:ro"],
    },
    "qdrant": {
        "entrypoint": ["/qdrant/qdrant"],
        "volumes": ["./local/standins:/standins:ro", "./local/qdrant:/qdrant/qdrant:ro"],
    },
}
"""What makes the stand-ins' image each of them. A restore calls Qdrant by the path that it has in its image."""


@pytest.fixture(scope="module")
def stack(new_lasting_stack: Callable[..., Stack], tmp_path_factory: pytest.TempPathFactory) -> Stack:
    standins.build(tmp_path_factory.mktemp("stand-in"))
    images = dict.fromkeys(("ELASTICSEARCH_IMAGE", "QDRANT_IMAGE"), standins.IMAGE)
    base = str(ports.first_free(ports.own(ports.CATALOGUES), standins.HIGHEST_OFFSET + 1))
    found = new_lasting_stack(whole=True, BASE_PORT=base, STACK_PROFILES="search", **images, **stacks.BUILT)
    shutil.copytree(stacks.SOURCE_TREE / "tests/standins", found.root / "local/standins/tests/standins",
                    ignore=shutil.ignore_patterns("__pycache__"))  # fmt: skip
    program = found.root / "local/qdrant"
    program.write_text('#!/bin/sh\nexec env PYTHONPATH=/standins python3 -m tests.standins.qdrant "$@"\n')
    program.chmod(0o755)
    for service, layer in LAYERS.items():
        path = found.root / "local/overrides" / service / "any.yml"
        path.parent.mkdir(parents=True)
        layer["init"] = True
        layer["environment"] = {"PYTHONPATH": "/standins", "PYTHONDONTWRITEBYTECODE": "1"}
        path.write_text(json.dumps({"services": {service: layer}}))
    found.up(*SERVICES)
    return found


class Data:
    """What is in both, over the ports that they publish."""

    def __init__(self, stack: Stack) -> None:
        env = stack.env()
        self.vectors, self.key = f"http://127.0.0.1:{stack.port(101)}", {"api-key": env["QDRANT_API_KEY"]}
        words = base64.b64encode(f"elastic:{env['ELASTIC_PASSWORD']}".encode()).decode()
        self.basic = {"Authorization": f"Basic {words}"}
        self.search = f"http://127.0.0.1:{stack.port(106)}"

    def put(self, text: str) -> None:
        assert ask(f"{self.search}/notes/_doc/{text}", {"text": text}, "PUT", self.basic).status == 201
        assert ask(f"{self.vectors}/collections/{text}", {"vector": text}, "PUT", self.key).status == 200

    def found(self) -> tuple[list[str], list[str]]:
        query = {"query": {"multi_match": {"query": "one two", "fields": ["text"]}}, "size": 10}
        hits = ask(f"{self.search}/notes/_search", query, "POST", self.basic).json["hits"]["hits"]
        told = ask(f"{self.vectors}/collections", None, "GET", self.key).json["result"]["collections"]
        return sorted(hit["_id"] for hit in hits), [one["name"] for one in told]


def beside(stack: Stack, file: str) -> tuple[list[str], list[str]]:
    """What a backup has, brought to another checkout beside this one."""
    name = f"{stack.project}-beside"
    folder = stack.root.parent / name
    try:
        done = stack.inv("restore", file, "--as", name, "--json")
        assert done.code == 0, done
        assert done.json["data"]["folder"] == str(folder)
        assert done.json["data"]["restored"]["services"] == ["elasticsearch", "qdrant"]
        base_port = envfile.parse((folder / ".env").read_bytes())["BASE_PORT"]
        return Data(Stack(folder, name, int(base_port))).found()
    finally:
        stacks.remove(name)


def test_what_they_wrote_themselves_comes_back(stack: Stack, tmp_path: Path) -> None:
    data = Data(stack)
    data.put("one")
    planned = stack.inv("backup", *SERVICES, "--dry-run", "--json").json["data"]["jobs"]
    assert [(job["service"], job["how"], job["paused"]) for job in planned] == [
        ("elasticsearch", "dump", []), ("qdrant", "dump", []), ("qdrant", "files", [])
    ]  # fmt: skip
    file = str(tmp_path / "one.backup")
    done = stack.inv("backup", *SERVICES, "--output", file, "--json")
    assert done.code == 0, done
    assert done.json["data"]["backup"]["answers"] == {"elasticsearch": "1 documents", "qdrant": '[{"name":"one"}]'}
    assert stack.exec("elasticsearch", "ls", "/tmp/backup") == ""
    assert stack.exec("qdrant", "ls", "/qdrant/snapshots") == ""
    data.put("two")

    before = stack.identities()
    assert beside(stack, file) == (["one"], ["one"])
    assert stack.identities() == before

    assert data.found() == (["one", "two"], ["one", "two"])
    done = stack.inv("restore", file, "--yes", "--json")
    assert done.code == 0, done
    assert done.problems == [], done
    assert data.found() == (["one"], ["one"])


def test_one_that_cannot_write_it_fails_the_backup(stack: Stack) -> None:
    """As an Elasticsearch that was started before its fragment named a place for snapshots."""
    path = stack.root / "local/overrides/elasticsearch/any.yml"
    text = path.read_text()
    layer = json.loads(text)
    layer["services"]["elasticsearch"]["environment"]["path.repo"] = ""
    path.write_text(json.dumps(layer))
    try:
        stack.up("--service", "elasticsearch")
        done = stack.inv("backup", "--service", "elasticsearch", "--json")
    finally:
        path.write_text(text)
    assert (done.code, done.problems[0]["code"]) == (1, "backup-program")
    assert "repository_exception" in done.problems[0]["message"]
    assert stack.inv("backup.list", "--json").json["data"]["backups"] == []

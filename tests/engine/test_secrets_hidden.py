"""Secrets: made once, kept, and seen nowhere but in `.env` and in the containers that need them."""

import json
import os
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.engine.support.stacks import Stack, docker

NAMES = ("TELLER_TOKEN", "TELLER_LONG", "REDIS_PASSWORD")


def tellers(stack: Stack) -> None:
    """A service with secrets, and a job that shows them and fails where TELLER_FAILS is set."""
    secrets = {"TELLER_TOKEN": "hex", "TELLER_LONG": "hex:48"}
    environment = {"TOKEN": "${TELLER_TOKEN}", "URL": "http://user:${TELLER_LONG}@example.invalid/"}
    script = 'echo "token is $$TOKEN at $$URL"; exit ${TELLER_FAILS:-0}'
    show = {"command": ["sh", "-c", script], "restart": "no", "init": None, "environment": environment}
    stack.service("teller", entry={"secrets": secrets}, environment=environment, more={"show": show},
                  depends_on={"show": {"condition": "service_completed_successfully"}})  # fmt: skip


@contextmanager
def watched_processes() -> Iterator[set[bytes]]:
    """Every command line that any process of this machine has while the block runs, read again and again."""
    seen: set[bytes] = set()
    over = threading.Event()

    def look() -> None:
        while not over.is_set():
            for entry in os.scandir("/proc"):
                if entry.name.isdecimal():
                    try:
                        seen.add(Path(entry.path, "cmdline").read_bytes())
                    except OSError:
                        continue

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield seen
    finally:
        over.set()
        thread.join()


def test_values_stay_and_show_in_no_output_file_or_process_list(stack: Stack) -> None:
    tellers(stack)
    stack.set(REDIS_SOURCE="build", STACK_PROFILES="small")
    outputs = []
    with watched_processes() as commands:
        outputs.append(stack.up("--service", "redis", "--service", "teller"))
        values = [stack.env()[name] for name in NAMES]
        assert [len(value) for value in values] == [32, 48, 32]
        assert all(re.fullmatch("[A-Za-z0-9]+", value) for value in values)
        assert (stack.root / ".env").stat().st_mode & 0o777 == 0o600
        assert values[0] in docker("logs", f"{stack.project}-show-1")

        outputs.append(stack.inv("up", "--recreate", "--json", "--service", "redis", "--service", "teller"))
        stack.set(TELLER_FAILS="3")
        failed = [stack.inv("up", "--timeout", "60"), stack.inv("up", "--json")]
        assert [one.code for one in failed] == [1, 1]
        assert all("token is [hidden] at http://user:[hidden]@" in one.text for one in failed)
        outputs += failed
    stack.unset("TELLER_FAILS")
    for words in (["plan"], ["status", "--stats"], ["status"], ["source"], ["env.list"], ["env.check"], ["version"],
                  ["env.get", "TELLER_TOKEN"], ["up", "--dry-run"], ["eject", "--output", "out"]):  # fmt: skip
        outputs.append(stack.inv(*words))
        if words[0] != "eject":
            outputs.append(stack.inv(*words, "--json"))
    new = "n" * 24
    outputs.append(stack.inv("env.set", "TELLER_TOKEN", "-", text=f"{new}\n"))
    assert stack.env()["TELLER_TOKEN"] == new
    stack.set(TELLER_TOKEN=values[0])
    outputs.append(stack.inv("down", "--json"))
    every = [*values, new]
    assert not [one for one in outputs if any(value in one.text for value in every)]
    assert not [line for line in commands if any(value.encode() in line for value in every)]
    assert any(b"compose" in line and stack.project.encode() in line for line in commands)
    leaks = [str(path) for path in stack.root.rglob("*") if path.is_file() and path.name != ".env"
             and any(value.encode() in path.read_bytes() for value in every)]  # fmt: skip
    assert leaks == []
    assert [stack.env()[name] for name in NAMES] == values
    assert stack.inv("env.get", "TELLER_TOKEN", "--reveal").out.strip() == values[0]


def test_a_missing_secret_beside_its_data_is_refused_with_both_ways_out(stack: Stack) -> None:
    stack.service("keeper", entry={"secrets": {"KEEPER_KEY": "hex"}}, environment={"KEY": "${KEEPER_KEY}"},
                  volumes=["keeper-data:/data"])  # fmt: skip
    stack.volume("keeper", "keeper-data")
    stack.up()
    key = stack.env()["KEEPER_KEY"]
    assert stack.inv("down").code == 0
    lost = (stack.root / ".env").read_bytes()
    stack.unset("KEEPER_KEY")

    refused = stack.inv("up", "--json")
    assert refused.code == 1
    problem = refused.problems[0]
    assert problem["code"] == "env-lost"
    assert f"{stack.project}_keeper-data" in problem["message"]
    assert "env.set KEEPER_KEY" in problem["fix"]
    assert f"docker volume rm {stack.project}_keeper-data" in problem["fix"]
    assert "KEEPER_KEY" not in stack.env()
    assert stack.containers() == {}

    # One that came with an update since is no lost one, and is made.
    assert stack.inv("env.set", "KEEPER_KEY", "-", text=f"{key}\n").code == 0
    stack.service("keeper", entry={"secrets": {"KEEPER_KEY": "hex", "KEEPER_TOKEN": "hex"}},
                  environment={"KEY": "${KEEPER_KEY}", "TOKEN": "${KEEPER_TOKEN}"},
                  volumes=["keeper-data:/data"])  # fmt: skip
    stack.volume("keeper", "keeper-data")
    stack.up()
    assert stack.exec("keeper", "printenv", "TOKEN").strip() == stack.env()["KEEPER_TOKEN"]
    assert stack.exec("keeper", "printenv", "KEY").strip() == key
    assert stack.inv("down").code == 0
    (stack.root / ".env").write_bytes(lost)
    stack.unset("KEEPER_KEY")
    docker("volume", "rm", f"{stack.project}_keeper-data")
    stack.up()
    assert stack.env()["KEEPER_KEY"] != key


def test_a_secret_set_by_the_shell_against_env_is_an_error(stack: Stack) -> None:
    tellers(stack)
    stack.up()
    refused = stack.inv("up", "--json", env={"TELLER_TOKEN": "something-else"})
    assert refused.code == 1
    assert [problem["code"] for problem in refused.problems] == ["secret-shadowed"]
    assert "something-else" not in json.dumps(refused.json)

"""What any command says to type, whatever was wrong: a line that is understood, that takes away no good value that
stands, and that mends what it is said for."""

import contextlib
import io
import json
import os
import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from invoke.collection import Collection

import tasks
from stack import tree
from stack.cli import usage, words
from stack.env import envfile
from stack.program import Program
from tests import fixes, support
from tests.support import PAIR, fragment

GATE = 'ports: ["127.0.0.1:${GATE_PORT}:80"]'
FILES = {
    **PAIR,
    "compose/kong-api-gateway.yml": fragment("kong-api-gateway", "ports: {GATE_PORT: 23}", GATE),
    "overrides/web/localhost.yml": "services:\n  web:\n    image: example/door:1\n",
    "kong/kong.yml": """_format_version: "3.0"

services:
  - name: "web"
    url: "http://web:80"
    routes:
      - name: "web"
        paths: ["/web/", "~/web$"]
        strip_path: true

consumers:
  - username: "me"
    basicauth_credentials:
      - username: "me"
        password: "mine"
""",
}
NAMES = st.sampled_from([
    "BASE_PORT", "PROJECT_NAME", "PUBLIC_HOST", "BIND_ADDRESS", "REGISTRY_PREFIX", "STACK_PROFILES", "STACK_PATH",
    "NETWORK", "WEB_PORT", "DB_PORT", "WEB_SOURCE", "DB_SOURCE", "WEB_SCALE", "DB_SCALE", "WEB_IMAGE",
    "WEB_BIND_ADDRESS", "DB_PASSWORD", "COMPOSE_FILE", "COMPOSE_PROJECT_NAME", "OLLAMA_MODELS", "WEB_PROT",
])  # fmt: skip
VALUES = st.sampled_from([
    "x", "-1", "0", "3", "1023", "63021", "63022", "64000", "65535", "70000", "localhost", "container", "disabled",
    "dissabled", "core", "nope", "http://a/b", "a b", "/etc", "::1", "0.0.0.0", "Upper", "a" * 70, "tiered",
    "correcthorsebattery",
])  # fmt: skip
LINES = st.dictionaries(NAMES, VALUES, max_size=3)
BROKEN = st.sampled_from(["", "", "", "DB_PORT: 5", "A='open", 'A="x" y', "A=$B", "export", "=x", "A B=c"])
SERVICES = st.sampled_from(["web", "db", "wbe", "kong-api-gateway", "x y", "-w"])
PATHS = st.sampled_from(["/web", "/new", "new", "/new/", "/a b", "~/x(", "/"])
FLAGS = st.sampled_from(["--profile", "--source", "--base-port"])
VERBS = st.sampled_from(["why", "service", "open", "logs", "pln", "remove-service"])
LOOKS = [["plan"], ["env.check"], ["env.list"], ["ports"]]
"""Commands that change nothing: what they told is gone once it is mended."""
TYPED = st.one_of(
    st.sampled_from(LOOKS),
    st.builds(lambda name, value: ["env.set", name, value], NAMES, VALUES),
    st.builds(lambda name: ["env.get", name], NAMES),
    st.builds(lambda name: ["env.unset", name], NAMES),
    st.builds(lambda name, to: ["source", "--service", name, "--to", to], SERVICES, VALUES),
    st.builds(lambda flag, value: ["plan", flag, value], FLAGS, VALUES),
    st.builds(lambda name, path: ["route.add", "--service", name, "--path", path], SERVICES, PATHS),
    st.builds(lambda name: ["route.remove", "--name", name], SERVICES),
    st.builds(lambda verb, path: ["route.test", verb, path], st.sampled_from(["GET", "get", "G T"]), PATHS),
    st.builds(lambda verb, name: [verb, name], VERBS, SERVICES),
    st.builds(lambda name, port: ["add-service", name, "--image", "example/x:1", "--port", port], SERVICES, VALUES),
)  # fmt: skip


_ALL = Collection.from_module(tasks)
COMMANDS = {name: _ALL[name] for name in _ALL.task_names}
CHANGING = {"env.set", "env.unset", "source", "route.add", "route.remove", "remove-service"}
PLACES = {"VALUE", "NUMBER", "NAME", "REF", "N"}
"""Words that stand for what only the user knows."""
BEGINNINGS = (
    "./inv ", "docker ", "unset ", "--", "leave the flag out ", "did you mean ", "known are ", "give another value: ",
    "edit ", "write ", "keep one of ", "close the quote", "put the value in ", "remove it, or write ",
)  # fmt: skip
"""How a fix begins: a line to type, an option of the line that was typed, names that there are, else what to do to the
place that is told."""


class Said(NamedTuple):
    """A command's exit code and its problems."""

    code: int
    problems: list[dict[str, str]]


class Shop(NamedTuple):
    """A checkout in which commands are run in this process, and its files as they were."""

    root: Path
    files: Mapping[str, str]

    def again(self, dotenv: str) -> None:
        """Everything as it was, and this `.env`."""
        for path in self.root.rglob("*"):
            if path.is_file() and ".stack" not in path.parts and str(path.relative_to(self.root)) not in self.files:
                path.unlink()
        for name, text in {**self.files, ".env": dotenv}.items():
            tree.write(self.root / name, text.encode(), 0o600)

    def env(self) -> dict[str, str]:
        return envfile.read((self.root / ".env").read_bytes())[0] if (self.root / ".env").exists() else {}

    def inv(self, *line: str) -> Said:
        out = io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(io.StringIO()):
            try:
                Program(name="inv", version="0", binary="inv", binary_names=["inv"]).run(["inv", *line, "--json"])
                code = 0
            except SystemExit as end:
                code = int(end.code or 0)
        return Said(code, json.loads(out.getvalue())["problems"])


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    root = tmp_path_factory.mktemp("shop")
    made = Shop(root, FILES)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tree, "root", lambda: root)
        for name in set(os.environ) - support.environment().keys():
            patch.delenv(name)
        patch.setenv("DOCKER_HOST", support.NO_ENGINE)
        yield made


def understood(line: list[str]) -> None:
    """Fails where the program refuses the words of a line before it runs anything."""
    options = usage.options(COMMANDS[line[0]].get_arguments(ignore_unknown_help=True))
    words.read(line[0], line[1:], options, list(COMMANDS))


def follow(shop: Shop, fix: str) -> bool:
    """Type a fix where all of it is lines that change settings, sources or routes; whether it is."""
    lines = [shlex.split(part) for part in fix.split(" && ")] if fix.startswith("./inv ") else [[]]
    if not all(line[:1] == ["./inv"] and line[1] in CHANGING and not PLACES & {*line} for line in lines):
        return False
    for line in lines:
        done = shop.inv(*line[1:])
        assert done.code == 0, (fix, done)
    return True


def told(shop: Shop, dotenv: str) -> str:
    """All that is wrong with a `.env`, as text."""
    shop.again(dotenv)
    return json.dumps([shop.inv(*look).problems for look in LOOKS[:2]])


@settings(max_examples=10, deadline=None)
@example(values={}, broken="", line=["remove-service", "db"])
@example(values={}, broken="", line=["remove-service", "kong-api-gateway"])
@given(LINES, BROKEN, TYPED)
def test_a_fix_is_understood_takes_no_good_value_away_and_mends_what_it_is_said_for(
    shop: Shop, values: dict[str, str], broken: str, line: list[str]
) -> None:
    dotenv = "".join(f"{one}\n" for one in [*(f"{name}={value}" for name, value in values.items()), broken] if one)
    shop.again(dotenv)
    said = shop.inv(*line)
    fixes.check(said.problems)
    for problem in said.problems:
        fix = problem["fix"]
        for match in fixes.LINE.finditer(fix) if "./inv " in fix else ():
            understood(shlex.split(match[1] + match[2]))
        assert fix.startswith(BEGINNINGS), problem
        shop.again(dotenv)
        shop.inv(*line)
        standing = shop.env()
        if not follow(shop, fix):
            continue
        now = shop.env()
        if line in LOOKS:
            left = shop.inv(*line)
            assert (problem["code"], problem["where"]) not in [(one["code"], one["where"]) for one in left.problems]
        changed = {name for name in standing | now if name in standing and now.get(name) != standing[name]}
        # As it stands it was wrong, beside the others or alone: one mistake may hide another.
        alone = "".join(f"{name}={standing[name]}\n" for name in changed)
        wrong = "".join(told(shop, one) for one in (dotenv, alone) if changed)
        assert not [name for name in changed if name not in wrong], problem

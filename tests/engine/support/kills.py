"""Commands that are killed at random moments, and what must hold after each kill."""

import random
import re
import subprocess
import time
from collections import Counter
from collections.abc import Callable

from stack import yamlfile
from stack.env import envfile
from tests.engine.support import stacks
from tests.engine.support.stacks import Stack

ADDED = "added"
"""The service that comes and goes."""
LONG = 16
"""Characters from which a value of `.env` counts as a secret here."""
FIRST = 3.0
"""Seconds in which a command dies whose length is not known yet."""
BEYOND, LONGER = 1.3, 1.2
"""How far behind its end, in times of its length, a command may be killed: what is never done leaves nothing for its
inverse to take away. And how much longer one is thought that was killed."""
LEAST = 0.05
"""Seconds that a command has at least: Python itself has begun then."""


class Kills:
    """A checkout with a few services, and the commands that change it; `rng` chooses what is typed, and when it
    dies."""

    def __init__(self, stack: Stack, rng: random.Random) -> None:
        self.stack, self.rng = stack, rng
        self.seconds: dict[str, float] = {}
        self.killed, self.late = Counter[str](), Counter[str]()
        only_its_own_routes(stack)
        check = {"test": ["CMD", "true"], "interval": "1s"}
        stack.service("web", entry={"secrets": {"WEB_KEY": "hex"}, "url": "http://web:8080"}, expose=["8080"],
                      environment={"KEY": "${WEB_KEY}", "HOST": "${PUBLIC_HOST}"}, healthcheck=check)  # fmt: skip
        stack.service("after", depends_on={"web": {"condition": "service_healthy"}})
        stack.service("job", command=["true"], restart="no")
        stack.up()

    def words(self) -> tuple[str, ...]:
        """A command that has something to do as things stand."""
        number = self.rng.randrange(10**6)
        there = (self.stack.root / "compose" / f"{ADDED}.yml").exists()
        add = ("add-service", ADDED, "--image", stacks.BASE, "--port", "8000", "--command", "sleep infinity",
               "--profile", "small", "--route", f"/{ADDED}", "--auth", "basic", "--env", f"N={number}", "--source",
               "localhost")  # fmt: skip
        return self.rng.choice([
            ("up", "--recreate") if number % 3 == 0 else ("up",),
            ("down",),
            ("remove-service", ADDED, "--yes") if there else add,
            ("route.remove", "--name", "web-extra") if self.routed("web-extra")
            else ("route.add", "--service", "web", "--path", "/extra"),
            ("env.set", "PUBLIC_HOST", f"h{number}.example"),
            ("doctor", "--fix", "--yes"),
        ])  # fmt: skip

    def routed(self, name: str) -> bool:
        return f'name: "{name}"' in (self.stack.root / "kong" / "kong.yml").read_text()

    def kill(self) -> None:
        """One command, killed within the time that it takes, and a look at what it left."""
        words = self.words()
        began = time.monotonic()
        limit = max(LEAST, self.rng.random() * BEYOND * self.seconds.get(words[0], FIRST))
        running = self.stack.start(*words)
        try:
            running.process.wait(limit)
            self.late[words[0]] += 1
            self.seconds[words[0]] = time.monotonic() - began
            # doctor tells that nothing listens where web says to.
            assert running.end() == (1 if words[0] == "doctor" else 0), f"{words}: {running.text}"
        except subprocess.TimeoutExpired:
            running.kill()
            running.process.wait()
            self.killed[words[0]] += 1
            # Where it is always killed, it gets longer.
            self.seconds[words[0]] = self.seconds.get(words[0], FIRST) * LONGER
        self.look(f"{' '.join(words)} after {limit:.3f} s")

    def look(self, what: str) -> None:
        """Nothing is half written, no secret got out, the next command works, and the stack comes up."""
        stack = self.stack
        # Those are ignored by git, and swept by the next write.
        dotted = [path for path in stack.root.rglob(".*") if path.is_file() and not path.name.startswith(".inv-")]
        loose = [path for path in dotted if path.name not in KNOWN and ".stack" not in path.parts]
        assert not loose, f"{what}: {loose}"
        self.read(what)
        self.hidden(what)
        done = stack.inv("plan")
        assert done.code == 0, f"{what}: {done}"
        half = [str(path) for path in stack.root.rglob(".inv-*") if ".stack" not in path.parts]
        assert not half, f"{what}: {half}"
        fragment = (stack.root / "compose" / f"{ADDED}.yml").exists()
        override = (stack.root / "overrides" / ADDED / "localhost.yml").exists()
        assert fragment == override == self.routed(ADDED), f"{what}: {ADDED} is there in part"
        done = stack.inv("up")
        assert done.code == 0, f"{what}: {done}"
        states = {name: one["State"] for name, one in stack.containers().items()}
        assert {"web-1", "after-1", "job-1"} <= states.keys(), f"{what}: {states.keys()}"
        assert states["web-1"]["Health"]["Status"] == "healthy", what
        assert stack.files_are_whole(), what

    def read(self, what: str) -> None:
        """Each file that a command writes can be read."""
        stack = self.stack
        assert (stack.root / ".env").stat().st_mode & 0o777 == 0o600, what
        assert envfile.parse((stack.root / ".env").read_bytes())["PROJECT_NAME"] == stack.project, what
        for path in [*stack.root.glob("compose/*.yml"), *stack.root.glob("overrides/*/*.yml"),
                     stack.root / "kong" / "kong.yml", stack.root / "compose.yaml"]:  # fmt: skip
            if path.exists():
                assert yamlfile.load(path.name, path.read_text()), f"{what}: {path}"

    def hidden(self, what: str) -> None:
        """The secrets stand in `.env` and nowhere else."""
        values = [value.encode() for name, value in self.stack.env().items()
                  if len(value) >= LONG and re.fullmatch(r"[A-Za-z0-9]+", value)]  # fmt: skip
        assert values, what
        for path in self.stack.root.rglob("*"):
            if path.is_file() and path.name != ".env":
                data = path.read_bytes()
                assert not [value for value in values if value in data], f"{what}: a secret is in {path}"


def only_its_own_routes(stack: Stack) -> None:
    """Of the gateway's file, leave the first service: the others' are not in the checkout, and a file that names them
    is refused by whatever changes a route."""
    path = stack.root / "kong" / "kong.yml"
    text = path.read_text()
    services = text.index("\nservices:\n")
    second = text.index("\n\n", services)
    path.write_text(text[:second] + text[text.index("\nroutes:\n") :])


KNOWN = frozenset({".env", ".env.example", ".dockerignore", ".gitignore"})


def run(make: Callable[..., Stack], count: int, seed: int, say: Callable[[str], None]) -> None:
    """Kill until `count` commands died at work. Those that were done before are told, too."""
    say(f"seed {seed}")
    kills = Kills(make(), random.Random(seed))
    while kills.killed.total() < count:
        kills.kill()
        assert kills.late.total() <= 3 * count, "too many commands are done before they are killed"
    for name in sorted({*kills.killed, *kills.late}):
        say(f"{name}: {kills.killed[name]} killed, {kills.late[name]} done before")
    say(f"{kills.killed.total()} killed, {kills.late.total()} done before; 0 failures")

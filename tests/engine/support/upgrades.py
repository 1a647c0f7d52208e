"""Upgrades and rollbacks that are cut off at random moments, and what must hold after each."""

import random
import subprocess
import time
from collections import Counter
from collections.abc import Callable

from tests.engine.support import images, stacks
from tests.engine.support.stacks import Stack, docker

FIRST = {"upgrade": 12.0, "rollback": 8.0}
"""Seconds that each is thought to take before one was seen to its end."""
BEYOND, LONGER = 1.2, 1.1
"""How far behind its end, in times of its length, one may be cut off, and how much longer one is thought that was."""


class Upgrades:
    """A program with data whose image goes to and fro; `rng` chooses what is typed, and when and how it is cut off.
    Nothing but the test writes the data, so what is found must be one of the states that it was left in."""

    def __init__(self, stack: Stack, port: int, rng: random.Random) -> None:
        self.stack, self.port, self.rng = stack, port, rng
        self.seconds, self.cut, self.late = dict(FIRST), Counter[str](), Counter[str]()
        for tag in ("1", "2"):
            files = {**images.root_filesystem(), "which": f"app:{tag}\n".encode()}
            images.publish(port, f"app:{tag}", images.layer(files))
        (stack.root / "pins.yml").write_text("[]\n")
        question = ["sh", "-c", "read -r first < /data/rows && echo $$first"]
        stack.service("app", image=f"${{APP_IMAGE:-127.0.0.1:{port}/app:1}}", volumes=["data:/data"],
                      command=["sh", "-c", "[ -e /data/rows ] || echo 0 > /data/rows; exec sleep infinity"],
                      healthcheck={"test": "read -r found < /data/rows", "interval": "1s"},
                      entry={"backup": {"question": question}})  # fmt: skip
        stack.volume("app", "data")
        stack.service("after", depends_on={"app": {"condition": "service_healthy"}})
        stack.up()
        self.known = {self.rows()}

    def rows(self) -> str:
        return self.stack.exec("app", "sh", "-c", "while read -r row; do echo $row; done < /data/rows")

    def write(self) -> None:
        """One row more, and another image to be moved to."""
        number = self.rng.randrange(10**9)
        self.stack.exec("app", "sh", "-c", f"echo {number} >> /data/rows")
        self.known.add(self.rows())
        other = "1" if "app:2" in self.which() else "2"
        assert self.stack.inv("env.set", "APP_IMAGE", f"127.0.0.1:{self.port}/app:{other}").code == 0

    def which(self) -> str:
        return self.stack.exec("app", "sh", "-c", images.WHICH).strip()

    def one(self, words: tuple[str, ...]) -> None:
        """One command, cut off within the time that it takes, and a look at what it left."""
        limit = self.rng.random() * BEYOND * self.seconds[words[0]]
        running, began = self.stack.start(*words), time.monotonic()
        try:
            running.process.wait(limit)
            assert running.end() == 0, f"{words}: {running.text}"
            self.late[words[0]] += 1
            self.seconds[words[0]] = time.monotonic() - began
        except subprocess.TimeoutExpired:
            self.cut[words[0]] += 1
            self.seconds[words[0]] *= LONGER
            if self.rng.random() < 0.5:
                running.interrupt()
                running.end()
            else:
                running.kill()
                running.process.wait()
        self.look(f"{' '.join(words)} after {limit:.1f} s: {running.text[-2000:]}")

    def look(self, what: str) -> None:
        """Nothing is half written, paused or left over; the next command goes on or back, and the data is whole."""
        stack = self.stack
        stacks.until(
            lambda: not any(one["State"]["Paused"] for one in stack.containers().values()), "what is paused goes on"
        )
        assert (stack.root / ".env").stat().st_mode & 0o777 == 0o600, what
        assert stack.inv("history", "--json").json["data"]["starts"], what
        done = stack.inv("plan")
        assert done.code == 0, f"{what}: {done}"
        back = self.rng.random() < 0.3
        done = stack.inv("rollback", "--yes") if back else stack.inv("up")
        assert done.code == 0, f"{what}: {done}"
        assert stack.files_are_whole(), what
        chosen = stack.env().get("APP_IMAGE", "app:1").rpartition("/")[2]
        assert self.which() == chosen, f"{what}, then {done}"
        assert self.rows() in self.known, f"{what}, then {done}: {self.rows()}"
        left = ["ps", "-aq", "--filter", f"label=com.docker.compose.project={stack.project}-restore"]
        stacks.until(lambda: not docker(*left).strip(), "what filled a volume is gone")


def run(stack: Stack, port: int, count: int, seed: int, say: Callable[[str], None]) -> None:
    """Cut off `count` commands, upgrades and rollbacks in turn, some of these with the data of before."""
    say(f"seed {seed}")
    upgrades = Upgrades(stack, port, random.Random(seed))
    while upgrades.cut.total() < count:
        upgrades.write()
        upgrades.one(("upgrade", "--yes"))
        starts = stack.inv("history", "--json").json["data"]["starts"]
        data = ("--data",) if starts[0]["backup"] and upgrades.rng.random() < 0.5 else ()
        upgrades.one(("rollback", "--yes", *data))
        assert upgrades.late.total() <= 3 * count, "too many commands are done before they are cut off"
    # Whatever took the place of what, all but what is used can go.
    assert stack.inv("restore", "--forget", "--yes").code == 0
    assert upgrades.rows() in upgrades.known
    assert len(stack.listed("volume")) == 1
    told = ", ".join(f"{name}: {upgrades.cut[name]} cut off, {upgrades.late[name]} done before" for name in FIRST)
    say(f"{told}; 0 failures")

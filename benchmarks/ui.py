"""What the page of ./inv ui costs and how fast it is, in a real browser with the whole catalogue planned.

    .venv/bin/python -m benchmarks.ui      two minutes; needs an engine with the project's base image, and chromedriver

Prints a Markdown table. The project is `ui-bench`, with one container, which is removed again."""

import json
import os
import resource
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

from stack import client, docker
from tests.engine.support import browser, stacks
from tests.engine.support.browser import Browser
from tests.engine.support.stacks import Stack
from tests.support import SHIPPED, make

PROJECT, BASE_PORT, RUNS = "ui-bench", 27100, 7
RATE, SECONDS, IDLE_S = 5_000, 10, 30
TALK = f"""while :; do
until [ -e /tmp/go ]; do sleep .1; done; rm /tmp/go; i=0
while [ $$i -lt {SECONDS * 10} ]; do
  seq -f "INFO request %.0f served in 12 ms" {RATE // 10}; sleep .1; i=$$((i+1))
done; done"""
TICK = os.sysconf("SC_CLK_TCK")
CHANGED = """
const node = document.querySelector('.node[data-name=talker]'), wanted = arguments[0];
window.seen = new Promise((done) => new MutationObserver((_, all) => {
  if (node.dataset.kind === wanted) { all.disconnect(); done(Date.now()); }
}).observe(node, { attributes: true }));"""
LATENCY = """
return window.seen.then(async (at) => at - 1000 * (await import('/page/store.js')).last('happened').at(-1).at);"""
FRAMES = """
window.gaps = []; let before = performance.now();
const frame = (now) => { window.gaps.push(now - before); before = now; requestAnimationFrame(frame); };
requestAnimationFrame(frame);"""


def spent(process: int) -> float:
    """Processor seconds of a process."""
    words = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(words[11]) + int(words[12])) / TICK


def resident(process: int) -> float:
    """Its memory in MB."""
    line = next(one for one in Path(f"/proc/{process}/status").read_text().splitlines() if one.startswith("VmRSS"))
    return int(line.split()[1]) / 1000


def row(what: str, value: str, target: str = "") -> None:
    print(f"| {what} | {value} | {target} |", flush=True)


def painted(page: Browser, url: str) -> None:
    """First paint, and every service on the page."""
    first, whole = [], []
    for _ in range(RUNS):
        page.enter(url, "document.querySelectorAll('.node').length > 40")
        whole.append(page.run("return performance.now()"))
        first.append(page.run("return performance.getEntriesByName('first-contentful-paint')[0].startTime"))
    count = page.run("return document.querySelectorAll('.node').length")
    row(f"first paint, {count} services", f"{statistics.median(first):.0f} ms", "300 ms")
    row("every service drawn", f"{statistics.median(whole):.0f} ms")


def events(page: Browser) -> None:
    """From an engine's event to the page."""
    page.until("document.querySelector('.node[data-name=talker]').dataset.kind === 'ok'")
    late = []
    for action, kind in (("pause", "idle"), ("unpause", "ok")) * RUNS:
        page.run(CHANGED, kind)
        stacks.docker(action, f"{PROJECT}-talker-1")
        late.append(page.run(LATENCY))
    row(
        "an engine's event on the page",
        f"{statistics.median(late):.0f} ms (worst of {len(late)}: {max(late):.0f})",
        "200 ms",
    )


def idle(process: int) -> None:
    """One page open, nothing happens."""
    before = spent(process)
    time.sleep(IDLE_S)
    row("idle, one page open", f"{(spent(process) - before) / IDLE_S:.1%} of a core", "2 %")
    row("its memory", f"{resident(process):.0f} MB", "80 MB")


def talked(page: Browser, process: int) -> None:
    """A log of many lines a second."""
    page.run("location.hash = '#/service/talker/log'")
    page.until("document.querySelector('.log output')")
    page.devtools("Performance.enable", timeDomain="threadTicks")
    page.run(FRAMES)
    before, own = spent(process), worked(page)
    stacks.docker("exec", f"{PROJECT}-talker-1", "touch", "/tmp/go")
    last = RATE // 10
    page.until("document.querySelector('.log output').innerText === '10,000 lines'")
    time.sleep(SECONDS)
    page.until(f"document.querySelector('.log-rows').innerText.includes('request {last} served')")
    gaps = page.run("return window.gaps")
    own = {name: (value - own[name]) / SECONDS for name, value in worked(page).items()}
    long = [gap for gap in gaps if gap > 50]
    row(
        f"{RATE:,} lines a second: frames later than 50 ms",
        f"{len(long)} of {len(gaps)} (worst {max(gaps):.0f} ms)",
        "none",
    )
    parts = ", ".join(f"{name} {1000 * own[f'{name}Duration']:.0f}" for name in ("Script", "RecalcStyle", "Layout"))
    row("the same: the page's own thread", f"{own['TaskDuration']:.1%} of a core (ms in a second: {parts})")
    row(f"the same: the server for {RATE * SECONDS:,} lines", f"{spent(process) - before:.1f} s of a core")
    row("the engine's API alone, read by curl", f"{read():.1f} s of a core")


def worked(page: Browser) -> dict[str, float]:
    """Processor seconds of the page's own thread so far, by kind of work."""
    return {one["name"]: one["value"] for one in page.devtools("Performance.getMetrics")["metrics"]}


def read() -> float:
    """Processor seconds for reading the same lines from the engine."""
    container = json.loads(stacks.docker("inspect", f"{PROJECT}-talker-1"))[0]["Id"]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    path = f"http://docker/containers/{container}/logs?stdout=1&timestamps=1&tail={RATE * SECONDS}"
    subprocess.run(["curl", "-s", "--unix-socket", client.endpoint().removeprefix(docker.UNIX), path],
                   stdout=subprocess.DEVNULL, check=True)  # fmt: skip
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "checkout"
        make(root, SHIPPED, {".env": f"PROJECT_NAME={PROJECT}\nBASE_PORT={BASE_PORT}\nSTACK_PROFILES=all\n"})
        stack = Stack(root, PROJECT, BASE_PORT)
        stack.service("talker", profiles=["app"], command=["sh", "-c", TALK])
        try:
            stack.up("--service", "talker")
            measured(stack)
        finally:
            stacks.remove(PROJECT)


def measured(stack: Stack) -> None:
    """Each row of the table."""
    served = stack.start("ui", "--no-open", "--read-only")
    url = served.wait_for("http://").rpartition(" ")[2]
    print("| what | here | at most |\n|---|---|---|")
    try:
        with browser.of_machine() as driver, Browser(driver) as page:
            page.enter(url, "document.querySelector('.node')")
            painted(page, url)
            events(page)
            idle(served.process.pid)
            talked(page, served.process.pid)
    finally:
        served.interrupt()
        served.end()


if __name__ == "__main__":
    main()

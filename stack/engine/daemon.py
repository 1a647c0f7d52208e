"""Starts and stops the system's Docker engine: by systemd where that runs, else dockerd by hand."""

import time
from collections.abc import Callable
from pathlib import Path

from stack import process
from stack.engine import probe, record
from stack.engine.facts import DEFAULT_ENDPOINT, Facts
from stack.errors import fail

# dockerd answers within a second or two; a cold disk and many containers to look through make it minutes.
START_LIMIT_S = 120.0
# dockerd gives its containers 15 s, and takes as long again for itself.
STOP_LIMIT_S = 60.0
POLL_S = 0.1
# Root's own shell opens the log; setsid lets the daemon outlive this terminal.
START_SCRIPT = """
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin
rm -f "$2"
setsid dockerd --pidfile "$2" </dev/null >>"$1" 2>&1 &
echo $!
"""


def start(facts: Facts, say: Callable[[str], None]) -> None:
    """Starts the engine and waits until it answers. Raises StackError with the last lines of its log."""
    say("starting the Docker engine …")
    if facts.systemd:
        command = process.as_root(["systemctl", "start", "docker"])
        fix = "journalctl -u docker -n 50 --no-pager"
        process.output(command, what="systemctl start docker", fix=fix, limit_s=START_LIMIT_S)
        _note("by systemd", 0)
        _wait_for_answer(lambda: True, fix, lambda: "")
        return
    log, pids = record.folder() / "dockerd.log", record.folder() / "dockerd.pid"
    log.parent.mkdir(parents=True, exist_ok=True)
    command = process.as_root(["sh", "-c", START_SCRIPT, "sh", str(log), str(pids)])
    begin = log.stat().st_size if log.exists() else 0
    fix = f"tail -n 50 {log}"
    pid = int(process.output(command, what="starting dockerd", fix=fix, limit_s=30).split()[-1])
    _note("by hand", pid)
    _wait_for_answer(lambda: _alive(pid), fix, lambda: _said_since(log, begin))


def started() -> bool:
    """Whether there is an engine that `start` started."""
    kept = record.read()
    return kept.started == "by systemd" or _is_ours(kept)


def stop(say: Callable[[str], None]) -> bool:
    """Stops the engine that `start` started, and only that; False where there is none.

    Raises StackError if it does not end in time."""
    kept = record.read()
    if kept.started == "by systemd":
        say("stopping the Docker engine …")
        command = process.as_root(["systemctl", "stop", "docker.socket", "docker"])
        process.output(command, what="systemctl stop docker", fix=" ".join(command), limit_s=STOP_LIMIT_S)
    elif _is_ours(kept):
        say("stopping the Docker engine …")
        # The shell's own kill: a small Debian has no program of that name.
        command = process.as_root(["sh", "-c", f"kill {kept.pid}"])
        process.output(command, what="ending dockerd", fix=" ".join(command), limit_s=10)
        _wait_for_end(kept.pid)
    else:
        return False
    kept.started, kept.pid, kept.created = "", 0, 0.0
    record.write(kept)
    return True


def _note(how: str, pid: int) -> None:
    import psutil

    kept = record.read()
    kept.started, kept.pid = how, pid
    kept.created = psutil.Process(pid).create_time() if pid and _alive(pid) else 0.0
    record.write(kept)


def _is_ours(kept: record.Record) -> bool:
    """Whether the recorded process is the dockerd that we started: process numbers are used again."""
    import psutil

    try:
        found = psutil.Process(kept.pid) if kept.pid else None
        return found is not None and found.create_time() == kept.created and _alive(kept.pid)
    except psutil.Error:
        return False


def _alive(pid: int) -> bool:
    import psutil

    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.Error:
        return False


def _wait_for_answer(running: Callable[[], bool], fix: str, log: Callable[[], str]) -> None:
    """Until the engine answers or denies us; polled, since dockerd makes its socket before it can answer."""
    for _ in range(int(START_LIMIT_S / POLL_S)):
        if probe.ask(DEFAULT_ENDPOINT).state in {"answers", "denied"}:
            return
        if not running():
            raise fail("engine-start", f"dockerd ended by itself{process.last_lines(log())}", fix=fix)
        time.sleep(POLL_S)
    raise fail("engine-start", f"dockerd does not answer after {START_LIMIT_S:.0f} s", fix=fix)


def _wait_for_end(pid: int) -> None:
    for _ in range(int(STOP_LIMIT_S / POLL_S)):
        if not _alive(pid):
            return
        time.sleep(POLL_S)
    raise fail(
        "engine-stop",
        f"dockerd (process {pid}) has not ended after {STOP_LIMIT_S:.0f} s",
        fix=f"ps -fp {pid}",
    )


def _said_since(log: Path, begin: int) -> str:
    """What the log has got since it was `begin` bytes long, without the lines that only inform."""
    try:
        with log.open("rb") as file:
            file.seek(begin)
            lines = file.read().decode(errors="replace").splitlines()
    except OSError:
        return ""
    return "\n".join(line for line in lines if "level=info" not in line)

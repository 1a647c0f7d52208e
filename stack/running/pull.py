"""Pulling images: bytes as they arrive, and each failure told as what it is."""

import contextlib
import json
import os
import re
import signal
import subprocess
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor

import msgspec

from stack import docker
from stack.errors import Problem, StackError
from stack.output.progress import Progress

AT_ONCE = 3
"""Images pulled side by side; the engine itself takes three layers of each at a time."""


class Outcome(msgspec.Struct, frozen=True):
    """How one pull ended: `kind` is "" for success, else one of KINDS; `words` are the engine's own."""

    image: str
    kind: str = ""
    words: str = ""


# kind, what the engine's message contains (a status with its words, as ports and digests hold any number), what it
# means.
KINDS: tuple[tuple[str, str, str], ...] = (
    (
        "helper",
        r"error getting credentials|docker-credential-",
        "the program that keeps your logins, of which ~/.docker/config.json tells, does not work here",
    ),
    ("space", r"no space left on device", "the disk is full"),
    (
        "platform",
        r"no matching manifest|does not match the specified platform|no image found in manifest list",
        "it has no build for this machine's architecture",
    ),
    (
        "tag",
        (
            r"manifest unknown|not found: manifest|manifest for .* not found|: not found$|NAME_UNKNOWN|name unknown"
            r"|tag does not exist"
        ),
        "the registry has no such tag",
    ),
    ("rate", r"toomanyrequests|429 Too Many|rate limit", "the registry's rate limit is reached"),
    (
        "denied",
        r"(?<!permission )denied|unauthorized|authentication required|40[13] (?:Forbidden|Unauthorized)|no basic auth",
        "the registry refuses it: no such repository, or a login is needed",
    ),
    (
        "cut",
        r"unexpected EOF|connection reset|broken pipe|short read|failed to copy|filesystem layer verification|: EOF$",
        "the connection was cut while bytes arrived",
    ),
    (
        "unreachable",
        (
            r"no such host|connection refused|network is unreachable|no route to host|i/o timeout|Client\.Timeout"
            r"|TLS handshake timeout|context deadline|proxyconnect|server misbehaving|x509|request canceled"
            r"|temporary failure in name resolution|server gave HTTP response to HTTPS client"
            r"|50[234] (?:Bad Gateway|Service Unavailable|Gateway)"
        ),
        "no registry can be reached",
    ),
)


def classify(words: str) -> str:
    """The kind of failure that the engine's message tells; "other" where none is known."""
    return next((kind for kind, pattern, _ in KINDS if re.search(pattern, words, re.IGNORECASE)), "other")


def meaning(kind: str) -> str:
    """What a kind of failure means, in words."""
    return next((text for name, _, text in KINDS if name == kind), "the pull failed")


FIXES = {
    "helper": 'take "credsStore" and "credHelpers" out of ~/.docker/config.json, then ./inv up',
    "space": "docker system df",
    "platform": "--source S=build or --source S=disabled for this service",
    "tag": "./inv env.unset the service's _IMAGE, or set it to a tag that exists",
    "denied": "docker login the registry, or check the image's name",
    "cut": "./inv up (what has arrived is kept)",
    "rate": "docker login, or ./inv env.set REGISTRY_PREFIX your-mirror",
    "unreachable": (
        "./inv env.set REGISTRY_PREFIX your-mirror, or bring it from a machine that has it: docker save there, "
        "docker load here"
    ),
}


GONE = "the registry no longer has this digest, by which images.lock or a setting names it"
GIVE_UP = "./inv lock --remove --service S for this service, then ./inv up: it runs what the tag is now"


def problem(outcome: Outcome) -> Problem:
    """One failed pull as a problem."""
    gone = outcome.kind == "tag" and "@" in outcome.image
    message = f"{outcome.image}: {GONE if gone else meaning(outcome.kind)} ({outcome.words})"
    fix = GIVE_UP if gone else FIXES.get(outcome.kind, "./inv up")
    return Problem(f"pull-{outcome.kind}", message, outcome.image, fix)


def pull(images: Iterable[str], tell: Callable[[str, str], None]) -> list[Outcome]:
    """Pull each image, a few at a time. `tell(image, text)` hears of each change ("40 %").

    A pull that was cut is taken up again, twice; the engine keeps the layers that are whole."""
    _stopping.clear()
    pool = ThreadPoolExecutor(AT_ONCE)
    try:
        return list(pool.map(lambda image: _persist(image, tell), dict.fromkeys(images)))
    except KeyboardInterrupt:
        pool.shutdown(wait=False, cancel_futures=True)
        stop_all()
        raise
    finally:
        pool.shutdown()


def each(images: Iterable[str], progress: Progress) -> None:
    """Pull each image, told line by line. Raises StackError with every one that can't be had."""
    failed = [one for one in pull(images, lambda image, text: progress.tell(image, f"pulling {text}")) if one.kind]
    if failed:
        raise StackError([problem(outcome) for outcome in failed])


def _persist(image: str, tell: Callable[[str, str], None]) -> Outcome:
    outcome = _pull(image, tell)
    for _ in range(2):
        if outcome.kind != "cut":
            break
        tell(image, "cut off, going on")
        outcome = _pull(image, tell)
    return outcome


def _pull(image: str, tell: Callable[[str, str], None]) -> Outcome:
    project = json.dumps({"name": "pull", "services": {"image": {"image": image}}})
    process = subprocess.Popen(
        ["docker", "compose", "--progress", "json", "-f", "-", "pull"],
        stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
        env=docker.environment(), start_new_session=True,
    )  # fmt: skip
    assert process.stdin is not None
    assert process.stderr is not None
    process.stdin.write(project)
    process.stdin.close()
    with process, _ended_with_us(process):
        words = _follow(image, process.stderr, tell)
        code = process.wait()
    return Outcome(image) if code == 0 else Outcome(image, classify(words), words)


_running: set["subprocess.Popen[str]"] = set()
_stopping = threading.Event()


@contextlib.contextmanager
def _ended_with_us(process: "subprocess.Popen[str]") -> Iterator[None]:
    """Ends the process when the block is left early."""
    _running.add(process)
    try:
        # One that was about to begin when all were ended.
        if _stopping.is_set():
            _end(process)
        yield
    finally:
        _running.discard(process)
        _end(process)


def _end(process: "subprocess.Popen[str]") -> None:
    """End a pull that still runs. Killed with its plugin, as either waits for a registry that does not answer; the
    engine gives the pull up once nobody listens."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)


def stop_all() -> None:
    """End every pull under way, and every one that is about to begin (Ctrl-C)."""
    _stopping.set()
    for process in list(_running):
        _end(process)


def _follow(image: str, lines: Iterable[str], tell: Callable[[str, str], None]) -> str:
    """Read Compose's progress events: tell the share of bytes that is here, give back the error's words."""
    layers: dict[str, tuple[int, int]] = {}
    words, last = "", ""
    for line in lines:
        try:
            event = json.loads(line)
        except ValueError:
            words = line.strip() or words
            continue
        if event.get("error") or event.get("text") == "Error":
            words = event.get("status") or event.get("message") or words
        if event.get("text") == "Downloading" and event.get("total"):
            layers[event["id"]] = (event.get("current", 0), event["total"])
            share = f"{100 * sum(c for c, _ in layers.values()) // sum(t for _, t in layers.values())} %"
            if share != last:
                last = share
                tell(image, share)
    return words.removeprefix("Error response from daemon: ")

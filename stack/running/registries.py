"""What a registry has of an image, without a pull: its tags, and what is behind one of them; by the distribution API,
with the logins that docker keeps (`distribution`).

https://github.com/opencontainers/distribution-spec/blob/main/spec.md#pull"""

import contextlib
import hashlib
import json
import queue
import re
import threading
import time
import urllib.parse
from collections.abc import Callable, Iterable
from ipaddress import ip_address, ip_network
from typing import Any, TypeVar

import msgspec

from stack import docker
from stack.errors import StackError
from stack.planning import pins
from stack.running import distribution, sockets
from stack.running.distribution import ABSENT, RefusedError, Reply, SilentError
from stack.running.logins import HUB

T = TypeVar("T")

WHOLE_LIMIT = 40.0
"""Seconds for all of them: some registries give a hundred tags an answer, and have thousands."""
AT_ONCE = 8
PAGE = 1000
"""Tags that one answer is asked for; a registry gives less as it likes."""
OCI, DOCKER = "application/vnd.oci.image", "application/vnd.docker.distribution.manifest"
MANIFESTS = f"{OCI}.index.v1+json, {DOCKER}.list.v2+json, {OCI}.manifest.v1+json, {DOCKER}.v2+json"
"""The forms of a manifest that engines pull by."""


class Manifest(msgspec.Struct, frozen=True):
    """What is behind a tag: its digest, the platforms that it is for, and of this machine's the bytes that a pull of
    all of it would bring, when it was made (empty where nothing says), and the digest of its configuration, by which
    an engine that keeps images in the old way calls it."""

    digest: str
    platforms: list[str]
    download_bytes: int
    created: str
    config: str


class Answer(msgspec.Struct, frozen=True):
    """What was asked of one image, its tags or what is behind one, or why there is nothing; a registry that is `silent`
    gives nothing of any image."""

    registry: str
    tags: list[str] = []
    manifest: Manifest | None = None
    why: str = ""
    silent: bool = False


Question = Callable[[str, str, bool], Answer]
"""What asks a registry about one name there; the last word says whether it may be without a certificate."""


def place(image: str) -> tuple[str, str]:
    """The registry of an image without its tag, and its name there: `redis` is `docker.io`, `library/redis`."""
    head, _, rest = image.partition("/")
    if rest and ("." in head or ":" in head or head == "localhost"):
        name = rest if head != HUB or "/" in rest else f"library/{rest}"
        return head, name
    return HUB, image if rest else f"library/{image}"


def ask(images: Iterable[str]) -> dict[str, Answer]:
    """What the registries say of each image (without its tag): all its tags."""
    return _side_by_side(images, lambda registry, name, insecure: Answer(registry, tags(registry, name, insecure)))


def manifests(images: Iterable[str], platform: str) -> dict[str, Answer]:
    """What is behind each image, by tag or by digest, for a `platform` as linux/amd64."""

    def one(registry: str, name: str, insecure: bool) -> Answer:
        return Answer(registry, manifest=manifest(registry, name, platform, insecure))

    return _side_by_side(images, one)


def _side_by_side(images: Iterable[str], question: Question) -> dict[str, Answer]:
    """The answer for each image, all of it within WHOLE_LIMIT. A registry that gave no answer to one is not asked for
    another."""
    wanted = list(dict.fromkeys(images))
    answers: dict[str, Answer] = {}
    waiting: queue.SimpleQueue[str] = queue.SimpleQueue()
    for image in wanted:
        waiting.put(image)
    until, insecure = time.monotonic() + WHOLE_LIMIT, _insecure() if wanted else bool
    # Threads that nobody waits for at the end: a look-up of a name knows no time limit.
    threads = [threading.Thread(target=_work, args=(waiting, answers, question, insecure), daemon=True)
               for _ in range(min(AT_ONCE, len(wanted)))]  # fmt: skip
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(max(0.0, until - time.monotonic()))
    late = f"no answer within {WHOLE_LIMIT:.0f} s"
    return {image: answers.get(image) or Answer(place(image)[0], why=late, silent=True) for image in wanted}


def _work(waiting: "queue.SimpleQueue[str]", answers: dict[str, Answer], question: Question,
          insecure: Callable[[str], bool]) -> None:  # fmt: skip
    with contextlib.suppress(queue.Empty):
        while True:
            image = waiting.get_nowait()
            registry, name = place(image)
            silent = next((one for one in list(answers.values()) if one.silent and one.registry == registry), None)
            answers[image] = silent or _answer(question, registry, name, insecure(registry))


def _answer(question: Question, registry: str, name: str, insecure: bool) -> Answer:
    try:
        return question(registry, name, insecure)
    except RefusedError as error:
        return Answer(registry, why=str(error))
    except SilentError as error:
        return Answer(registry, why=str(error), silent=True)


def tags(registry: str, name: str, insecure: bool) -> list[str]:
    """Every tag of a repository. An `insecure` registry may have any certificate, or none, as for docker.

    Raises RefusedError where it gives none of this one, SilentError where it does not answer."""
    listing = f"/v2/{name}/tags/list?n={PAGE}"
    return _reached(registry, insecure, lambda base: _listed(f"{base}{listing}", registry, name, insecure))


def manifest(registry: str, name: str, platform: str, insecure: bool) -> Manifest:
    """What is behind `name:tag` or `name@digest`. Raises as `tags` does, also where what comes has another digest."""
    repository, tag = pins.split(name)
    reference = name.partition("@")[2] or tag or "latest"

    def get(url: str, login: str) -> Reply:
        return distribution.get(url, registry, repository, insecure, login, MANIFESTS)

    return _reached(registry, insecure, lambda base: _manifest(f"{base}/v2/{repository}", reference, platform, get))


def _reached(registry: str, insecure: bool, get: Callable[[str], T]) -> T:
    """What is got at a registry's address, of an insecure one that does not speak TLS also without."""
    host = distribution.HUB_API if registry == HUB else registry
    if insecure:
        with contextlib.suppress(SilentError):
            return get(f"https://{host}")
        return get(f"http://{host}")
    return get(f"https://{host}")


def _manifest(base: str, reference: str, platform: str, get: Callable[[str, str], Reply]) -> Manifest:
    try:
        first = get(f"{base}/manifests/{reference}", "")
    except RefusedError as error:
        raise RefusedError("it has no such tag or digest" if str(error) == ABSENT else str(error)) from None
    digest, login = _digested(first.body, reference), first.login
    try:
        whole = json.loads(first.body)
        platforms = sorted(filter(None, map(_platform, whole.get("manifests") or [])))
        if "manifests" in whole:
            ours = _ours(whole["manifests"], platform)
            body = get(f"{base}/manifests/{ours}", login).body
            _digested(body, ours)
            whole = json.loads(body)
        config = whole["config"]
        made = json.loads(get(f"{base}/blobs/{config['digest']}", login).body)
        total = config["size"] + sum(layer["size"] for layer in whole["layers"])
        return Manifest(digest, platforms or [_named(made)], total, str(made.get("created") or ""), config["digest"])
    except (ValueError, KeyError, TypeError, AttributeError):
        raise RefusedError("its answer is no manifest") from None


def _ours(entries: list[dict[str, Any]], platform: str) -> str:
    """The digest of a list's entry for a platform. Raises RefusedError where there is none."""
    named = {entry["digest"]: found for entry in entries if (found := _platform(entry))}
    ours = next((digest for digest, found in named.items() if found.split("/")[:2] == platform.split("/")), "")
    if not ours:
        raise RefusedError(f"it has nothing for {platform}, only for {', '.join(sorted(named.values()))}")
    return ours


def _digested(body: bytes, reference: str) -> str:
    """The digest of a manifest. Raises RefusedError where another was asked for."""
    found = f"sha256:{hashlib.sha256(body).hexdigest()}"
    if reference.startswith("sha256:") and reference != found:
        raise RefusedError(f"what it gives for {reference} is {found}")
    return found


def _platform(entry: dict[str, Any]) -> str:
    """A list's entry as linux/amd64; nothing of one that is no image, as a proof of where an image is from."""
    return _named(entry.get("platform") or {})


def _named(what: dict[str, Any]) -> str:
    words = [str(what.get(key) or "") for key in ("os", "architecture", "variant")]
    return "/".join(filter(None, words)) if words[0] not in ("", "unknown") else ""


def _listed(url: str, registry: str, name: str, insecure: bool) -> list[str]:
    reply = distribution.get(url, registry, name, insecure)
    first, found = reply.url, _tags(reply.body)
    while following := _next(first, reply.url, reply.link):
        reply = distribution.get(following, registry, name, insecure, reply.login)
        found += _tags(reply.body)
    return found


def _tags(body: bytes) -> list[str]:
    try:
        listed = json.loads(body)["tags"]
    except (ValueError, KeyError, TypeError):
        raise RefusedError("its answer is no list of tags") from None
    return [str(one) for one in listed or []]


def _next(first: str, url: str, link: str) -> str:
    """The address of the next page; only of the same registry, as it is asked with the login of this one."""
    found = re.match(r'\s*<([^>]+)>\s*;\s*rel="?next"?', link)
    following = urllib.parse.urljoin(url, found[1]) if found else ""
    one, other = urllib.parse.urlsplit(first), urllib.parse.urlsplit(following)
    return following if following != url and one[:2] == other[:2] else ""


def _insecure() -> Callable[[str], bool]:
    """Which registries may be without a certificate: those of this machine, and those that the engine is told of."""
    try:
        config = docker.info().get("RegistryConfig") or {}
    except (StackError, ValueError):
        config = {}
    named = {name for name, one in (config.get("IndexConfigs") or {}).items() if not one.get("Secure", True)}
    nets = [ip_network(one) for one in config.get("InsecureRegistryCIDRs") or []]

    def told(registry: str) -> bool:
        host = registry.rpartition(":")[0] if re.search(r":\d+$", registry) else registry
        if registry in named or sockets.loopback(host):
            return True
        with contextlib.suppress(ValueError):
            return any(ip_address(host.strip("[]")) in net for net in nets)
        return False

    return told

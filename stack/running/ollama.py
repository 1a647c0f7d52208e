"""The edge to a running Ollama, whatever its source: by the port that the service publishes, over Ollama's own API."""

import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

from stack import docker
from stack.errors import StackError, fail

SERVICE = "ollama"
PATIENCE = 600.0
"""Seconds without a byte after which a pull counts as dead; Ollama itself tells something every few seconds."""


def address(project: str) -> str:
    """Where the project's Ollama answers on this machine. Raises StackError where it does not run."""
    filters = [
        "--filter",
        f"label={docker.PROJECT_LABEL}={project}",
        "--filter",
        f"label=com.docker.compose.service={SERVICE}",
    ]
    for line in docker.ask(["ps", *filters, "--format", "{{.Ports}}"]).splitlines():
        host, arrow, _ = line.split(", ")[0].partition("->")
        if arrow:
            name, _, port = host.rpartition(":")
            return f"http://{'127.0.0.1' if name in ('0.0.0.0', '[::]', '::') else name}:{port}"
    raise fail("not-running", "Ollama does not run in this project", SERVICE, "./inv up --service ollama")


def models(base: str) -> list[dict[str, Any]]:
    """The models that are there: name and size in bytes. Raises StackError where Ollama does not answer."""
    with _open(base, "/api/tags", None, "GET", 20) as answer:
        found = json.load(answer).get("models") or []
    return sorted(({"name": m["name"], "bytes": m.get("size", 0)} for m in found), key=lambda m: str(m["name"]))


def pull(base: str, name: str) -> Iterator[str]:
    """Pull a model, telling what happens ("40 %"). Raises StackError with Ollama's words where it can't.

    The answer's status is 200 even where the pull fails: only a last line that says success counts."""
    last: dict[str, Any] = {}
    with _open(base, "/api/pull", {"model": name, "stream": True}, "POST", PATIENCE) as answer:
        for line in answer:
            last = json.loads(line)
            if "error" in last:
                break
            total = last.get("total")
            yield f"{100 * last.get('completed', 0) // total} %" if total else str(last.get("status", ""))
    if last.get("status") != "success":
        words = last.get("error") or "the connection ended before the model was whole"
        raise fail("model-pull", f"{name} was not pulled: {words}", name, f"./inv models.pull --name {name}")


def remove(base: str, name: str) -> None:
    """Remove a model. Raises StackError where there is none of that name."""
    with _open(base, "/api/delete", {"model": name}, "DELETE", 60):
        return


def _open(base: str, path: str, body: dict[str, Any] | None, method: str, timeout: float) -> Any:
    data = json.dumps(body).encode() if body is not None else None
    kind = {"Content-Type": "application/json"}
    request = urllib.request.Request(base + path, data, kind, method=method)  # noqa: S310 - base is always http
    # No proxy: it is on this machine.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        return opener.open(request, timeout=timeout)
    except urllib.error.HTTPError as error:
        raise _refused(error, str((body or {}).get("model", ""))) from None
    except OSError as error:
        raise fail("no-answer", f"Ollama does not answer at {base}: {error}", SERVICE, "./inv status") from None


def _refused(error: urllib.error.HTTPError, name: str) -> StackError:
    try:
        words = json.load(error).get("error") or error.reason
    except ValueError:
        words = error.reason
    return fail("model", f"Ollama refuses: {words}", name, "./inv models.list")

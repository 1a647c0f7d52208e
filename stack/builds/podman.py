"""Builds by Podman: it has no BuildKit, and without that Compose hands no secret to a build. So the engine's own API is
asked (docs.podman.io/en/latest/_static/api.html, ImageBuildLibpod)."""

import contextlib
import http.client
import json
import socket
import tarfile
import tempfile
from collections.abc import Mapping
from typing import IO, Any
from urllib.parse import urlencode

from stack import client, docker
from stack.errors import Problem
from stack.planning import model
from stack.planning.planner import Planned

TAKEN = {"context", "dockerfile", "args", "labels", "network", "secrets", "target"}
"""What is handed on of a build."""
DOCKERS_OWN = "application/vnd.docker.distribution.manifest.v2+json"
"""The format of an image as Docker writes it: OCI's own has no SHELL and no HEALTHCHECK."""


def problems(planned: Planned) -> list[Problem]:
    """A problem for each planned service whose build says more than is handed on, on a Podman."""
    services, secrets = model.services(planned.facts.model), planned.facts.model.get("secrets") or {}
    built = [one for one in planned.plan.services if one.built]
    more = [(one, keys) for one in built if (keys := _left(services[one.name]["build"], secrets))]
    if not more or not docker.podman():
        return []
    return [Problem("podman-build", f"{one.name}: its build has {', '.join(keys)}, which is not handed to Podman",
                    f"compose/{one.fragment}.yml: services.{one.name}.build",
                    f"./inv source --service {one.fragment} --to container, or use Docker's engine")
            for one, keys in more]  # fmt: skip


def _left(build: Mapping[str, Any], secrets: Mapping[str, Any]) -> list[str]:
    """What a build says and is not handed on."""
    asked = [one["source"] for one in build.get("secrets") or []]
    unfiled = [f"secrets.{name} without a file" for name in asked if "file" not in secrets.get(name, {})]
    return sorted(set(build) - TAKEN) + unfiled


def build(service: Mapping[str, Any], secrets: Mapping[str, Any], out: IO[str]) -> bool:
    """Build a service's image, and say whether that went well; the engine's words go to `out`. `service` and `secrets`
    are Compose's resolved ones. Raises OSError, ValueError and HTTPException where the engine ends meanwhile."""
    asked = service["build"].get("secrets") or []
    files = {one.get("target") or one["source"]: secrets[one["source"]]["file"] for one in asked}
    with tempfile.TemporaryFile() as file:
        with tarfile.open(fileobj=file, mode="w") as archive:
            archive.add(service["build"]["context"], ".")
            for name, path in files.items():
                archive.add(path, _beside(name))
        headers = {"Content-Type": "application/x-tar", "Content-Length": str(file.tell())}
        file.seek(0)
        address = f"{docker.LIBPOD}/build?{urlencode(query(service, list(files)))}"
        with contextlib.closing(_Connection("localhost")) as connection:
            connection.request("POST", address, file, headers)
            with connection.getresponse() as answer:
                return _told(answer, out)


def query(service: Mapping[str, Any], secrets: list[str]) -> dict[str, str]:
    """What is said of a service's build in the address that is asked. Pure."""
    build = service["build"]
    args = {name: value for name, value in (build.get("args") or {}).items() if value is not None}
    words = {
        "t": service["image"],
        "dockerfile": build["dockerfile"],
        "buildargs": json.dumps(args),
        "labels": json.dumps(build.get("labels") or {}),
        "secrets": json.dumps([f"id={name},src={_beside(name)}" for name in secrets]),
        "networkmode": build.get("network", ""),
        "target": build.get("target", ""),
    }
    return {**{key: word for key, word in words.items() if word}, "layers": "true", "outputformat": DOCKERS_OWN}


def _beside(secret: str) -> str:
    """The name by which a secret stands in the archive: Podman takes it out of there before it builds."""
    return f"podman-build-secret-{secret}"


def _told(answer: http.client.HTTPResponse, out: IO[str]) -> bool:
    well = answer.status == http.client.OK
    for line in answer:
        said = json.loads(line)
        out.write(said.get("stream") or said.get("error") or said.get("message") or "")
        well = well and "error" not in said
    return well


class _Connection(http.client.HTTPConnection):
    """A connection to the engine's socket, until the build is done."""

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(client.endpoint().removeprefix(docker.UNIX))

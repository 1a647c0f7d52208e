"""Proxies of the shell that the engine does not know: it pulls, not the shell."""

import os
from collections.abc import Iterable, Mapping
from typing import Any

from stack.doctor.check import WARNING, Check, Finding
from stack.doctor.scene import Scene

NAMES = ("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy")
NEAR = ("localhost", "127.0.0.1", "*")


def _run(scene: Scene) -> Iterable[Finding]:
    to_pull = [s.image for s in scene.planned.plan.services if not s.built and s.image not in scene.images]
    return findings(os.environ, scene.info, to_pull)


def findings(shell: Mapping[str, str], info: Mapping[str, Any], to_pull: list[str]) -> list[Finding]:
    """What the proxies of shell and engine come to. Pure."""
    ours = next((name for name in NAMES if shell.get(name)), "")
    theirs = info.get("HttpsProxy") or info.get("HttpProxy")
    found = []
    if ours and not theirs and to_pull:
        seen = f"{ours} is set here and the engine has no proxy, with {len(to_pull)} images to pull ({to_pull[0]}, …)"
        fix = ('put {"proxies": {"https-proxy": "…", "http-proxy": "…", "no-proxy": "localhost,127.0.0.1"}} into '
               "/etc/docker/daemon.json, and restart the engine")  # fmt: skip
        found.append(Finding(seen, "pulls go out directly, and hang or fail where only the proxy is let out", fix,
                             WARNING))  # fmt: skip
    direct = (shell.get("NO_PROXY") or shell.get("no_proxy") or "").replace(" ", "").split(",")
    if ours and not set(NEAR) & set(direct):
        seen = f"{ours} is set here, and NO_PROXY does not name localhost"
        causes = "programs of this shell ask the proxy for http://localhost, which it can't reach"
        found.append(Finding(seen, causes, "export NO_PROXY=localhost,127.0.0.1,$NO_PROXY", WARNING))
    return found


CHECK = Check(
    id="proxy",
    section="engine",
    holds="the engine pulls by the same proxy as this shell",
    run=_run,
    needs=("planned", "engine", "info", "images"),
)

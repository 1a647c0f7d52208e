"""The logins that docker keeps for registries: in its config.json, or with the program that this names."""

import base64
import contextlib
import json
import re
import subprocess
from typing import Any

import msgspec

from stack import client

HUB, HUB_LOGIN = "docker.io", "https://index.docker.io/v1/"
TOKEN = "<token>"  # noqa: S105 - a name, no secret
"""The user of a login whose secret is a token in place of a password; docker's own word."""
LIMIT = 10.0
"""Seconds for the program that keeps logins."""


class _Config(msgspec.Struct):
    """What docker's config.json has of logins."""

    auths: dict[str, dict[str, Any]] = {}
    creds_store: str = msgspec.field(default="", name="credsStore")
    cred_helpers: dict[str, str] = msgspec.field(default_factory=dict, name="credHelpers")


def login(registry: str) -> tuple[str, str]:
    """The login that docker has for a registry: its own file's, or that of the program that keeps it; empty words where
    there is none."""
    try:
        config = msgspec.json.decode((client.folder() / "config.json").read_bytes(), type=_Config)
    except (OSError, msgspec.MsgspecError):
        return "", ""
    keys = [HUB_LOGIN] if registry == HUB else [registry, f"https://{registry}", f"https://{registry}/v2/"]
    helper = next((config.cred_helpers[key] for key in keys if key in config.cred_helpers), config.creds_store)
    if helper and (kept := _from_helper(helper, keys[0])):
        return kept
    entry = next((config.auths[key] for key in keys if key in config.auths), {})
    if token := entry.get("identitytoken"):
        return TOKEN, str(token)
    with contextlib.suppress(ValueError):
        user, _, secret = base64.b64decode(str(entry.get("auth") or "")).decode().partition(":")
        return user, secret.rstrip("\0")
    return "", ""


def _from_helper(helper: str, key: str) -> tuple[str, str] | None:
    """What docker-credential-HELPER has; nothing where it has none, or is none."""
    if not re.fullmatch(r"[\w.-]+", helper):
        return None
    try:
        done = subprocess.run([f"docker-credential-{helper}", "get"], input=key, capture_output=True, text=True,
                              timeout=LIMIT, check=False)  # fmt: skip
        given = json.loads(done.stdout) if done.returncode == 0 else {}
        return (str(given["Username"]), str(given["Secret"])) if given else None
    except (OSError, subprocess.TimeoutExpired, ValueError, KeyError, TypeError):
        return None

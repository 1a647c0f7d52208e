"""A stack that is destroyed, `.env` and all, comes back in another folder under another name: n8n opens the credential
that it keeps encrypted, and signs with it what a stranger can check."""

import subprocess
from collections.abc import Callable
from typing import Any

import jwt
import pytest

from tests.engine.support import backups, n8n, stacks, systems
from tests.engine.support.stacks import Stack

PASSPHRASE = {"BACKUP_PASSPHRASE": "correct horse battery"}
SECRET = "of a credential that n8n keeps encrypted"
CLAIMS = {"useJson": True, "claimsJson": '{"said": "by n8n"}'}
NODE = {"type": "n8n-nodes-base.jwt", "typeVersion": 1, "parameters": {"operation": "sign", "options": {}, **CLAIMS}}


def owner(stack: Stack) -> n8n.Owner:
    return n8n.Owner(f"http://127.0.0.1:{stack.port(17)}", stack.env()["N8N_OWNER_PASSWORD"])


def signed(user: n8n.Owner) -> Any:
    """What the workflow signs."""
    token = stacks.until(lambda: user.called("sign"), "the webhook")["token"]
    return jwt.decode(token, SECRET, ["HS256"])["said"]


def typed(stack: Stack, *words: str) -> None:
    """A command that may start n8n, and so take minutes; it has to succeed."""
    subprocess.run(stack.command(words), cwd=stack.root, env=stack.environment(PASSPHRASE), stdin=subprocess.DEVNULL,
                   check=True, timeout=systems.BUILD_SECONDS)  # fmt: skip


@pytest.mark.soak
def test_what_was_destroyed_comes_back_elsewhere_and_n8n_opens_its_credential(new_stack: Callable[..., Stack]) -> None:
    stack = new_stack(whole=True, STACK_PROFILES="automation", N8N_SOURCE="build", **stacks.BUILT)
    typed(stack, "up")
    user = owner(stack)
    data = {"keyType": "passphrase", "secret": SECRET, "algorithm": "HS256"}
    user.published("sign", {**NODE, "credentials": user.credential("jwtAuth", "signing", data)})
    assert signed(user) == "by n8n"
    backups.sql(stack, "CREATE TABLE public.written (n int PRIMARY KEY)")
    file = str(stack.root.parent / "one.backup")
    with backups.writing(stack) as before:
        typed(stack, "backup", "--output", file)
    typed(stack, "down", "--volumes", "--yes")
    assert stack.listed("volume") == []
    (stack.root / ".env").unlink()

    other = new_stack("elsewhere", whole=True)
    here = {"PROJECT_NAME": other.project, "BASE_PORT": str(other.base_port)}
    (other.root / ".env").write_text("".join(f"{name}={value}\n" for name, value in here.items()))
    typed(other, "restore", file, "--yes")
    written = set(range(1, before() + 1))
    assert written <= backups.rows(other)
    assert written <= backups.keys(other)
    assert signed(owner(other)) == "by n8n"

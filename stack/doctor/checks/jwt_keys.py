"""Supabase's keys: signed by this project's secret, for their role, and not expired."""

import time
from collections.abc import Iterable

from stack.doctor.check import Action, Check, Finding, untold
from stack.doctor.checks import settings_missing
from stack.doctor.scene import Scene
from stack.env import secrets


def _keys(scene: Scene) -> dict[str, str]:
    """The keys that are set beside what they are to be signed with, each with its kind."""
    kinds = scene.checkout.secrets if scene.secrets.get(secrets.SIGNED_WITH) else {}
    return {name: kind for name, kind in kinds.items() if kind.startswith("jwt:") and scene.secrets.get(name)}


def _wrong(scene: Scene) -> list[str]:
    """The keys that would be refused."""
    return secrets.missing(_keys(scene), scene.secrets, int(time.time()))


def _run(scene: Scene) -> Iterable[Finding]:
    if not _keys(scene):
        yield untold("no key of Supabase's is set yet")
    for name in _wrong(scene):
        seen = f"{name} {fault(scene.secrets[name], scene.secrets[secrets.SIGNED_WITH], int(time.time()))}"
        causes = "Supabase's services and the gateway answer 401 to whoever uses it"
        yield Finding(seen, causes, f"./inv env.unset {name} && ./inv up", where=name)


def fault(token: str, secret: str, now: int) -> str:
    """Why a key would be refused, in words. Pure."""
    import jwt

    try:
        claims = jwt.decode(token, secret, algorithms=["HS256"], options={"verify_exp": False, "verify_iat": False,
                                                                          "verify_aud": False})  # fmt: skip
    except jwt.InvalidSignatureError:
        return f"is not signed with {secrets.SIGNED_WITH}"
    except jwt.InvalidTokenError:
        return "is no JSON web token of this kind"
    if claims.get("exp", now + 1) <= now:
        return "is expired"
    return f"is for the role {claims.get('role')!r}"


def _mend(scene: Scene) -> list[Action]:
    return settings_missing.writing(scene, _wrong(scene))


CHECK = Check(
    id="jwt",
    section="settings",
    holds=f"Supabase's keys are signed with {secrets.SIGNED_WITH}, for their role, and not expired",
    run=_run,
    needs=("planned", "secrets"),
    mend=_mend,
)

"""Secrets: what each kind looks like, how one is made, which are missing, and how they are kept out of sight.

Pure: clock and randomness come in as values. Kinds: `hex` (32 hex characters), `hex:N` (N of them),
`sk` (an API key in OpenAI's form), `sb_publishable` and `sb_secret` (Supabase's opaque keys), `password` (hex, with a
capital letter and a digit in front), `jwt:ROLE` (a Supabase key, signed with SUPABASE_JWT_SECRET), `asked` (only the
user knows it), `optional` (the same, and it may stay empty).
"""

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from stack.errors import Problem, StackError, fail

SIGNED_WITH = "SUPABASE_JWT_SECRET"
HIDDEN = "[hidden]"

# A shorter value would hide parts of ordinary words.
SHORTEST_HIDDEN = 6
DEFAULT_LENGTH = 32
# LiteLLM takes only keys that begin so; n8n only passwords with a capital letter and a digit. Supabase's clients know
# its opaque keys from tokens by their beginning.
PREFIXES = {"sk": "sk-", "password": "A1", "sb_publishable": "sb_publishable_", "sb_secret": "sb_secret_"}
# PostgREST and GoTrue refuse to start with a shorter one.
SHORTEST_JWT_SECRET = 32
LENGTHS = {
    SIGNED_WITH: (SHORTEST_JWT_SECRET, 0),
    "SUPABASE_REALTIME_DB_ENC_KEY": (16, 16),
    "SUPABASE_REALTIME_SECRET_KEY_BASE": (64, 0),
    "SUPABASE_META_CRYPTO_KEY": (32, 0),
}
"""The least and the most characters (0: any) of the secrets whose consumer ends on others: an AES-128 key, Phoenix's
secret_key_base, postgres-meta's key (each project's own settings)."""
# What Supabase's own key generator uses.
JWT_LIFETIME_S = 5 * 365 * 86400

# What a value must look like, whoever set it. A generated secret goes into URLs, SQL and YAML unescaped (the
# unreserved characters of RFC 3986 are safe in all), and into arguments of programs (so no - in front).
_SHAPES = {
    "hex": (
        r"[A-Za-z0-9._~][A-Za-z0-9._~-]*",
        "only letters, digits and . _ ~ - (not first): it becomes part of URLs",
    ),
    "sk": (r"sk-[A-Za-z0-9._~-]+", "sk- and then only letters, digits and . _ ~ -"),
    **{
        kind: (rf"{kind}_[A-Za-z0-9_-]+", f"{kind}_ and then only letters, digits and _ -")
        for kind in ("sb_publishable", "sb_secret")
    },
    "password": (
        r"(?=.*[A-Z])(?=.*[0-9])[A-Za-z0-9._~]{8,}",
        "eight letters and digits or more, a capital and a digit among them",
    ),
    "jwt": (r"[\w-]+\.[\w-]+\.[\w-]+", "a JSON web token"),
    "asked": (r"[^\0]+", "some text"),
    "optional": (r"[^\0]+", "some text"),
}


def generate(kind: str, random: Callable[[int], str]) -> str:
    """A new secret of a `kind` that is made at random; `random` gives as many hex characters as it is asked for."""
    name, _, length = kind.partition(":")
    return PREFIXES.get(name, "") + random(int(length) if length else DEFAULT_LENGTH)


def made_at_random(kind: str) -> bool:
    """Whether a secret of this kind is random characters, made once."""
    return kind.partition(":")[0] in ("hex", *PREFIXES)


def missing(declared: Mapping[str, str], env: Mapping[str, str], now: int) -> list[str]:
    """The names in `declared` (name: kind) that have to be made before a start: those without a value, and
    Supabase keys that `env`'s secret did not sign or that are expired at `now` (seconds since 1970). Never
    one that only the user knows."""
    return [
        name
        for name, kind in declared.items()
        if kind not in ("asked", "optional") and not _is_there(name, kind, declared, env, now)
    ]


def mint(declared: Mapping[str, str], env: Mapping[str, str], random: Callable[[int], str], now: int) -> dict[str, str]:
    """A value for each name that is `missing`. Values that are there are kept.

    Raises StackError "secret-needed" where a key has to be signed and there is no secret to sign it with, and
    "secret-shape" where that secret is too short."""
    names = missing(declared, env, now)
    made = {name: generate(declared[name], random) for name in names if made_at_random(declared[name])}
    secret = made.get(SIGNED_WITH) or env.get(SIGNED_WITH, "")
    for name in names:
        kind, _, role = declared[name].partition(":")
        if kind == "jwt":
            made[name] = _signed(role, secret, now, name)
    return made


def check(name: str, kind: str, value: str) -> Problem | None:
    """What is wrong with a secret's value, which may be of any length but for those in LENGTHS."""
    pattern, expected = _SHAPES[kind.partition(":")[0]]
    least, most = LENGTHS.get(name, (0, 0))
    if len(value) < least or (most and len(value) > most):
        expected = f"{'exactly' if least == most else 'at least'} {least} characters"
    elif re.fullmatch(pattern, value):
        return None
    return Problem("secret-shape", f"{name}: expected {expected}", name, f"./inv env.set {name} VALUE")


def fingerprint(value: str, salt: str) -> str:
    """A one-way mark of a secret, equal for equal values under one `salt` (random, of this checkout), for the
    record of what the last start used.

    scrypt, as a user's own password may be guessable and a plain hash is tried a billion times a second. Its
    cost is set low (N=1024: 2 ms and 1 MB), since every start computes one for each secret, and whoever may
    read the record may as a rule read `.env`."""
    import hashlib

    return hashlib.scrypt(value.encode(), salt=salt.encode(), n=1024, r=8, p=1, dklen=16).hex()


def hide(text: str, secrets: Iterable[str]) -> str:
    """`text` with `[hidden]` for each secret of six characters or more, also where it is written as in a URL,
    in JSON or in base64."""
    return hider(secrets)(text)


def hider(secrets: Iterable[str]) -> Callable[[str], str]:
    """The same as a function, for many texts: to see that none is in one takes a seventh of looking for all at once."""
    # Longest first: a secret may be part of another, and its base64 without padding of the one with.
    found = {form for secret in secrets if len(secret) >= SHORTEST_HIDDEN for form in _forms(secret)}
    forms = sorted(found, key=len, reverse=True)

    def hide(text: str) -> str:
        if not any(form in text for form in forms):
            return text
        # Only here, as the pattern takes ten times as long to be made as all texts take to be looked through.
        return re.sub("|".join(map(re.escape, forms)), HIDDEN, text)

    return hide


def _forms(secret: str) -> set[str]:
    """How `secret` may stand in a text."""
    import base64
    import json
    from urllib.parse import quote, quote_plus

    raw = secret.encode("utf-8", "surrogateescape")
    encoded = {base64.b64encode(raw).decode(), base64.urlsafe_b64encode(raw).decode()}
    return {
        secret,
        quote(raw),
        quote(raw, safe=""),
        quote_plus(raw),
        json.dumps(secret)[1:-1],
        json.dumps(secret, ensure_ascii=False)[1:-1],
        *encoded,
        *(form.rstrip("=") for form in encoded),
    }


def _is_there(name: str, kind: str, declared: Mapping[str, str], env: Mapping[str, str], now: int) -> bool:
    """Whether `env` has a value for `name` that may stay."""
    value, secret = env.get(name, ""), env.get(SIGNED_WITH, "")
    if not value or not kind.startswith("jwt:"):
        return bool(value)
    # Without a secret here and without one to come, the key was issued elsewhere.
    if not secret:
        return SIGNED_WITH not in declared
    return _holds(value, kind.partition(":")[2], secret, now)


def _holds(token: str, role: str, secret: str, now: int) -> bool:
    """Whether `token` was signed with `secret` for `role` and is not expired at `now`, by RFC 7515 with HS256. Without
    PyJWT, which takes 40 ms to be imported and would compare with its own clock."""
    import hmac

    if len(secret) < SHORTEST_JWT_SECRET:
        return False
    signed, _, signature = token.rpartition(".")
    try:
        header, payload = (_part(part) for part in signed.split("."))
        given = _decoded(signature)
    except ValueError:
        return False
    right = hmac.digest(secret.encode(errors="surrogateescape"), signed.encode(), "sha256")
    if header.get("alg") != "HS256" or not hmac.compare_digest(right, given):
        return False
    expires = payload.get("exp", now + 1)
    return payload.get("role") == role and isinstance(expires, int | float) and expires > now


def claims(token: str) -> dict[str, Any]:
    """What a token says, whoever signed it; nothing of a text that is none."""
    parts = token.split(".")
    try:
        return _part(parts[1]) if len(parts) == 3 else {}
    except ValueError:
        return {}


def _part(text: str) -> dict[str, Any]:
    """A part of a token that is JSON. Raises ValueError where it is none."""
    import json

    found = json.loads(_decoded(text))
    if isinstance(found, dict):
        return found
    raise ValueError("no mapping")


def _decoded(text: str) -> bytes:
    """The bytes of a part of a token. Raises ValueError where it is none."""
    import base64

    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)


def _signed(role: str, secret: str, now: int, name: str) -> str:
    """A Supabase key for `role`, valid for five years from `now`."""
    import jwt

    if not secret:
        raise fail("secret-needed", f"{name} is signed with {SIGNED_WITH}, which is not set", name,
                   f"./inv env.set {SIGNED_WITH} VALUE")  # fmt: skip
    wrong = check(SIGNED_WITH, "hex", secret)
    if wrong:
        raise StackError(wrong)
    payload = {"role": role, "iss": "supabase", "iat": now, "exp": now + JWT_LIFETIME_S}
    return jwt.encode(payload, secret, algorithm="HS256")

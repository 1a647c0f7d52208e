"""Which names of somebody's settings hold credentials, and of what kind. Pure."""

import re

_SECRET = re.compile(r"(PASSWORD|PASSWD|SECRET|APIKEY)$|(^|_)(PASS|PWD|TOKEN|KEY|SALT|SECRET_KEY_BASE)$")
_PUBLIC = re.compile(r"PUBLIC_KEY$|(^|_)(SORT|PRIMARY|PARTITION|CACHE|FOREIGN|HOT)_?KEY$")
_THEIRS = re.compile(
    r"OPENAI|ANTHROPIC|GEMINI|GOOGLE|AZURE|AWS|HUGGING|^HF_|GITHUB|GITLAB|SLACK|STRIPE|SMTP|TAVILY|GROQ|MISTRAL|COHERE"
    r"|OPENROUTER|TELEGRAM|DISCORD|SENTRY|DEEPSEEK|REPLICATE|ELEVENLABS|SERPER|BRAVE"
)

_NONE = re.compile(r"(?i)true|false|yes|no|none|null|\d{1,5}|(\.{0,2}|~)/[\w./-]*|\w+://[^@]*")


def asks(key: str) -> bool:
    """Whether a setting of that name holds a credential: its last word says so, as in DB_PASSWORD, API_TOKEN or
    TLS_KEY. TOKENIZER_MODEL, MAX_TOKENS and API_KEY_RATE_LIMIT hold none."""
    name = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", key).upper().replace("-", "_").replace(".", "_")
    return bool(_SECRET.search(name)) and not _PUBLIC.search(name)


def others(key: str) -> bool:
    """Whether somebody else gives out the credential of that name, so that none can be made here."""
    return bool(_THEIRS.search(key.upper()))


def is_one(value: str) -> bool:
    """Whether a value can be a credential: not empty, a switch, a short number, a path or an address."""
    return bool(value) and not re.fullmatch(
        r"(?i)true|false|yes|no|none|null|\d{1,5}|(\.{0,2}|~)/[\w./-]*|\w+://[^@]*", value
    )


def kind(key: str, value: str) -> str:
    """The kind of secret (docs/reference.md, x-stack: secrets) that takes the place of `value`."""
    if others(key):
        return "asked"
    if value.startswith("sk-"):
        return "sk"
    return f"hex:{len(value)}" if re.fullmatch(r"[0-9a-f]{16,128}", value) and len(value) % 2 == 0 else "hex"

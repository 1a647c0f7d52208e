"""Which names of somebody's settings hold credentials, and of what kind. Pure."""

import re

_SECRET = re.compile(
    r"(PASSWORD|PASSWD|PASSPHRASE|SECRET|APIKEY|(?<!BY)(?<!COM)PASS)$|(^|_|DB)(PW|PWD|TOKEN|KEY|SALT|SECRET_KEY_BASE)$"
)
_PUBLIC = re.compile(r"PUBLIC_KEY$|(^|_)(SORT|PRIMARY|PARTITION|CACHE|FOREIGN|HOT)_?KEY$")
_THEIRS = re.compile(
    r"OPENAI|ANTHROPIC|GEMINI|GOOGLE|AZURE|AWS|HUGGING|^HF_|GITHUB|GITLAB|SLACK|STRIPE|SMTP|TAVILY|GROQ|MISTRAL|COHERE"
    r"|OPENROUTER|TELEGRAM|DISCORD|SENTRY|DEEPSEEK|REPLICATE|ELEVENLABS|SERPER|BRAVE|CLAUDE|TOGETHER|XAI|PERPLEXITY|VOYAGE"
    r"|LANGCHAIN|LANGSMITH|PINECONE|FIRECRAWL|JINA|NOTION|MAPBOX|TWILIO|SENDGRID|RESEND|(^|_)E?MAIL(ER|GUN)?_|CLIENT_SECRET"
    r"|OIDC|CAPTCHA|TURNSTILE|CLOUDFLARE|(^|_)CF_|TAILSCALE|NGROK|FACEBOOK|TWITTER|LINKEDIN|REDDIT|SPOTIFY|TMDB|LICENSE"
)
_NONE = re.compile(
    r"(?i)true|false|yes|no|none|null|\d{1,5}|(\.{0,2}|~)/[\w./-]*|\w+://[^@]*|[^\s:]*/[\w.-]+\.(pem|key|crt|p12|jks)"
)
_FORMED = re.compile(r"eyJ[\w-]+\..*|\w+:[^/].*|[${<].*|-----.*|[\w+/-]{42,86}={1,2}", re.DOTALL)
"""A token, a key with its form in front, a hash, what is to be replaced by hand, a key of 32 or 64 bytes."""
_PLACE = re.compile(r"(?i)your|my[_-]|change|replace|insert|example|dummy|placeholder|xxx|<|password$|secret$")
_STRONG = re.compile(r"(?=.*[A-Z])(?=.*[a-z])(?=.*\d).{8,}", re.DOTALL)


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
    return bool(value) and not _NONE.fullmatch(value)


_FLAG = r"(?:-[apPw]|(?:--?)?(?:[A-Za-z._-]*[._-])?(?i:password|passwd|pass|pwd|requirepass|masterauth|auth))"
"""What stands before a password in a command, or in the address of a database that is no URL."""


def follows(word: str) -> bool:
    """Whether the next word of a command is a password, as this one says so."""
    return bool(re.fullmatch(_FLAG, word))


def replaced(text: str, literal: str, by: str) -> str:
    """A text with a credential replaced where it stands as one: in a login, behind what asks for it, and a long one or
    one of more than letters wherever it is a word. A user or a database may be called as the password is."""
    word = re.escape(literal)
    spots = [rf"(://[^:/@\s]*:){word}(?=@)", rf"((?:^|[\s\"'=])[\w.-]+:){word}(?=@)",
             rf"(-u[ \"']*[\w.-]+:){word}(?=$|[\s\"'])",
             rf"((?:^|[\s\"';,&?({{]){_FLAG}[\"']?(?:\s*[:=]\s*|\s+)[\"']?){word}(?=$|[\s\"';,&|)}}])",
             rf"((?:^|\s)-[apPw][\"']?){word}(?=$|[\s\"';|&])"]  # fmt: skip
    if len(literal) >= 12:
        return text.replace(literal, by)
    if len(literal) >= 8 and not literal.isalpha():
        spots.append(rf"(^|[^\w-]){word}(?![\w-])")
    return re.sub("|".join(spots), lambda found: found[found.lastindex or 0] + by, text)


def stands_in(key: str, value: str) -> bool:
    """Whether a value is none of what somebody else gives out, but a word in its place: `ollama` for an API key, or
    `your-password`."""
    word = key.upper().endswith(("KEY", "TOKEN")) and re.fullmatch(r"[A-Za-z-]{1,20}", value)
    return others(key) and bool(word or _PLACE.match(value))


def kind(key: str, value: str) -> str:
    """The kind of secret (docs/reference.md, x-stack: secrets) that takes the place of `value`: `asked` where none that
    is made here would do, `password` where a rule asks for capitals and digits (SQL Server has one)."""
    if others(key) or _FORMED.fullmatch(value):
        return "asked"
    if value.startswith("sk-"):
        return "sk"
    if re.fullmatch(r"[0-9a-f]{16,128}", value) and len(value) % 2 == 0:
        return f"hex:{len(value)}"
    word = key.upper()
    return "password" if word.endswith("SA_PASSWORD") or ("PASS" in word and _STRONG.fullmatch(value)) else "hex"

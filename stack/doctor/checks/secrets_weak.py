"""Secrets that others know: examples of documentation, defaults of images, words that are tried first."""

from collections.abc import Iterable

from stack.doctor.check import ERROR, WARNING, Check, Finding
from stack.doctor.scene import Scene
from stack.env import secrets
from stack.planning import kept, plan

PUBLISHED = frozenset({
    # Supabase's own .env.example and older ones of it.
    "your-super-secret-and-long-postgres-password", "your-super-secret-jwt-token-with-at-least-32-characters-long",
    "super-secret-jwt-token-with-at-least-32-characters-long", "this_password_is_insecure_and_should_be_updated",
    "UpNVntn3cDxHJpq99YMc1T1AQgQpc8kfYTuRgBiYa15BLrx8etQoXz3gZv1/u2oq", "your-encryption-key-32-chars-min",
    "supabaserealtime",
    # Defaults of images: SearXNG, RabbitMQ, Neo4j, Grafana, LiteLLM's documentation.
    "ultrasecretkey", "guest", "neo4j", "admin", "sk-1234",
    # What everybody tries.
    "password", "postgres", "redis", "secret", "changeme", "change-me", "changeit", "example", "test", "supabase",
})  # fmt: skip
DEMO_ISSUER = "supabase-demo"
"""Who signed the keys of Supabase's documentation."""
SHORTEST = 8
FEWEST = 4
"""Different characters, below which a secret is a pattern."""
LOOPBACK = ("127.", "::1", "localhost")


def weakness(value: str) -> str:
    """What makes a secret easy to guess; nothing for a good one. Pure."""
    if value in PUBLISHED or value.lower() in PUBLISHED or value.isdecimal():
        return "is a value that everybody knows"
    if secrets.claims(value).get("iss") == DEMO_ISSUER:
        return "is the example key of Supabase's documentation"
    if len(value) < SHORTEST:
        return f"has only {len(value)} characters"
    return "repeats a few characters" if len(set(value)) < FEWEST else ""


def _run(scene: Scene) -> Iterable[Finding]:
    open_ = exposed(scene)
    causes = (f"whoever reaches {open_[0]} gets in" if open_
              else "whoever reaches a port gets in; today that is this machine alone")  # fmt: skip
    bound = {name for keeper in kept.keepers(scene.planned) for name in keeper.secrets}
    for name, kind in sorted(scene.checkout.secrets.items()):
        value = scene.secrets.get(name, "")
        why = weakness(value) if value and kind not in ("asked", "optional") else ""
        if why:
            grade = ERROR if open_ else WARNING
            yield Finding(f"{name} {why}", causes, _fix(name, kind, name in bound), grade, where=name)


def exposed(scene: Scene) -> list[str]:
    """The published ports that other machines reach: address:port."""
    ports = plan.published(scene.planned.plan.services)
    return [f"{port.host_ip or '*'}:{port.host}" for port in ports if not port.host_ip.startswith(LOOPBACK)]


def _fix(name: str, kind: str, bound: bool) -> str:
    if bound:
        return f"change it in the service itself first, as its data keeps the old one; then ./inv env.set {name} -"
    if not secrets.made_at_random(kind):
        return f"./inv env.unset {name} && ./inv up (it makes a new one)"
    # A start makes none beside data.
    return f"{_line(kind)} | ./inv env.set {name} - && ./inv up"


def _line(kind: str) -> str:
    """What prints a new secret of this kind."""
    name, _, length = kind.partition(":")
    prefix, random = secrets.PREFIXES.get(name, ""), -(-int(length or secrets.DEFAULT_LENGTH) // 2)
    return f"echo {prefix}$(openssl rand -hex {random})" if prefix else f"openssl rand -hex {random}"


CHECK = Check(
    id="secrets-weak",
    section="settings",
    holds="no secret is one that others know or guess",
    run=_run,
    needs=("planned", "secrets"),
)

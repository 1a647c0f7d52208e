"""What the environment tells the backend."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

AMQP, HTTP = ("amqp", "amqps"), ("http", "https")


class SettingsError(ValueError):
    """An environment variable is missing or malformed; the message names it and never holds its value."""


@dataclass(frozen=True)
class Settings:
    """Addresses carry passwords, so they stay out of the repr. Limits are in seconds."""

    database_url: str = field(repr=False)
    redis_url: str = field(repr=False)
    plan_file: Path = Path("/stack/plan.json")
    ready_limit: float = 2.0
    probe_limit: float = 2.0
    talk_limit: float = 5.0  # for one request's whole talk with RabbitMQ or Elasticsearch
    connections_file: Path = Path("/connections/connections.json")
    # Where these are, if that file is not to tell it.
    rabbitmq_url: str = field(default="", repr=False)
    elasticsearch_url: str = field(default="", repr=False)
    otlp_endpoint: str = ""

    @classmethod
    def from_env(cls, environ: Mapping[str, str]) -> "Settings":
        """DATABASE_URL and REDIS_URL are needed; PLAN_FILE, RABBITMQ_URL, ELASTICSEARCH_URL and
        OTEL_EXPORTER_OTLP_ENDPOINT are optional. Raises SettingsError."""
        return cls(
            database_url=address(environ, "DATABASE_URL", ("postgresql", "postgres")),
            redis_url=address(environ, "REDIS_URL", ("redis", "rediss")),
            plan_file=Path(environ.get("PLAN_FILE") or cls.plan_file),
            rabbitmq_url=_optional(environ, "RABBITMQ_URL", AMQP),
            elasticsearch_url=_optional(environ, "ELASTICSEARCH_URL", HTTP),
            otlp_endpoint=_optional(environ, "OTEL_EXPORTER_OTLP_ENDPOINT", HTTP),
        )


def _optional(environ: Mapping[str, str], name: str, schemes: tuple[str, ...]) -> str:
    return address(environ, name, schemes) if environ.get(name) else ""


def address(known: Mapping[str, str], name: str, schemes: tuple[str, ...]) -> str:
    """The address of that name, with one of these schemes. Raises SettingsError."""
    value = known.get(name, "")
    if not value:
        raise SettingsError(f"{name} is not set")
    try:
        parts = urlsplit(value)
        well_formed = parts.scheme in schemes and bool(parts.hostname) and parts.port != 0
    except ValueError:
        # Its text quotes the part of the address that it could not read, which may be the password.
        well_formed = False
    if not well_formed:
        raise SettingsError(f"{name} is not an address of the form {schemes[0]}://user:password@host:port/name")
    return value

"""Where RabbitMQ and Elasticsearch are reached, passwords included. The stack's tasks write it into a file that is this
application's alone, and each `inv up` renews it: it is read at each request, so no change of it needs a restart."""

from collections.abc import Mapping
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from app.settings import AMQP, HTTP, Settings, SettingsError, address

ADDRESSES = TypeAdapter(dict[str, str])


def rabbitmq(settings: Settings) -> str:
    """RABBITMQ_URL of the environment, else of the file. Raises SettingsError."""
    return settings.rabbitmq_url or address(_read(settings.connections_file), "RABBITMQ_URL", AMQP)


def elasticsearch(settings: Settings) -> str:
    """ELASTICSEARCH_URL of the environment, else of the file. Raises SettingsError."""
    return settings.elasticsearch_url or address(_read(settings.connections_file), "ELASTICSEARCH_URL", HTTP)


def _read(file: Path) -> Mapping[str, str]:
    try:
        return ADDRESSES.validate_json(file.read_bytes())
    except OSError as error:
        raise SettingsError(f"{file} can't be read: {error.strerror}") from error
    except ValidationError:
        # Its text quotes what it was given.
        raise SettingsError(f"{file} can't be used") from None

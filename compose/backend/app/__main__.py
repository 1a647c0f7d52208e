"""`python -m app`: serves the application until it is told to stop."""

import os
import sys

import uvicorn

from app import logs
from app.main import create_app
from app.settings import Settings, SettingsError

PORT = 8000  # the container's port; which port of the host leads here is Compose's business
STOP_SECONDS = 8  # for requests under way; Docker kills after 10


def main() -> int:
    """Serves; 2 if the environment is unusable (said in one line, without the values)."""
    logs.configure()
    try:
        settings = Settings.from_env(os.environ)
    except SettingsError as error:
        print(f"backend: {error}", file=sys.stderr)
        return 2
    uvicorn.run(
        create_app(settings),
        host="0.0.0.0",
        port=PORT,
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=STOP_SECONDS,
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())

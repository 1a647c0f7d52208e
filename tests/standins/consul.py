"""A stand-in for Consul's agent: services are entered, listed and taken out by the requests of its HTTP API.

Run as a program (`python -m tests.standins.consul PORT`)."""

import json
import sys
from http.server import ThreadingHTTPServer
from typing import Any

from tests.standins.web import Handler


def handler() -> type[Handler]:
    """The HTTP side, with a list of its own. `Check` is told back too, which Consul does under another address."""
    services: dict[str, dict[str, Any]] = {}

    class Agent(Handler):
        def get(self) -> None:
            self.answer_json(200 if self.path == "/v1/agent/services" else 404, services)

        def put(self) -> None:
            verb, _, name = self.path.removeprefix("/v1/agent/service/").partition("/")
            if verb == "register":
                entry = json.loads(self.body())
                services[entry["ID"]] = entry
            else:
                services.pop(name, None)
            self.answer(200, b"", "application/json")

    return Agent


if __name__ == "__main__":
    ThreadingHTTPServer(("", int(sys.argv[1])), handler()).serve_forever()

"""A small service that works as it is, to be edited: a Dockerfile and a few lines of Python. Pure."""

from stack.authoring.definition import Auth, Definition, Door, Edge

PORT = 8000

DOCKERFILE = """\
# Debian with its own Python, and what a look from inside takes: pg_isready, netstat, ss. For packages of PyPI, see
# compose/backend/Dockerfile.
ARG BASE_IMAGE=debian:bookworm-slim
FROM ${BASE_IMAGE}
RUN --mount=type=secret,id=ca,target=/run/secrets/ca,mode=0444 \\
    --mount=type=secret,id=apt,target=/run/secrets/apt,mode=0444 \\
    set -eu; \\
    if [ -s /run/secrets/apt ]; then export APT_CONFIG=/run/secrets/apt; fi; \\
    apt-get update; \\
    DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \\
        iproute2 net-tools postgresql-client python3; \\
    rm -rf /var/lib/apt/lists/*; \\
    useradd --system --uid 10001 --user-group --no-create-home --home-dir /nonexistent app
COPY --chmod=0755 app.py /srv/app.py
USER 10001:10001
EXPOSE 8000
CMD ["python3", "-u", "/srv/app.py"]
"""
APP = '''\
"""A small service: /health says that it lives, / says what it knows."""

import json
import os
import signal
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path == "/health":
            self.answer(200, {"status": "ok"})
        elif self.path == "/":
            known = sorted(name for name in ("DATABASE_URL", "REDIS_URL") if os.environ.get(name))
            self.answer(200, {"service": "NAME", "knows": known})
        else:
            self.answer(404, {"error": "there is nothing here"})

    def answer(self, status, body):
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
ThreadingHTTPServer(("", 8000), Handler).serve_forever()
'''


REDIS = {"REDIS_HOST": "redis", "REDIS_PASSWORD": "${REDIS_PASSWORD}"}
"""For clients that take no URL."""


def definition(name: str, auth: Auth = "none") -> Definition:
    """The service: healthy as it is, with a route, and told of the database and Redis where they run."""
    folder = f"compose/{name}"
    return Definition(
        name,
        about=f"{name}, a service of your own",
        build={
            "context": f"./{folder}",
            "network": "host",
            "args": {"BASE_IMAGE": "${BASE_IMAGE:-genai-stack/base:0.1.0}"},
            "secrets": ["ca", "apt"],
        },
        ports=[PORT],
        profiles=["app"],
        env=dict(REDIS),
        depends_on=[Edge("supabase-db", optional=True), Edge("redis", optional=True)],
        health="http:/health",
        doors=[Door(path=f"/{name}", port=PORT, auth=auth)],
        files={f"{folder}/Dockerfile": DOCKERFILE.encode(), f"{folder}/app.py": APP.replace("NAME", name).encode()},
    )

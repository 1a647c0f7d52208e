"""The overrides of a service that runs elsewhere: an ambassador has its name and port. Pure."""

import json
import re
from collections.abc import Iterable

from stack.authoring.definition import Definition
from stack.names import variable

AMBASSADOR = """\
    image: ${AMBASSADOR_IMAGE:-genai-stack/ambassador:0.1.0}
    build: !override
      context: ./compose/ambassador
      network: host
      args:
        BASE_IMAGE: ${BASE_IMAGE:-genai-stack/base:0.1.0}
      secrets: [ca, apt]
"""
MEMORY = """\
      resources:
        limits:
          memory: ${AMBASSADOR_MEMORY:-256m}
"""
SHUT = """\
    read_only: true
    tmpfs: !override [/tmp]
    cap_drop: !override [ALL]
    security_opt: !override ["no-new-privileges:true"]
"""
REST = f"""\
    healthcheck: !override
      test: far <protocol> <port>
<patience>
    deploy: !override
      replicas: ${{<VARIABLE>_SCALE:-1}}
{MEMORY}\
{SHUT}<dropped>
"""
EXTERNAL = f"""\
# <name>, elsewhere: <VARIABLE>_EXTERNAL_URL, <address>, without user and password.
x-stack:
  <name>:
    outside: true
services:
  <name>:
{AMBASSADOR}\
    entrypoint: !override [ambassador]
    command: !override [<protocol>, "<port>", <VARIABLE>_EXTERNAL_URL]
    environment: !override
      <VARIABLE>_EXTERNAL_URL: ${{<VARIABLE>_EXTERNAL_URL}}
    volumes: !reset null
    depends_on: !reset null
{REST}"""
LOCALHOST = f"""\
# <name> of this machine, on 127.0.0.1. Two ambassadors joined by a socket: one in the host's network dials it, the
# other has the service's name and port.
x-stack:
  <name>-host:
    about: <about>
    scalable: false
services:
  <name>-host:
{AMBASSADOR}\
    profiles: <profiles>
    network_mode: host
    command: [host-half, <VARIABLE>_LOCALHOST_PORT]
    environment:
      AMBASSADOR_DIAL: ${{AMBASSADOR_DIAL:-127.0.0.1}}
      <VARIABLE>_LOCALHOST_PORT: ${{<VARIABLE>_LOCALHOST_PORT:-<port>}}
    volumes: ["<name>-host:/bridge"]
    healthcheck:
      test: far <protocol> /bridge/far.sock
<patience>
{SHUT}\
    restart: unless-stopped
    logging: {{driver: json-file, options: {{max-size: 10m, max-file: "3"}}}}
    deploy:
{MEMORY}\
  <name>:
{AMBASSADOR}\
    entrypoint: !override [ambassador]
    command: !override <half>
    environment: !override
      <VARIABLE>_LOCALHOST_PORT: ${{<VARIABLE>_LOCALHOST_PORT:-<port>}}
    volumes: !override ["<name>-host:/bridge"]
    depends_on: !override
      <name>-host: {{condition: service_started}}
{REST}volumes:
  <name>-host:
"""
TEXTS = {"external": EXTERNAL, "localhost": LOCALHOST}
ADDRESSES = {"http": "http:// or https://", "tcp": "HOST:PORT"}
PATIENCE = {"http": "2s 5s", "tcp": "5s 10s"}
"""Interval until they pass, and time-out of the checks. Where no protocol is known, `far` listens for 6 seconds."""
SET = {"entrypoint", "command", "healthcheck", "tmpfs", "cap_drop", "read_only", "expose", "extra_hosts"}
"""What the texts set themselves, and what does no harm."""


def override(definition: Definition, source: str) -> str:
    """The override of localhost or external, for a service with a port."""
    http = bool(definition.doors) or definition.health.startswith("http:")
    protocol, port = "http" if http else "tcp", str(definition.ports[0])
    quick, timeout = PATIENCE[protocol].split()
    mine = variable(definition.name, "X")[:-2]
    half = ["http-bridge-half", port, f"{mine}_LOCALHOST_PORT"] if http else ["bridge-half", port]
    words = {
        "name": definition.name, "VARIABLE": mine, "port": port, "protocol": protocol, "half": json.dumps(half),
        "address": ADDRESSES[protocol], "profiles": json.dumps(definition.profiles),
        "about": json.dumps(f"Reaches {definition.name} of this machine"),
        "patience": f"      interval: 30s\n      start_interval: {quick}\n      timeout: {timeout}\n      retries: 3\n"
                    "      start_period: 10s",
        "dropped": "\n".join(_dropped(definition)),
    }  # fmt: skip
    text = re.sub(r"<(\w+)>", lambda found: words[found[1]], TEXTS[source])
    return re.sub(r"\n\n+", "\n", text)


def _dropped(definition: Definition) -> Iterable[str]:
    """What the ambassador is not to be given of the program, and the companions that have nothing to do for it."""
    yield from (f"    {key}: !reset null" for key in sorted(definition.extra.keys() - SET))
    yield from (f"  {part.name}: !reset null" for part in definition.companions)

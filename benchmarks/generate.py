"""Checkouts to measure: a copy of this one, and one with as many generated services of the usual shape as asked for."""

import shutil
import socket
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PYTHON = sys.executable
LEFT_OUT = (".venv", ".git", ".stack", ".env", "compose.yaml", "local", "__pycache__", ".*_cache")

FRAGMENT = """\
x-stack:
  {name}:
    about: Generated service {number}
{ports}    secrets: {{{key}_PASSWORD: hex}}
    url: http://{name}:8080
services:
  {name}:
    image: ${{{key}_IMAGE:-example.org/{name}:1.0.0}}
    profiles: [core]
    networks: [backend-bridge-network]
{publish}    environment:
      PASSWORD: ${{{key}_PASSWORD}}
      LEVEL: ${{{key}_LEVEL:-info}}
      DATABASE_URL: postgresql://app:${{{key}_PASSWORD}}@{name}:5432/app
    volumes: ["{name}-data:/data"]
{needs}    healthcheck:
      test: [CMD-SHELL, "wget -q -O /dev/null http://127.0.0.1:8080/health"]
      interval: 5s
      timeout: 5s
      retries: 5
      start_period: 20s
    cap_drop: [ALL]
    security_opt: ["no-new-privileges:true"]
    restart: unless-stopped
    logging: {{driver: json-file, options: {{max-size: 10m, max-file: "3"}}}}
    deploy:
      replicas: ${{{key}_SCALE:-1}}
volumes:
  {name}-data:
"""
EXTERNAL = """\
services:
  {name}:
    image: example.org/ambassador:1.0.0
    command: [tcp, "8080", {key}_EXTERNAL_URL]
    environment: !override
      {key}_EXTERNAL_URL: ${{{key}_EXTERNAL_URL:-}}
    volumes: !reset null
    depends_on: !reset null
"""
PUBLISHED = 200
"""Services that publish a port: there are so many offsets."""


def checkout(folder: Path, count: int) -> dict[str, str]:
    """Fill `folder`; gives back the settings that plain Compose needs to read the fragments: ports and secrets."""
    for part in ("compose", "overrides", "kong"):
        (folder / part).mkdir(parents=True)
    shutil.copytree(ROOT / "stack", folder / "stack", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "tasks.py", folder)
    shutil.copy(ROOT / "compose" / "base.yml", folder / "compose")
    (folder / "kong" / "kong.yml").write_text('_format_version: "3.0"\n')
    settings = {}
    for number in range(count):
        name, key = f"service-{number:03}", f"SERVICE_{number:03}"
        _write(folder, name, key, number)
        settings[f"{key}_PASSWORD"] = "generated"
        if number < PUBLISHED:
            settings[f"{key}_PORT"] = str(63000 + number)
    return settings


def _write(folder: Path, name: str, key: str, number: int) -> None:
    """One fragment: it waits for up to two earlier ones; each third has an override."""
    targets = sorted({number // 4, number // 9} - {number})
    waits = "".join(f"      service-{n:03}: {{condition: service_healthy}}\n" for n in targets)
    published = number < PUBLISHED
    text = FRAGMENT.format(
        name=name, key=key, number=number,
        ports=f"    ports: {{{key}_PORT: {number}}}\n" if published else "",
        publish=f'    ports: ["${{{key}_BIND_ADDRESS:-127.0.0.1}}:${{{key}_PORT}}:8080"]\n' if published else "",
        needs=f"    depends_on:\n{waits}" if waits else "",
    )  # fmt: skip
    (folder / "compose" / f"{name}.yml").write_text(text)
    if number % 3 == 0:
        overrides = folder / "overrides" / name
        overrides.mkdir()
        (overrides / "external.yml").write_text(EXTERNAL.format(name=name, key=key))


def copied(folder: Path, project: str) -> Path:
    """Fill `folder` with what this checkout has, as a project of that name on ports of its own; gives it back."""
    shutil.copytree(ROOT, folder, ignore=shutil.ignore_patterns(*LEFT_OUT))
    (folder / ".env").write_text(f"PROJECT_NAME={project}\nBASE_PORT={_free_base()}\n")
    return folder


def _free_base() -> int:
    """A base port of which the first free one in steps of 1,000 will do."""
    for base in range(20000, 60000, 1000):
        with socket.socket() as sock:
            try:
                sock.bind(("127.0.0.1", base))
            except OSError:
                continue
            return base
    raise SystemExit("no free base port")

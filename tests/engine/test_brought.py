"""Three Compose files of a user's own, each with data: brought here, started to healthy, and taken away whole."""

import subprocess
from collections.abc import Callable
from pathlib import Path

from tests.engine.support import stacks
from tests.engine.support.stacks import BASE, BUILT, REDIS, Stack, docker, run

POSTGRES = "genai-stack/supabase-db:0.1.0"
CHECK = "interval: 1s, retries: 30"
SHOP = f"""
services:
  app:
    image: {REDIS}
    command: [redis-server, --protected-mode, "no"]
    ports: ["6379:6379"]
    environment: {{DB_HOST: db, DB_PASSWORD_FILE: /run/secrets/password}}
    secrets: [password]
    depends_on: {{db: {{condition: service_healthy}}}}
    healthcheck: {{test: [CMD-SHELL, redis-cli ping], {CHECK}}}
  db:
    image: {POSTGRES}
    environment: {{PGDATA: /var/lib/postgresql/data, POSTGRES_PASSWORD_FILE: /run/secrets/password}}
    entrypoint: [sh, -c]
    command:
      - >-
        [ -f $$PGDATA/PG_VERSION ] || {{ initdb -U app --pwfile=$$POSTGRES_PASSWORD_FILE -A scram-sha-256 &&
        echo 'host all all all scram-sha-256' >> $$PGDATA/pg_hba.conf; }};
        exec postgres -c listen_addresses=* -c unix_socket_directories=/tmp
    secrets: [password]
    volumes: ["rows:/var/lib/postgresql/data"]
    healthcheck: {{test: [CMD-SHELL, pg_isready -h 127.0.0.1], {CHECK}}}
secrets: {{password: {{file: ./password.txt}}}}
volumes: {{rows: }}
"""
"""PostgreSQL with a password in a file, as its own image takes it."""
PAGES = f"""
services:
  web:
    build: ./site
    ports: ["8000:8000"]
    volumes: ["./data:/srv/data", "./site.conf:/etc/site.conf:ro"]
    depends_on: {{fill: {{condition: service_completed_successfully}}}}
    healthcheck: {{test: [CMD-SHELL, "grep -q there /srv/data/made && grep -q first /srv/data/first.txt"], {CHECK}}}
  fill:
    image: {BASE}
    command: [sh, -c, "echo there >/data/made"]
    volumes: ["./data:/data"]
  api:
    image: {BASE}
    command: [sleep, infinity]
    init: true
"""
QUEUE = f"""
services:
  worker_1:
    image: {REDIS}
    command: [redis-server, --port, "7000", --protected-mode, "no"]
    ports: ["${{WORKER_PORT}}:7000"]
    env_file: [worker.env]
    links: ["Jobs:tasks"]
    healthcheck: {{test: [CMD-SHELL, 'redis-cli -h tasks -a "$$QUEUE_PASSWORD" ping'], {CHECK}}}
  Jobs:
    image: {REDIS}
    command: redis-server --requirepass ${{QUEUE_PASSWORD}} --dir /data --appendonly yes
    volumes: ["jobs:/data"]
volumes: {{jobs: }}
"""
THEIRS = {
    "shop/compose.yml": SHOP, "shop/password.txt": "old-and-secret\n",
    "pages/compose.yml": PAGES, "pages/site/Dockerfile": f"FROM {BASE}\nCMD [\"sleep\", \"infinity\"]\n",
    "pages/data/first.txt": "first\n", "pages/site.conf": "upstream http://api:80\n",
    "queue/compose.yml": QUEUE, "queue/.env": "WORKER_PORT=7000\nQUEUE_PASSWORD=of-theirs-and-long\n",
    "queue/worker.env": "QUEUE_PASSWORD=${QUEUE_PASSWORD}\nLEVEL=info\n",
}  # fmt: skip


def sql(container: str, text: str) -> str:
    words = f'PGPASSWORD=$(cat /run/secrets/password) psql -h 127.0.0.1 -U app -d postgres -Atc "{text}"'
    return docker("exec", container, "sh", "-c", words).strip()


def theirs(folder: Path, name: str) -> None:
    """Start their project as they do, put something into its database, and end it: its volume stays."""
    compose = ["docker", "compose", "-p", name, "--project-directory", str(folder)]
    up = run(*compose, "up", "-d", "--wait", "db")
    assert up.code == 0, up
    sql(f"{name}-db-1", "create table things as select 42 as answer")
    assert run(*compose, "down").code == 0


def files(stack: Stack) -> dict[str, bytes]:
    kept = [path for part in ("compose", "overrides", "kong", "docs") for path in (stack.root / part).rglob("*")]
    return {str(path): path.read_bytes() for path in [*kept, stack.root / ".env.example"] if path.is_file()}


def test_three_files_come_up_with_their_data_and_go_without_a_trace(new_stack: Callable[..., Stack]) -> None:
    stack = new_stack(**BUILT, STACK_PROFILES="core")
    if run("docker", "image", "inspect", POSTGRES).code:
        stack.up("--service", "supabase-db")
    assert stack.inv("docs").code == 0
    before = files(stack)
    for path, text in THEIRS.items():
        (stack.root / "theirs" / path).parent.mkdir(parents=True, exist_ok=True)
        (stack.root / "theirs" / path).write_text(text)
    old = f"{stack.project}-old"
    (stack.root / "theirs/shop/.env").write_text(f"COMPOSE_PROJECT_NAME={old}\n")
    try:
        theirs(stack.root / "theirs/shop", old)
        told = {}
        for name in ("shop", "pages", "queue"):
            words = ["--from-compose", f"theirs/{name}/compose.yml", "--profile", "brought"]
            added = stack.inv("add-service", name, *words, "--json")
            assert added.code == 0, added
            told[name] = added.json["data"]["losses"]
        [line] = [loss["fix"] for loss in told["shop"] if loss["code"] == "data"]
        subprocess.run(line, shell=True, check=True, capture_output=True, timeout=stacks.PATIENCE)
        # The data opens with the password that it was made with, and with no other.
        refused = stack.inv("up", "--profile", "brought", "--exact", "--json")
        assert refused.problems[0]["code"] == "env-lost"
        assert stack.inv("env.set", "SHOP_PASSWORD", "-", text="old-and-secret").code == 0
    finally:
        stacks.remove(old)
    stack.up("--profile", "brought", "--exact")

    states = {name: one["State"] for name, one in stack.containers().items()}
    ended = {"pages-fill-1", "pages-data-seed-1"}
    assert {name for name, state in states.items() if state["Status"] == "exited"} == ended
    assert {state["Health"]["Status"] for state in states.values() if "Health" in state} == {"healthy"}
    assert sql(f"{stack.project}-shop-db-1", "select answer from things") == "42"
    assert stack.exec("shop", "cat", "/run/secrets/password") == "old-and-secret"
    assert stack.exec("pages", "cat", "/etc/site.conf") == "upstream http://api:80\n"
    assert (
        stack.exec("pages", "getent", "hosts", "api").split()[0]
        == stack.exec("pages", "getent", "hosts", "pages-api").split()[0]
    )
    assert "of-theirs-and-long" not in str(stack.exec("queue", "env"))

    for name in told:
        gone = stack.inv("remove-service", name, "--volumes", "--yes")
        assert gone.code == 0, gone
    assert stack.listed("volume") == []
    assert files(stack) == before
    docker("rmi", "genai-stack/pages:0.1.0")

"""Whether the database accepts its superuser, has room for applications, sorts as when its indexes were made, and has
the roles and migrations of this checkout."""

import shlex
from collections.abc import Iterable, Mapping

from stack import execs
from stack.doctor import words
from stack.doctor.check import WARNING, Action, Check, Finding, told_by, untold
from stack.doctor.checks import jobs
from stack.doctor.inspected import Inspected, service_of
from stack.doctor.scene import Scene

DATABASE, JOB = "supabase-db", "supabase-db-init"
ROLES = ("anon", "authenticated", "service_role", "authenticator", "supabase_auth_admin", "supabase_storage_admin")
"""Those that the catalogue's fragments connect as, or switch to (compose/supabase-db/migrations/0001_roles.sql)."""
MIGRATIONS = "compose/supabase-db/migrations"
ASK = """SELECT 'role ' || rolname FROM pg_roles;
SELECT to_regclass('genai_stack.migration') IS NOT NULL AS has \\gset
\\if :has
SELECT 'migration ' || name FROM genai_stack.migration;
\\endif
SELECT 'free ' || current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int
  - coalesce(current_setting('reserved_connections', true)::int, 0) - count(*) + 1
  FROM pg_stat_activity WHERE backend_type = 'client backend';
SELECT 'held ' || count(*) || ' ' || usename || ' ' || coalesce(host(client_addr), '-') FROM pg_stat_activity
  WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()
  GROUP BY usename, client_addr ORDER BY count(*) DESC;
SELECT current_setting('server_version_num')::int >= 150000 AS tells \\gset
\\if :tells
SELECT 'sorted ' || datname FROM pg_database WHERE datallowconn AND datcollversion <>
  pg_database_collation_actual_version(oid) ORDER BY datname;
\\endif
"""
"""What the superuser asks. `free` is how many connections an application still gets, as the reserved ones are not for
it, and as the question's own ends with it."""
PSQL = """printf %s "$0" |
  PGPASSWORD=$POSTGRES_PASSWORD psql -XqtA -v ON_ERROR_STOP=1 -h 127.0.0.1 -U supabase_admin -d "$1"
"""
HOLDERS = 3
LIMIT_S = 8.0


def _run(scene: Scene) -> Iterable[Finding]:
    service = scene.planned_service(DATABASE)
    running = scene.running().get(DATABASE, [])
    if service is None:
        return [untold("no database is planned")]
    if service.source in ("localhost", "external"):
        return [untold(f"{DATABASE} comes from {service.source}")]
    if not running or words.health(running[0]) != "healthy":
        return [untold(f"{DATABASE} is not healthy")]
    code, said = _ask(scene, running[0])
    if code:
        return _refused(scene, said)
    lines = said.splitlines()
    addresses = {ip: service_of(one) for one in scene.containers for ip in _addresses(one)}
    return [*crowded(lines, addresses), *resorted(lines), *_lacking(scene, set(lines))]


def _addresses(one: Inspected) -> list[str]:
    networks = (one.get("NetworkSettings") or {}).get("Networks") or {}
    return [network["IPAddress"] for network in networks.values() if network.get("IPAddress")]


def crowded(lines: Iterable[str], addresses: Mapping[str, str]) -> list[Finding]:
    """A finding where no application gets a connection any more; `addresses` is of services. Pure."""
    rows = [line.split() for line in lines]
    free = next((int(row[1]) for row in rows if row[:1] == ["free"]), 1)
    if free > 0:
        return []
    held = [(count, role, addresses.get(address, address)) for word, count, role, address in
            (row for row in rows if row[:1] == ["held"] and len(row) == 4)]  # fmt: skip
    told = ", ".join(f"{count} by {role} from {where}" for count, role, where in held[:HOLDERS])
    holder = next((where for _, _, where in held if where in addresses.values()), "")
    seen = f"the database has no connection left for applications; most are held: {told}"
    fix = f"docker compose restart {holder}" if holder else f"docker compose restart {DATABASE}"
    return [Finding(seen, "whatever signs in is refused: too many clients", fix, service=DATABASE)]


def resorted(lines: Iterable[str]) -> list[Finding]:
    """A finding for each database whose texts the C library sorts otherwise than when it was made. Pure."""
    return [_resorted(name) for word, _, name in (line.partition(" ") for line in lines) if word == "sorted"]


def _resorted(name: str) -> Finding:
    seen = f"the collation version of database {name} is not the image's: its indexes may be out of order"
    sql = f'REINDEX DATABASE "{name}"', f'ALTER DATABASE "{name}" REFRESH COLLATION VERSION'
    words_ = " ".join(f"-c '{line}'" for line in sql)
    fix = f"docker compose exec {DATABASE} psql -h 127.0.0.1 -U supabase_admin -d {shlex.quote(name)} {words_}"
    return Finding(seen, "rows are not found, or a unique value stands twice", fix, WARNING, DATABASE)


def _ask(scene: Scene, one: Inspected) -> tuple[int, str]:
    """What psql says inside the container, as the superuser of its own environment."""
    name = scene.checkout.settings.value("SUPABASE_DB_NAME") or "postgres"
    done = execs.run(one["Id"], ["sh", "-c", PSQL, ASK, name], timeout=LIMIT_S)
    return done.returncode, done.stdout if not done.returncode else " ".join(done.stderr.split())


def _refused(scene: Scene, said: str) -> list[Finding]:
    if scene.changed_secrets:
        return [told_by("secrets-kept", DATABASE)]
    if "too many clients" in said or "connection slots" in said:
        seen = f"the database has no connection left, not even for its superuser: {said}"
        fix = f"docker compose restart {DATABASE}"
        return [Finding(seen, "whatever signs in is refused", fix, service=DATABASE)]
    if "authentication failed" in said:
        fix = "./inv env.set SUPABASE_ADMIN_PASSWORD - (the old value), then ./inv up"
        causes = "its volume was filled with another SUPABASE_ADMIN_PASSWORD: no migration and no new application works"
        return [Finding(f"the database refuses its superuser: {said}", causes, fix, service=DATABASE)]
    fix = f"docker compose logs {DATABASE}"
    return [Finding(f"the database does not answer: {said}", "nothing that stores data works", fix, service=DATABASE)]


def _lacking(scene: Scene, there: set[str]) -> list[Finding]:
    user = scene.checkout.settings.value("SUPABASE_DB_USER") or "app"
    files = sorted(path.name for path in (scene.root / MIGRATIONS).glob("*.sql"))
    roles = [name for name in (user, *ROLES) if f"role {name}" not in there]
    migrations = [name for name in files if f"migration {name}" not in there]
    fix = jobs.rerun(JOB)
    found = []
    if roles:
        found.append(Finding(f"the database lacks the roles {', '.join(roles)}",
                             "applications can't sign in to the database", fix, service=DATABASE))  # fmt: skip
    if migrations:
        found.append(Finding(f"the database lacks the migrations {', '.join(migrations)}",
                             "applications look for schemas that are not there", fix, service=DATABASE))  # fmt: skip
    return found


def _mend(scene: Scene) -> list[Action]:
    lacking = any(finding.fix == jobs.rerun(JOB) for finding in _run(scene))
    return [Action(jobs.rerun(JOB), lambda: jobs.again(scene, JOB))] if lacking else []


CHECK = Check(
    id="database",
    section="data",
    holds="the database has room for applications, and this checkout's roles, migrations and order of texts",
    run=_run,
    needs=("planned", "engine", "containers", "up", "secrets"),
    mend=_mend,
    of_services=True,
)

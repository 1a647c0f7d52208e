"""Whether the database accepts its superuser, and has the roles and migrations of this checkout."""

from collections.abc import Iterable

from stack import docker
from stack.doctor import words
from stack.doctor.check import Action, Check, Finding, told_by, untold
from stack.doctor.checks import jobs
from stack.doctor.scene import Inspected, Scene

DATABASE, JOB = "supabase-db", "supabase-db-init"
ROLES = ("anon", "authenticated", "service_role", "authenticator", "supabase_auth_admin", "supabase_storage_admin")
"""Those that the catalogue's fragments connect as, or switch to (compose/supabase-db/migrations/0001_roles.sql)."""
MIGRATIONS = "compose/supabase-db/migrations"
ASK = """SELECT 'role ' || rolname FROM pg_roles;
SELECT to_regclass('genai_stack.migration') IS NOT NULL AS has \\gset
\\if :has
SELECT 'migration ' || name FROM genai_stack.migration;
\\endif
"""
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
    return _lacking(scene, set(said.splitlines()))


def _ask(scene: Scene, one: Inspected) -> tuple[int, str]:
    """What psql says inside the container, as the superuser of its own environment."""
    name = scene.checkout.settings.value("SUPABASE_DB_NAME") or "postgres"
    script = 'PGPASSWORD=$POSTGRES_PASSWORD exec psql -XqtA -v ON_ERROR_STOP=1 -h 127.0.0.1 -U supabase_admin -d "$0"'
    words_ = ["exec", "-i", one["Id"], "sh", "-c", script, name]
    done = docker.run(words_, text=ASK, timeout=LIMIT_S)
    return done.returncode, done.stdout if not done.returncode else " ".join(done.stderr.split())


def _refused(scene: Scene, said: str) -> list[Finding]:
    if scene.changed_secrets:
        return [told_by("secrets-kept", DATABASE)]
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
    holds="the database accepts its superuser, and has this checkout's roles and migrations",
    run=_run,
    needs=("planned", "engine", "containers", "up", "secrets"),
    mend=_mend,
    of_services=True,
)

"""The job that gives an application its role and database, as the fragment of supabase-auth has it."""

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.engine.support import data, stacks
from tests.engine.support.data import SECRETS, Project
from tests.engine.support.stacks import Done, docker, run

pytestmark = pytest.mark.engine

JOB = "supabase-auth-db"
PASSWORD = "notespw0123456789"
FOREIGN = "foreignpw0123456789"
CLIENT = {
    "POSTGRES_CLIENT_IMAGE": "genai-stack/postgres-client:plain",
    "SUPABASE_AUTH_DB_PASSWORD": "authpw0123456789",
}


@pytest.fixture(scope="module")
def db(base_image: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """A database of ours, with the job beside it."""
    data.build_images()
    sources = {"supabase-db": "build", "supabase-auth": "container"}
    project = Project(tmp_path_factory.mktemp("apps") / "checkout", sources, **CLIENT)
    try:
        built = project.compose("build", JOB)
        assert built.code == 0, built
        project.up("supabase-db")
        assert project.init().code == 0
        yield project
    finally:
        project.remove()


def job(db: Project, **environment: str) -> Done:
    """Run the job as shipped, but for these variables of its environment."""
    words = [word for name, value in environment.items() for word in ("-e", f"{name}={value}")]
    return db.compose("run", "--rm", "-T", "--no-deps", *words, JOB)


def app(db: Project, name: str = "notes", password: str = PASSWORD, **environment: str) -> Done:
    """Run it for an application with a database of its own."""
    return job(db, APP_NAME=name, APP_PASSWORD=password, APP_ROLE_ONLY="", **environment)


def log_in(db: Project, who: tuple[str, str], database: str, sql: str, host: str = "supabase-db") -> Done:
    """Ask as a client on the network does: `who` is its role and password."""
    user, password = who
    ask = ("psql", "-Atqw", "-h", host, "-U", user, "-d", database, "-c", sql)
    return run("docker", "exec", "-e", f"PGPASSWORD={password}", db.container("supabase-db"), *ask)


def test_an_application_gets_a_role_and_a_database_that_others_cannot_enter(db: Project) -> None:
    done = app(db, APP_EXTENSIONS="pgcrypto no_such_thing")
    assert done.code == 0, done
    assert "NOTICE: database notes has no extension no_such_thing" in done.out
    own = "CREATE TABLE mine (id uuid DEFAULT gen_random_uuid()); SELECT crypt('a', gen_salt('bf')) <> 'a'"
    assert log_in(db, ("notes", PASSWORD), "notes", own).out.strip() == "t"
    for sql in ("CREATE ROLE other", "CREATE DATABASE other", "SELECT * FROM pg_authid"):
        assert "permission denied" in log_in(db, ("notes", PASSWORD), "notes", sql).text
    refused = log_in(db, ("app", SECRETS["SUPABASE_DB_PASSWORD"]), "notes", "SELECT 1")
    assert 'permission denied for database "notes"' in refused.text


def test_a_second_run_keeps_the_data_and_a_changed_password_holds(db: Project) -> None:
    app(db)
    kept = log_in(db, ("notes", PASSWORD), "notes", "CREATE TABLE kept AS SELECT 42 AS answer")
    assert kept.code == 0, kept
    changed = app(db, password="changed'$pw")
    assert changed.code == 0, changed
    assert log_in(db, ("notes", "changed'$pw"), "notes", "SELECT answer FROM kept").out.strip() == "42"
    assert log_in(db, ("notes", PASSWORD), "notes", "SELECT 1").code != 0


def test_applications_that_start_at_once_each_get_theirs(db: Project) -> None:
    names = ["one", "two", "three"]
    with ThreadPoolExecutor() as pool:
        done = list(pool.map(lambda name: app(db, name), names))
    assert [run.code for run in done] == [0, 0, 0], done
    owners = db.rows(
        "SELECT datname, pg_get_userbyid(datdba) FROM pg_database WHERE datname IN ('one', 'two', 'three')"
    )
    assert sorted(owners) == ["one|one", "three|three", "two|two"]


def test_a_role_of_supabase_gets_its_password_and_stays_what_it_is(db: Project) -> None:
    attributes = "SELECT to_jsonb(r) - 'rolpassword' FROM pg_roles r WHERE rolname = 'supabase_auth_admin'"
    databases = "SELECT datname FROM pg_database ORDER BY 1"
    before = db.rows(attributes), db.rows(databases)
    done = job(db)
    assert done.code == 0, done
    assert (db.rows(attributes), db.rows(databases)) == before
    where = log_in(
        db, ("supabase_auth_admin", CLIENT["SUPABASE_AUTH_DB_PASSWORD"]), "postgres", "SELECT current_schema"
    )
    assert where.out.strip() == "auth"


def test_what_is_made_as_postgres_is_there_for_the_api(db: Project) -> None:
    db.rows("SET ROLE postgres; CREATE TABLE public.studio_made (id serial)")
    assert db.rows("SET ROLE anon; INSERT INTO public.studio_made DEFAULT VALUES RETURNING id") == ["1"]
    db.rows("DROP TABLE public.studio_made")


@pytest.mark.parametrize("name", ["postgres", "template1"])
def test_what_has_a_purpose_of_its_own_is_not_made_an_applications(db: Project, name: str) -> None:
    refused = app(db, name)
    assert refused.code != 0
    assert f"APP_NAME: {name} has a purpose of its own" in refused.out.splitlines()[-1]


def test_an_application_without_a_password_is_refused(db: Project) -> None:
    refused = app(db, password="")
    assert refused.code != 0
    assert "its password is not set" in refused.out


def test_no_password_is_in_the_output_or_in_the_servers_log(db: Project) -> None:
    for setting in ("log_min_messages = 'log'", "log_statement = 'all'"):
        db.rows(f"ALTER ROLE supabase_admin SET {setting}")
    try:
        shown = app(db, "logged").text
        missing = job(db, APP_NAME="supabase_nobody", APP_PASSWORD=PASSWORD)
        assert 'role "supabase_nobody" does not exist' in missing.out
    finally:
        db.rows("ALTER ROLE supabase_admin RESET ALL")
    log = db.log("supabase-db")
    assert "set_config('log_statement'" in log
    assert PASSWORD not in shown + missing.text + log


@pytest.fixture(scope="module")
def foreign(db: Project) -> Iterator[str]:
    """A PostgreSQL as its users have it, on the network under the name it gives back."""
    name = f"{db.name}-foreign"
    script = f"""initdb -D /tmp/pg -U postgres -A scram-sha-256 --pwfile=/dev/stdin <<EOF >/dev/null
{FOREIGN}
EOF
echo "host all all all scram-sha-256" >> /tmp/pg/pg_hba.conf
exec postgres -D /tmp/pg -k /tmp -c listen_addresses='*' -c fsync=off"""
    image, network = data.IMAGES["SUPABASE_DB_BUILD_IMAGE"], f"{db.name}_backend-bridge-network"
    docker("run", "-d", "--name", name, "--network", network, "--entrypoint", "sh", image, "-c", script)
    try:
        ready = ("docker", "exec", name, "pg_isready", "-h", "127.0.0.1")
        stacks.until(lambda: run(*ready).code == 0, "the start of a PostgreSQL")
        yield name
    finally:
        run("docker", "rm", "-f", "-v", name)


@pytest.mark.parametrize(
    ("name", "password", "reason"),
    [
        ("a", FOREIGN, "it has no table genai_stack.migration in postgres"),
        ("b", "guessed", 'password authentication failed for user "postgres"'),
        ("c", "", "SUPABASE_ADMIN_PASSWORD is not set"),
    ],
)
def test_a_server_that_is_not_ours_is_only_checked_and_the_run_tells_what_to_make(
    db: Project, foreign: str, name: str, password: str, reason: str
) -> None:
    there = {"PGHOST": foreign, "SUPABASE_ADMIN_USER": "postgres", "SUPABASE_ADMIN_PASSWORD": password}
    failed = app(db, name, **there)
    assert failed.code != 0
    assert reason in failed.out
    made = f"SELECT rolname FROM pg_roles WHERE rolname = '{name}'"
    assert log_in(db, ("postgres", FOREIGN), "postgres", made, foreign).out == ""

    told = re.search(r"CREATE ROLE .*", failed.out)
    assert told, failed
    for statement in told[0].replace("...", PASSWORD).split(";")[:-1]:
        typed = log_in(db, ("postgres", FOREIGN), "postgres", statement, foreign)
        assert typed.code == 0, typed
    done = app(db, name, **there)
    assert done.code == 0, done
    assert "nothing was written" in done.out

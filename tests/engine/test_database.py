"""PostgreSQL as built here, and the job that brings it to the SQL of the checkout."""

import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from stack import yamlfile
from tests.engine.support import data, stacks
from tests.engine.support.data import SECRETS, Project
from tests.engine.support.ports import free_port
from tests.engine.support.stacks import docker, run

pytestmark = pytest.mark.engine

SHIPPED = sorted(p.name for p in (stacks.SOURCE_TREE / "compose/supabase-db/migrations").iterdir())
LEDGER = "SELECT name, sha256, applied_at FROM genai_stack.migration ORDER BY name"
Migration = Callable[[str, str], Path]


@pytest.fixture(scope="module")
def db(base_image: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """A database on which the job ran once."""
    data.build_images()
    project = Project(tmp_path_factory.mktemp("db") / "checkout", {"supabase-db": "build"})
    try:
        project.up("supabase-db")
        first = project.init()
        assert first.code == 0, first
        yield project
    finally:
        project.remove()


@pytest.fixture
def migration(db: Project) -> Iterator[Migration]:
    """Put a migration beside those that are shipped; the file and its row in the ledger go after the test."""
    written: list[Path] = []

    def write(name: str, sql: str) -> Path:
        path = db.root / "compose/supabase-db/migrations" / name
        written.append(path)
        path.write_text(sql)
        return path

    yield write
    for path in written:
        path.unlink(missing_ok=True)
        db.rows(f"DELETE FROM genai_stack.migration WHERE name = '{path.name}'")


def test_roles_are_those_of_supabase(db: Project) -> None:
    sql = """SELECT rolname, concat_ws(' ', CASE WHEN rolsuper THEN 'super' END,
             CASE WHEN rolcanlogin THEN 'login' END,
             CASE WHEN rolbypassrls THEN 'bypassrls' END, CASE WHEN rolreplication THEN 'replication' END,
             CASE WHEN NOT rolinherit THEN 'noinherit' END) FROM pg_roles WHERE rolname !~ '^pg_'"""
    assert dict(row.split("|") for row in db.rows(sql)) == {
        "supabase_admin": "super login bypassrls replication",
        "postgres": "login bypassrls replication",
        "anon": "",
        "authenticated": "",
        "service_role": "bypassrls",
        "authenticator": "login noinherit",
        "supabase_auth_admin": "login noinherit",
        "supabase_storage_admin": "login noinherit",
        "supabase_replication_admin": "login replication",
        "supabase_read_only_user": "login bypassrls",
        "dashboard_user": "replication",
        "pgbouncer": "login",
        "postgres_exporter": "login",
        "app": "login",
    }
    become = "SET ROLE anon; RESET ROLE; SET ROLE authenticated; RESET ROLE; SET ROLE service_role"
    words = ("psql", "-h", "127.0.0.1", "-U", "authenticator", "-d", "postgres", "-c", become)
    assert db.exec("supabase-db", *words).code == 0


def test_schemas_and_publication_are_those_of_supabase(db: Project) -> None:
    schemas = db.rows("SELECT nspname FROM pg_namespace")
    assert {"auth", "storage", "extensions", "realtime", "_realtime", "graphql_public"} <= set(schemas)
    assert db.rows("SELECT pubname FROM pg_publication") == ["supabase_realtime"]
    assert db.rows("SHOW wal_level") == ["logical"]
    assert db.rows("SELECT extname FROM pg_extension WHERE extname = 'pgcrypto'") == ["pgcrypto"]


def test_a_change_of_the_tables_is_told_to_the_rest_api(db: Project) -> None:
    def told(sql: str) -> bool:
        words = ("psql", "-h", "127.0.0.1", "-U", "supabase_admin", "-d", "postgres", "-c")
        listened = db.exec("supabase-db", *words, f"LISTEN pgrst; {sql}", "-c", "SELECT 1").out
        return 'Asynchronous notification "pgrst" with payload "reload schema"' in listened

    assert told("CREATE TABLE public.told (id int)")
    assert told("ALTER TABLE public.told ADD note text")
    assert told("GRANT SELECT ON public.told TO anon")
    assert told("DROP TABLE public.told")
    assert not told("CREATE TEMP TABLE passing (id int); DROP TABLE passing")
    as_app = db.psql(
        "CREATE TABLE public.told (id int); DROP TABLE public.told", "app", SECRETS["SUPABASE_DB_PASSWORD"]
    )
    assert as_app.code == 0, as_app


PG_NET = """
CREATE SCHEMA net;
CREATE TABLE net.sent (id bigserial, said text);
CREATE FUNCTION net.http_post(url text, body jsonb, params jsonb, headers jsonb, timeout_milliseconds integer)
RETURNS bigint LANGUAGE sql AS $$
    INSERT INTO net.sent (said) VALUES (concat_ws(' ', 'POST', $1, $2, $3, $4, $5)) RETURNING id $$;
CREATE FUNCTION net.http_get(url text, params jsonb, headers jsonb, timeout_milliseconds integer)
RETURNS bigint LANGUAGE sql AS $$
    INSERT INTO net.sent (said) VALUES (concat_ws(' ', 'GET', $1, $2, $3, $4)) RETURNING id $$;
"""
"""A stand-in for the extension, which Debian has not: its two functions, that write down what they are asked."""


def test_a_change_of_a_row_calls_a_webhook_where_the_server_has_pg_net(db: Project, tmp_path: Path) -> None:
    assert "NOTICE: this server has no pg_net" in db.init().out
    [folder] = db.rows("SELECT setting || '/extension' FROM pg_config WHERE name = 'SHAREDIR'")
    (tmp_path / "pg_net.control").write_text("default_version = '1'\nrelocatable = false\n")
    (tmp_path / "pg_net--1.sql").write_text(PG_NET)
    for path in tmp_path.iterdir():
        docker("cp", str(path), f"{db.container('supabase-db')}:{folder}/{path.name}")
    try:
        for _ in range(2):
            done = db.init()
            assert (done.code, "pg_net" in done.out) == (0, False), done
        db.rows("""SET ROLE postgres; CREATE TABLE public.watched (id int);
            CREATE TRIGGER hook AFTER INSERT OR DELETE ON public.watched FOR EACH ROW EXECUTE FUNCTION
            supabase_functions.http_request('http://far/', 'POST', '{"a": "b"}', 'null', '1000');
            GRANT INSERT, DELETE ON public.watched TO app""")
        asked = db.psql("INSERT INTO watched VALUES (7)", "app", SECRETS["SUPABASE_DB_PASSWORD"])
        assert asked.code == 0, asked
        [sent] = db.rows("SELECT said FROM net.sent")
        assert sent.startswith("POST http://far/ {")
        assert all(
            word in sent for word in ('"type": "INSERT"', '"record": {"id": 7}', '"a": "b"', '"old_record": null')
        )
        db.rows("DELETE FROM public.watched")
        assert db.rows("SELECT hook_name, request_id FROM supabase_functions.hooks ORDER BY id") == ["hook|1", "hook|2"]
    finally:
        db.rows(
            "DROP TABLE IF EXISTS public.watched; DROP EXTENSION IF EXISTS pg_net; DROP SCHEMA IF EXISTS net CASCADE"
        )
        db.rows("DROP SCHEMA IF EXISTS supabase_functions CASCADE")
        db.exec("supabase-db", "rm", "-f", f"{folder}/pg_net.control", f"{folder}/pg_net--1.sql")


def test_realtime_can_read_changes(db: Project) -> None:
    """By the plugin that it asks for: the server has it, and is allowed to load it."""
    db.rows("SELECT pg_create_logical_replication_slot('changes', 'wal2json')")
    try:
        db.rows("CREATE TABLE public.changing (id int); INSERT INTO public.changing VALUES (7)")
        [change] = db.rows("SELECT data FROM pg_logical_slot_get_changes('changes', NULL, NULL) WHERE data LIKE '%7%'")
        assert '"table":"changing"' in change
    finally:
        db.rows("SELECT pg_drop_replication_slot('changes')")
        db.rows("DROP TABLE public.changing")
    said = db.init().out
    assert "supabase-realtime" not in said
    assert "no pg_graphql" in said


def test_applications_log_in_over_the_network_without_being_superuser(db: Project) -> None:
    app = ("app", SECRETS["SUPABASE_DB_PASSWORD"])
    assert db.psql("SELECT inet_client_addr() <> '127.0.0.1'", *app).out.strip() == "t"
    own = "CREATE TABLE mine (id int); CREATE TABLE public.shared (id int); DROP TABLE mine, public.shared"
    assert db.psql(own, *app).code == 0
    denied = ["CREATE ROLE other", "SELECT * FROM pg_authid", "CREATE TABLE auth.x (id int)"]
    for sql in [*denied, "DELETE FROM genai_stack.migration"]:
        refused = db.psql(sql, *app)
        assert refused.code != 0, sql
        assert "permission denied" in refused.text
    for user in ("app", "postgres", "supabase_admin", "authenticator", "pgbouncer"):
        refused = db.psql("SELECT 1", user, "guessed")
        assert f'password authentication failed for user "{user}"' in refused.text


def test_a_second_run_changes_nothing(db: Project) -> None:
    before = db.rows(LEDGER)
    assert [row.split("|")[0] for row in before] == SHIPPED
    again = db.init()
    assert again.code == 0
    assert "apply" not in again.out
    assert db.rows(LEDGER) == before


def test_a_changed_password_holds_after_the_next_run(db: Project) -> None:
    assert db.init(SUPABASE_DB_PASSWORD="changed'$pw").code == 0
    assert db.psql("SELECT 1", "app", "changed'$pw").out.strip() == "1"
    assert db.psql("SELECT 1", "app", SECRETS["SUPABASE_DB_PASSWORD"]).code != 0
    assert db.init().code == 0
    assert db.psql("SELECT 1", "app", SECRETS["SUPABASE_DB_PASSWORD"]).out.strip() == "1"


def test_a_failing_migration_is_named_last_and_leaves_nothing(db: Project, migration: Migration) -> None:
    path = migration("0900_bad.sql", "CREATE TABLE public.half_done (id int);\nSELECT * FROM nowhere;\n")
    later = migration("0901_later.sql", "CREATE TABLE public.later (id int);\n")
    failed = db.init()
    assert failed.code != 0
    last = "\n".join(failed.out.splitlines()[-5:])
    assert "0900_bad.sql:2" in last
    assert 'relation "nowhere" does not exist' in last
    assert db.rows("SELECT to_regclass('public.half_done'), to_regclass('public.later')") == ["|"]
    assert [row.split("|")[0] for row in db.rows(LEDGER)] == SHIPPED

    path.write_text("CREATE TABLE public.half_done (id int);\n")
    mended = db.init()
    assert mended.code == 0, mended
    assert re.findall("apply (.*)", mended.out) == [path.name, later.name]
    db.rows("DROP TABLE public.half_done, public.later")


def test_an_edit_of_an_applied_migration_is_named(db: Project, migration: Migration) -> None:
    path = migration("0900_once.sql", "SELECT 1;\n")
    assert db.init().code == 0
    path.write_text("SELECT 2;\n")
    failed = db.init()
    assert failed.code != 0
    assert "migrations/0900_once.sql was changed after it was applied" in failed.out.splitlines()[-1]


def test_a_misnamed_migration_is_named(db: Project, migration: Migration) -> None:
    migration("90_short.sql", "SELECT 1;\n")
    failed = db.init()
    assert failed.code != 0
    assert "migrations/90_short.sql: expected a name like 0007_name.sql" in failed.out.splitlines()[-1]


def test_a_migration_that_no_transaction_can_hold_is_applied_once(db: Project, migration: Migration) -> None:
    migration("0900_database.sql", "-- migrate: no transaction\nCREATE DATABASE beside;\n")
    assert db.init().code == 0
    again = db.init()
    assert again.code == 0, again
    db.rows("DROP DATABASE beside")


def test_two_runners_at_once_apply_each_migration_once(db: Project, migration: Migration) -> None:
    # Long enough for the second to come to the lock while the first holds it.
    migration("0900_race.sql", "CREATE TABLE public.race AS SELECT pg_sleep(1) IS NULL AS slept;\n")
    with ThreadPoolExecutor() as pool:
        runs = list(pool.map(lambda user: db.init(SUPABASE_DB_USER=user), ["app", "app"]))
    assert [run.code for run in runs] == [0, 0], runs
    assert sum("apply 0900_race.sql" in run.out for run in runs) == 1
    db.rows("DROP TABLE public.race")


def test_another_database_name_gets_a_database_laid_out_alike(db: Project) -> None:
    done = db.init(SUPABASE_DB_NAME="of its own")
    assert done.code == 0, done
    assert len(db.rows(LEDGER, "of its own")) == len(SHIPPED)
    assert "auth" in db.rows("SELECT nspname FROM pg_namespace", "of its own")
    db.rows('DROP DATABASE "of its own"')


@pytest.mark.parametrize("user", ["supabase_admin", "anon"])
def test_a_role_with_a_purpose_of_its_own_is_not_made_the_applications(db: Project, user: str) -> None:
    refused = db.init(SUPABASE_DB_USER=user)
    assert refused.code != 0
    assert f"SUPABASE_DB_USER: {user}" in refused.out.splitlines()[-1]


def test_no_password_is_in_a_command_line_or_a_log(db: Project) -> None:
    name = db.container("supabase-db")
    shown = docker("top", name, "-eo", "pid,args") + db.log("supabase-db") + db.init().text
    shown += docker("inspect", "-f", "{{.Path}} {{.Args}} {{.Config.Cmd}}", name)
    assert not [secret for secret in SECRETS.values() if secret in shown]


def test_the_server_is_the_containers_first_process_and_no_root(db: Project) -> None:
    assert db.exec("supabase-db", "cat", "/proc/1/comm").out.strip() == "postgres"
    status = db.exec("supabase-db", "cat", "/proc/1/status").out
    assert "Uid:\t999" in status
    assert "CapBnd:\t0000000000000000" in status


def test_data_outlive_a_kill(db: Project) -> None:
    db.rows("CREATE TABLE public.kept AS SELECT 42 AS answer")
    docker("kill", db.container("supabase-db"))
    db.up("supabase-db")
    assert db.rows("SELECT answer FROM public.kept") == ["42"]
    db.rows("DROP TABLE public.kept")


def test_a_first_start_that_is_killed_is_begun_again(base_image: str, tmp_path: Path) -> None:
    data.build_images()
    project = Project(tmp_path / "checkout", {"supabase-db": "build"})
    try:
        project.compose("up", "-d", "supabase-db")
        begun = ("test", "-d", "/var/lib/postgresql/data/unfinished/base")
        stacks.until(lambda: project.exec("supabase-db", *begun).code == 0, "the first start")
        docker("kill", project.container("supabase-db"))
        left = ("run", "--rm", "-T", "--entrypoint", "ls", "supabase-db", "-A", "/var/lib/postgresql/data")
        assert project.compose(*left).out.split() == ["unfinished"]
        project.up("supabase-db")
        assert project.rows("SELECT count(*) FROM pg_roles WHERE rolname = 'authenticator'") == ["1"]
        assert "unfinished" not in project.exec("supabase-db", "ls", "/var/lib/postgresql/data").out
    finally:
        project.remove()


def test_data_of_another_major_version_are_refused(base_image: str, tmp_path: Path) -> None:
    data.build_images()
    project = Project(tmp_path / "checkout", {"supabase-db": "build"})
    make = "cd /var/lib/postgresql/data && mkdir 9 && echo 9 > 9/PG_VERSION"
    try:
        project.compose("run", "--rm", "-T", "--entrypoint", "sh", "supabase-db", "-c", make)
        refused = project.compose("run", "--rm", "-T", "supabase-db")
        assert refused.code != 0
        assert "the volume holds data of PostgreSQL 9" in refused.text
    finally:
        project.remove()


def test_the_vaults_key_of_one_major_version_is_made_to_fit_the_next(base_image: str) -> None:
    data.build_images()
    words = yamlfile.load("", (stacks.SOURCE_TREE / "compose/supabase-db.yml").read_text())
    fit = words["x-stack"]["supabase-db"]["backup"]["fit"][-1]
    # As the image's 15 leaves it: another user's number, and without the folder that 17 reads.
    before = "mkdir /etc/postgresql-custom && cd /etc/postgresql-custom && echo key >root.key && chown -R 4105:4105 ."
    seen = f"{before} && {fit} && stat -c '%U:%G %n' . conf.d root.key"
    image = data.IMAGES["SUPABASE_DB_BUILD_IMAGE"]
    told = docker("run", "--rm", "--user", "0", "--entrypoint", "sh", image, "-c", seen)
    assert told.splitlines() == [f"postgres:postgres {name}" for name in (".", "conf.d", "root.key")]


@pytest.fixture
def stock(base_image: str) -> Iterator[tuple[int, str]]:
    """Debian's PostgreSQL on 127.0.0.1 alone, as if installed here: its port, and its container's name."""
    data.build_images()
    port = free_port()
    name = f"stock-{port}"
    # Its superuser and a role of a user's, both with passwords.
    script = f"""initdb -D /tmp/pg -U postgres -A scram-sha-256 --pwfile=/dev/stdin <<EOF >/dev/null
super
EOF
echo "CREATE ROLE app LOGIN PASSWORD '{SECRETS["SUPABASE_DB_PASSWORD"]}'" |
    postgres --single -D /tmp/pg postgres >/dev/null
exec postgres -D /tmp/pg -k /tmp -p {port} -c listen_addresses=127.0.0.1"""
    image = data.IMAGES["SUPABASE_DB_BUILD_IMAGE"]
    docker("run", "-d", "--name", name, "--network", "host", "--entrypoint", "sh", image, "-c", script)
    ready = ("docker", "exec", name, "pg_isready", "-h", "127.0.0.1", "-p", str(port))
    try:
        stacks.until(lambda: run(*ready).code == 0, "the start of a PostgreSQL")
        yield port, name
    finally:
        run("docker", "rm", "-f", "-v", name)


def test_a_database_of_this_machine_is_only_checked_until_asked(stock: tuple[int, str], tmp_path: Path) -> None:
    port, name = stock
    settings = {"SUPABASE_DB_LOCALHOST_PORT": str(port)}
    project = Project(tmp_path / "checkout", {"supabase-db": "localhost"}, **settings)

    def schemas() -> set[str]:
        ask = ("psql", "-h", "127.0.0.1", "-p", str(port), "-U", "postgres", "-Atc", "TABLE pg_namespace")
        return {
            row.split("|")[1] for row in run("docker", "exec", "-e", "PGPASSWORD=super", name, *ask).out.splitlines()
        }

    def far() -> int:
        return project.exec("supabase-db", "far", "postgres", "5432").code

    try:
        project.up("supabase-db")
        before = schemas()
        checked = project.init()
        assert checked.code == 0, checked
        assert "answers app; it is not ours, so nothing is written" in checked.out
        assert " ".join(SHIPPED) in checked.out
        assert "wal_level is replica there: supabase-realtime" in checked.out
        assert schemas() == before

        refused = project.init(SUPABASE_DB_PASSWORD="wrong")
        assert "password authentication failed" in refused.out.splitlines()[-1]

        admin = {"SUPABASE_ADMIN_USER": "postgres", "SUPABASE_ADMIN_PASSWORD": "super"}
        written = project.init(SUPABASE_DB_MIGRATE="true", **admin)
        assert written.code == 0, written
        assert {"auth", "storage", "genai_stack"} <= schemas()
        assert "NOTICE: wal_level is not logical: supabase-realtime" in written.out
        assert "not applied" not in project.init().out
        docker("stop", "-t", "1", name)
        assert far() == 1
        docker("start", name)
        stacks.until(lambda: far() == 0, "the database's return")
    finally:
        project.remove()

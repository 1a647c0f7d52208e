"""The data services and the ambassador as plain Docker Compose runs them, without the program."""

import functools
import itertools
import os
import tempfile
from pathlib import Path

from stack.builds import machine
from tests.engine.support import stacks
from tests.engine.support.stacks import Done, docker, run

# Tags of their own: images of the program's tags carry labels that plain Compose does not write.
IMAGES = {
    "REDIS_BUILD_IMAGE": "genai-stack/redis:plain",
    "SUPABASE_DB_BUILD_IMAGE": "genai-stack/supabase-db:plain",
    "SUPABASE_DB_INIT_IMAGE": "genai-stack/supabase-db:plain",
    "AMBASSADOR_IMAGE": "genai-stack/ambassador:plain",
    "BASE_IMAGE": stacks.BASE,
}
# Recognisable wherever one shows up.
SECRETS = {
    "REDIS_PASSWORD": "redispw0123456789",
    "SUPABASE_ADMIN_PASSWORD": "adminpw0123456789",
    "SUPABASE_DB_PASSWORD": "apppw0123456789",
}
_numbers = itertools.count(1)


class Project:
    """One Compose project of some fragments, each with its source, in a copy of the shipped files."""

    def __init__(self, root: Path, sources: dict[str, str], *more: Path, **settings: str) -> None:
        self.root, self.name = root, f"d{os.getpid()}-{next(_numbers)}"
        if not root.exists():
            stacks.copy_tree(root)
            machine.write_build_inputs(root / ".stack" / "build")
        files = ["compose/base.yml"]
        for service, source in sources.items():
            override = [] if source == "container" else [f"overrides/{service}/{source}.yml"]
            files += [f"compose/{service}.yml", *override]
        halves = [f"{service}-host" for service, source in sources.items() if source == "localhost"]
        # Looked at more often, so that tests wait less; engines before 25 have no `start_interval`.
        often = "{healthcheck: {interval: 300ms, start_interval: !reset null}}"
        lines = "".join(f"  {name}: {often}\n" for name in [*sources, *halves])
        (root / "often.yml").write_text(f"services:\n{lines}")
        self.files = [word for path in [*files, *map(str, more), "often.yml"] for word in ("-f", path)]
        ports = {f"{s.upper().replace('-', '_')}_PORT": "" for s in sources}
        self.settings = {**IMAGES, **SECRETS, **ports, **settings}

    def compose(self, *words: str, **settings: str) -> Done:
        """`docker compose WORDS` to its end."""
        project = ("--project-directory", ".", "-p", self.name, "--profile", "*")
        env = {**self.settings, **settings}
        return run("docker", "compose", *self.files, *project, *words, cwd=self.root, env=env)

    def up(self, *words: str, **settings: str) -> None:
        """Start services and wait until each is healthy."""
        done = self.compose("up", "-d", "--wait", "--wait-timeout", "60", *words, **settings)
        assert done.code == 0, done

    def container(self, service: str) -> str:
        return f"{self.name}-{service}-1"

    def exec(self, service: str, *words: str) -> Done:
        return run("docker", "exec", self.container(service), *words)

    def log(self, service: str) -> str:
        """What a service wrote, both streams."""
        return run("docker", "logs", self.container(service)).text

    def init(self, **settings: str) -> Done:
        """Run the job that brings the database to the SQL beside it; all it tells is on standard output."""
        if settings:
            return self.compose("run", "--rm", "-T", "supabase-db-init", **settings)
        # The same container again takes a third of the time.
        self.compose("create", "--no-recreate", "supabase-db-init")
        return run("docker", "start", "-a", self.container("supabase-db-init"))

    def psql(self, sql: str, user: str, password: str) -> Done:
        """Ask the database as its clients do: at its address on the network, with a password."""
        ask = ("psql", "-Atqw", "-h", "supabase-db", "-U", user, "-d", "postgres", "-c", sql)
        return run("docker", "exec", "-e", f"PGPASSWORD={password}", self.container("supabase-db"), *ask)

    def rows(self, sql: str, database: str = "postgres") -> list[str]:
        """The rows of an answer, columns separated by `|`, for the superuser inside the container."""
        words = ("psql", "-Atq", "-h", "127.0.0.1", "-U", "supabase_admin", "-d", database, "-c", sql)
        done = self.exec("supabase-db", *words)
        assert done.code == 0, done
        return done.out.splitlines()

    def remove(self) -> None:
        stacks.remove(self.name)


@functools.cache
def build_images() -> None:
    """Build every image that these tests run; nothing is done where the engine still has the layers."""
    with tempfile.TemporaryDirectory() as folder:
        for sources in ({"redis": "build", "supabase-db": "build"}, {"redis": "external"}):
            project = Project(Path(folder) / "checkout", sources)
            # Always the same name, which is part of the image: the same files give the same image.
            project.name = "genai-stack-plain"
            done = project.compose("build", *sources)
            assert done.code == 0, done


def certificates(folder: Path) -> Path:
    """Make an authority, and a certificate of it for far.test and what is below it."""
    folder.chmod(0o777)
    script = r"""umask 022; cd /tls
openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=authority -keyout authority.key -out authority.pem
openssl req -newkey rsa:2048 -nodes -subj /CN=server -keyout far.key -out far.csr
echo 'subjectAltName=DNS:far.test,DNS:*.far.test' > names
openssl x509 -req -in far.csr -CA authority.pem -CAkey authority.key -CAcreateserial -days 2 \
    -extfile names -out far.pem
chmod 644 far.key"""
    words = f"run --rm --network none --user {os.getuid()} -v {folder}:/tls --entrypoint sh".split()
    docker(*words, IMAGES["AMBASSADOR_IMAGE"], "-ec", script)
    return folder

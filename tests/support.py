"""What tests share: a checkout of their own, and the program run in it as by a user without a terminal."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from tests import warm

ROOT = Path(__file__).resolve().parents[1]
PROGRAM = ("stack", "tasks.py")
SHIPPED = (*PROGRAM, "compose", "overrides", "kong", ".env.example", "pins.yml")
CORE = ("base", "redis", "supabase-db", "backend", "kong-api-gateway")
GATHERED = shutil.ignore_patterns("__pycache__", "*.pyc", ".*_cache", ".hypothesis")
READ = ".stack/cache/files.json"
"""What the files of the catalogue say, by their bytes (planning/checkouts.py)."""
ASIDE = (".stack/cache", ".stack/lock")
NAMED = ("rabbitmq", "elasticsearch")
"""What the backend of the core names as a connection, planned or not."""
NO_ENGINE = "unix:///nowhere/docker.sock"
BASE = "networks: {backend-bridge-network: {driver: bridge}}\n"


class Done(NamedTuple):
    """What a command printed and how it ended."""

    words: tuple[str, ...]
    code: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, Any]:
        """Standard output as the one document that it must be."""
        document: dict[str, Any] = json.loads(self.out)
        return document

    @property
    def data(self) -> dict[str, Any]:
        """The data of a command that succeeded."""
        assert self.code == 0, self
        data: dict[str, Any] = self.json["data"]
        return data

    @property
    def problems(self) -> list[dict[str, str]]:
        """The problems of the document."""
        problems: list[dict[str, str]] = self.json["problems"]
        return problems

    def __str__(self) -> str:
        return f"$ inv {' '.join(self.words)}\n{self.out}{self.err}[exit {self.code}]"


class Checkout(NamedTuple):
    """A copy of the program with some files around it; what Compose says to its commands is kept in `answers`."""

    root: Path
    answers: Path | None = None

    def write(self, path: str, text: str) -> Path:
        """Put a file there; `path` is relative to the checkout."""
        target = self.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)
        return target

    def inv(
        self,
        *words: str,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        before: Callable[[], None] | None = None,
        text: str | None = None,
    ) -> Done:
        """Run the program. `env` is added to an environment that knows no engine; `before` runs in the new
        process first; `text` is its standard input."""
        around = {**environment(), "PYTHONPATH": str(self.root), **(env or {})}
        if before is None:
            return Done(words, *warm.run(self.root, words, cwd or self.root, around, text or "", self.answers))
        done = subprocess.run(
            [sys.executable, "-m", "stack", *words],
            cwd=cwd or self.root,
            env=around,
            input=text or "",
            capture_output=True,
            text=True,
            timeout=warm.ENDLESS,
            check=False,
            preexec_fn=before,
        )
        return Done(words, done.returncode, done.stdout, done.stderr)

    def inv_json(self, *words: str, **options: Any) -> Done:
        """The same with `--json`."""
        return self.inv(*words, "--json", **options)

    def digest(self) -> str:
        """What lies in the checkout; Python's bytecode, what can be made again, and locks aside."""
        total = hashlib.sha256()
        for path in sorted(self.root.rglob("*")):
            name = str(path.relative_to(self.root))
            if "__pycache__" in path.parts or name.startswith(ASIDE) or path.is_dir():
                continue
            total.update(f"{name}\0{path.lstat().st_mode:o}\0".encode() + path.read_bytes() + b"\0")
        return total.hexdigest()


def environment() -> dict[str, str]:
    """An environment without settings and without an engine."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "DOCKER_CONFIG") if name in os.environ}
    return {**kept, "LANG": "C.UTF-8", "DOCKER_HOST": NO_ENGINE}


def make(folder: Path, parts: tuple[str, ...], files: Mapping[str, str], answers: Path | None = None) -> Checkout:
    """A checkout in `folder` of some parts of this one, and `files` (text by path)."""
    folder.mkdir(parents=True, exist_ok=True)
    for part in parts:
        source = ROOT / part
        if part == "stack":
            _link_program(folder)
        elif source.is_dir():
            shutil.copytree(source, folder / part, ignore=GATHERED)
        elif source.exists():
            shutil.copy2(source, folder / part)
    checkout = Checkout(folder, answers)
    for path, text in files.items():
        checkout.write(path, text)
    return checkout


def _link_program(folder: Path) -> None:
    """The program, in a package that lies in `folder`, so that this is its checkout; the packages within, which nothing
    writes to, are linked: a copy of their hundreds of files cost more than most tests."""
    (folder / "stack").mkdir()
    for path in (ROOT / "stack").iterdir():
        if path.is_file():
            shutil.copy2(path, folder / "stack" / path.name)
        elif path.name != "__pycache__":
            (folder / "stack" / path.name).symlink_to(path)


def keep(root: Path, *more: str) -> None:
    """Of the catalogue, leave what the profile core needs or names, and `more`: each change of a file is then merged in
    a third of the time. What is asked of the whole are the tests of the shipped files."""
    for path in [*(root / "compose").glob("*.yml"), *(root / "overrides").iterdir()]:
        if path.stem not in (*CORE, *NAMED, *more):
            shutil.rmtree(path) if path.is_dir() else path.unlink()


def fragment(name: str, x_stack: str = "", body: str = "", image: str = "example/app:1") -> str:
    """A small fragment; `x_stack` is its entry and `body` further lines of its service, each as YAML."""
    lines = [f"    {line}\n" for line in body.splitlines()]
    entry = f"x-stack: {{{name}: {{{x_stack}}}}}\n"
    head = f"services:\n  {name}:\n    image: {image}\n    profiles: [core]\n"
    return entry + head + "    networks: [backend-bridge-network]\n" + "".join(lines)


PAGE = """ports: ["${WEB_BIND_ADDRESS:-127.0.0.1}:${WEB_PORT}:80"]
depends_on: {db: {condition: service_started}}"""
DATABASE = """ports: ["127.0.0.1:${DB_PORT}:5432"]
environment: {PASSWORD: "${DB_PASSWORD}"}"""
PAIR = {
    "compose/base.yml": BASE,
    "compose/web.yml": fragment("web", "ports: {WEB_PORT: 21}, url: 'http://web:80'", PAGE),
    "compose/db.yml": fragment("db", "ports: {DB_PORT: 22}, secrets: {DB_PASSWORD: hex}", DATABASE),
}
"""Two services: a page that requires a database."""

"""Makes .venv and installs what the locks name, then becomes the project's program.

Run by ./inv with a Python that has nothing installed: standard library only, and no import of ours. `up --bundle FILE`
has the packages in FILE, for a machine without network.
"""

import contextlib
import fcntl
import hashlib
import importlib.util
import itertools
import os
import shutil
import signal
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import NoReturn

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
# There as long as .venv is not whole; found by a later run, it means that this one was killed.
UNFINISHED = VENV / "unfinished"
SOURCES = {
    "run": ["pyproject.toml", "requirements.lock"],
    "dev": ["pyproject.toml", "requirements.lock", "requirements-dev.lock"],
}
# Generous: a slow line may need minutes for 20 MB, and a hung one must end some time.
LIMIT_S = 1800.0
# The pip that a bundle has, for a Python that cannot bring its own.
PIP_VERSION = "26.3"
PIP_SHA256 = "f3b60b20ffaadd4415ed7957212a38ac63fa4c5fa375bd0f4a797777940fad13"
PIP = f"pip-{PIP_VERSION}-py3-none-any.whl"
WHEELS = "wheels/"
REPEAT = "the same command again, when the cause named above is mended"
# What a folder that is no clone was unpacked with, for ./inv update --from: noted before anything of it can be changed.
SHIPPED = ".stack/release.tar.gz"
OURS = {".git", ".venv", ".stack", "local", "backups", ".env", "compose.yaml", "compose.override.yaml",
        "compose.override.yml", "stack.yaml", "images.lock", "__pycache__"}  # fmt: skip


class UnpreparedError(Exception):
    """The environment could not be made: what happened, and the command to type."""

    def __init__(self, message: str, fix: str) -> None:
        super().__init__(message)
        self.fix = fix


def main(argv: list[str]) -> int:
    """Prepares .venv for argv[0] (run or dev), and gives the exit code: 0 when the program can be run."""
    kind, *arguments = argv
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupted)
    try:
        with _locked():
            if not is_current(kind):
                keep_shipped()
                with packages(arguments) as folder:
                    prepare(kind, arguments, folder)
    except UnpreparedError as error:
        print(f"error: {error}\n  type: {error.fix}", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"error: .venv cannot be made: {error}\n  type: df -h {ROOT}; ls -ld {ROOT}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


def keep_shipped() -> None:
    """Keeps a copy of the files of a folder that was unpacked, at the first run in it: later, nobody can tell what was
    changed. It is small, and does without where it can't be written."""
    target = ROOT / SHIPPED
    if (ROOT / ".git").exists() or VENV.exists() or target.exists():
        return
    new = target.with_name(f"{target.name}.new")
    with contextlib.suppress(OSError):
        with tarfile.open(new, "w:gz", compresslevel=1) as tar:
            for path in sorted(ROOT.iterdir()):
                if path.name not in OURS:
                    tar.add(path, path.name, filter=_of_release)
        new.replace(target)


def _of_release(member: tarfile.TarInfo) -> tarfile.TarInfo | None:
    """A file or folder; a link is the user's own."""
    plain = member.isreg() or member.isdir() or member.islnk()
    return member if plain and "__pycache__" not in member.name else None


def become_program(arguments: list[str]) -> NoReturn:
    """Replaces this process, so that signals and the exit code are the program's own."""
    # -I: neither the caller's folder nor PYTHONPATH may put a module in front of ours.
    os.execv(PYTHON, [str(PYTHON), "-I", "-m", "stack", *arguments])


def wanted(kind: str) -> bytes:
    """What the environment is made from, byte for byte as ./inv compares it."""
    return b"".join([os.fsencode(ROOT), b"\n", *((ROOT / name).read_bytes() for name in SOURCES[kind])])


def is_current(kind: str) -> bool:
    """Whether .venv was made, to its end, from the files as they are now."""
    stamp = VENV / f"made-for-{kind}"
    return os.access(PYTHON, os.X_OK) and stamp.is_file() and stamp.read_bytes() == wanted(kind)


@contextlib.contextmanager
def packages(arguments: list[str]) -> Iterator[Path | None]:
    """A folder with the Python packages of the bundle that `up` is given; None where it is given none."""
    bundle = given_bundle(arguments)
    if not bundle:
        yield None
        return
    with tempfile.TemporaryDirectory(prefix="genai-stack-") as folder:
        try:
            unpack(Path(bundle), Path(folder))
        except (OSError, tarfile.TarError, ValueError) as error:
            raise UnpreparedError(f"{bundle} is no whole bundle: {error}", f"ls -l {bundle}") from None
        yield Path(folder)


def given_bundle(arguments: list[str]) -> str:
    """The file behind --bundle of `up`; "" for other commands, where the flag means something else."""
    if next((word for word in arguments if not word.startswith("-")), "") != "up":
        return ""
    for word, following in itertools.pairwise([*arguments, ""]):
        if word == "--bundle":
            return following
        if word.startswith("--bundle="):
            return word.partition("=")[2]
    return ""


def unpack(bundle: Path, folder: Path) -> None:
    """Puts a bundle's Python packages into a folder; what else its names say, a file gets there under its last alone.

    pip holds each against the lock's digest. Raises OSError, TarError, and ValueError where there are none."""
    with tarfile.open(bundle, "r:") as tar:
        for member in tar:
            file = tar.extractfile(member) if member.isreg() and member.name.startswith(WHEELS) else None
            if file:
                with (folder / Path(member.name).name).open("wb") as out:
                    shutil.copyfileobj(file, out)
    if not any(folder.iterdir()):
        raise ValueError("there are no Python packages in it")


def prepare(kind: str, arguments: list[str], folder: Path | None = None) -> None:
    """Brings .venv up to date, from the packages of `folder` where there is one; a .venv that is not whole or does not
    run is made anew."""
    print("preparing .venv …", file=sys.stderr, flush=True)
    if _works():
        install(kind, folder)
        return
    if not importlib.util.find_spec("ensurepip") and not folder and not shutil.which("uv"):
        add_venv_module(arguments)
    _remove()
    try:
        VENV.mkdir()
        UNFINISHED.touch()
        create(folder)
        install(kind, folder)
        UNFINISHED.unlink()
    except BaseException:
        _remove()
        raise


def create(folder: Path | None = None) -> None:
    """Makes an empty environment with pip in it, that of `folder` where Python has none."""
    # The file behind all links: python3 may be another version after the system's next upgrade.
    python = os.path.realpath(getattr(sys, "_base_executable", sys.executable))
    command = [python, "-I", "-m", "venv"]
    if importlib.util.find_spec("ensurepip"):
        _run([*command, str(VENV)], "the environment", REPEAT)
        return
    if folder:
        pip = folder / PIP
        if not pip.is_file() or hashlib.sha256(pip.read_bytes()).hexdigest() != PIP_SHA256:
            raise UnpreparedError(f"the bundle has no whole {PIP}, and {python} has no pip", "make the bundle anew")
        _run([*command, "--without-pip", str(VENV)], "the environment", REPEAT)
        # A wheel can be run as it is, and so installs itself.
        words = ["install", "--no-index", "--no-deps", "--no-input", "--disable-pip-version-check", str(pip)]
        _run([str(PYTHON), "-I", f"{pip}/pip", *words], "pip", REPEAT)
        return
    if shutil.which("uv"):
        command = ["uv", "venv", "--no-project", "--seed", "--allow-existing", "--python", python]
    _run([*command, str(VENV)], "the environment", REPEAT)


def install(kind: str, folder: Path | None = None) -> None:
    """Installs what this kind's lock names, from `folder` where there is one, lets `import stack` find this checkout,
    and notes both down."""
    for stamp in VENV.glob("made-for-*"):
        stamp.unlink()
    lock = ROOT / SOURCES[kind][-1]
    pip = ["pip", "install", "--require-hashes", "--no-deps", "--no-input", "--disable-pip-version-check"]
    where = ["--no-index", "--find-links", str(folder)] if folder else []
    _run([str(PYTHON), "-I", "-m", *pip, *where, "-r", str(lock)], "the packages", REPEAT)
    asked = "import sysconfig; print(sysconfig.get_path('purelib'))"
    site = _run([str(PYTHON), "-I", "-c", asked], "the environment", REPEAT).strip()
    Path(site, "genai-stack.pth").write_bytes(os.fsencode(ROOT) + b"\n")
    # What setuptools, which comes with the environment of an older Python, would do at every start.
    Path(site, "distutils-precedence.pth").unlink(missing_ok=True)
    # What a developer needs includes what a user needs.
    for made in ["run", "dev"] if kind == "dev" else ["run"]:
        (VENV / f"made-for-{made}").write_bytes(wanted(made))


def add_venv_module(arguments: list[str]) -> None:
    """Installs Debian's package of Python's venv module, if this is Debian's Python and the user agrees."""
    python = os.path.realpath(sys.executable)
    package = "python{}.{}-venv".format(*sys.version_info[:2])
    what = f"{python} cannot make an environment: it lacks the module ensurepip."
    if not python.startswith("/usr/bin/") or not shutil.which("apt-get"):
        raise UnpreparedError(what, f"{python} -m pip install --user uv    (or install a complete Python)")
    root = os.geteuid() == 0
    apt = ["apt-get"] if root else ["sudo", "apt-get"]
    name = " ".join(apt)
    by_hand = f"{name} update && {name} install -y {package}"
    if not (root and agreed(arguments)) and not _asked(f"{what} Type {by_hand!r} for you?"):
        raise UnpreparedError(what, by_hand)
    # One source that does not answer need not matter: what counts is whether the package can be installed.
    with contextlib.suppress(UnpreparedError):
        _run([*apt, "update"], "apt's lists", by_hand, apart=True)
    options = ["--no-install-recommends", "-o", "DPkg::Lock::Timeout=300"]
    _run([*apt, "install", "-y", *options, package], package, by_hand, apart=True)


def agreed(arguments: list[str]) -> bool:
    """Whether the user agreed beforehand: by --yes, or by `test`, which is said to do its own set-up."""
    own = arguments[: arguments.index("--")] if "--" in arguments else arguments
    return "--yes" in own or next((word for word in own if not word.startswith("-")), "") == "test"


def _asked(question: str) -> bool:
    """The user's answer; no, where nobody can be asked."""
    if sys.stdin is None or not (sys.stdin.isatty() and sys.stderr.isatty()):
        return False
    print(f"{question} [y/N] ", end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip().lower() in {"y", "yes"}


def _works() -> bool:
    """Whether .venv is whole, at the place it was made for, and has a pip and a Python that is new enough."""
    if not os.access(PYTHON, os.X_OK) or UNFINISHED.exists():
        return False
    here = os.fsencode(ROOT) + b"\n"
    if not all(stamp.read_bytes().startswith(here) for stamp in VENV.glob("made-for-*")):
        return False
    probe = [str(PYTHON), "-I", "-c", "import sys, pip; sys.exit(sys.version_info < (3, 11))"]
    return subprocess.run(probe, capture_output=True, check=False).returncode == 0


def _remove() -> None:
    if VENV.is_symlink() or VENV.is_file():
        VENV.unlink()
    elif VENV.exists():
        shutil.rmtree(VENV)


def _run(command: list[str], what: str, fix: str, *, apart: bool = False) -> str:
    """Output of a command; its last lines in the error if it fails or takes longer than LIMIT_S.

    One that is not `apart` shares our lock: should we be killed, .venv stays locked while it works on."""
    # A file, not a pipe: a grandchild that lives on cannot keep us waiting.
    with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as output:
        with subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=_environment(),
            close_fds=apart,
        ) as child:
            code = _wait(child)
        output.seek(0)
        text = output.read()
    if code == 0:
        return text
    last = "\n".join(f"  | {line}" for line in text.strip().splitlines()[-15:])
    how = f"took longer than {LIMIT_S:.0f} s" if code is None else f"failed with exit code {code}"
    raise UnpreparedError(f"making {what} {how}:\n{last}", fix)


def _environment() -> dict[str, str]:
    """Ours, with pip's own settings but for those that would install somewhere else than into .venv."""
    elsewhere = {"PYTHONPATH", "PYTHONHOME", "PIP_TARGET", "PIP_PREFIX", "PIP_ROOT"}
    kept = {name: value for name, value in os.environ.items() if name not in elsewhere}
    return kept | {"PIP_USER": "0", "DEBIAN_FRONTEND": "noninteractive"}


def _wait(child: subprocess.Popen[bytes]) -> int | None:
    """The child's exit code, None if it was ended for taking too long. A terminal sees by dots that it goes on."""
    until, dots = time.monotonic() + LIMIT_S, ""
    try:
        while (left := until - time.monotonic()) > 0:
            with contextlib.suppress(subprocess.TimeoutExpired):
                return child.wait(min(left, 1.0) if sys.stderr.isatty() else left)
            if sys.stderr.isatty():
                dots += "."
                print(f"\r{dots[-72:]}", end="", file=sys.stderr, flush=True)
    except BaseException:
        _end(child)
        raise
    finally:
        if dots:
            print(file=sys.stderr, flush=True)
    _end(child)
    return None


def _end(child: subprocess.Popen[bytes]) -> None:
    child.terminate()
    try:
        child.wait(10)
    except subprocess.TimeoutExpired:
        child.kill()


def _interrupted(number: int, frame: FrameType | None) -> None:
    del frame
    signal.signal(number, signal.SIG_IGN)
    raise KeyboardInterrupt


@contextlib.contextmanager
def _locked() -> Iterator[None]:
    """Held while .venv changes; the system lets go of it when its last holder ends, however that is."""
    path = ROOT / ".stack" / "venv.lock"
    path.parent.mkdir(exist_ok=True)
    with path.open("w") as file:
        os.set_inheritable(file.fileno(), True)
        for attempt in range(int(LIMIT_S * 5)):
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if attempt == 0:
                    print("another run is preparing .venv; waiting for it …", file=sys.stderr, flush=True)
                time.sleep(0.2)
        else:
            raise UnpreparedError(f"another run has held {path} for {LIMIT_S:.0f} s.", f"fuser -v {path}")
        yield


if __name__ == "__main__":
    if code := main(sys.argv[1:]):
        sys.exit(code)
    become_program(sys.argv[2:])

"""Somebody's Compose file, dropped on the page with what lies beside it: kept where `add-service --from-compose` reads
it, for its owner alone, until the next one comes or the server ends."""

import shutil
from pathlib import Path, PurePosixPath

import msgspec

from stack import tree, yamlfile
from stack.errors import USAGE, fail

FOLDER = f"{tree.GENERATED}/private/dropped"
MOST = 8_000_000
"""Bytes of a request with files; they come in base64, which takes a third more."""
FILES = 500
"""Files in one drop."""
TYPED = "./inv add-service NAME --from-compose FILE"
NAMES = ("compose.yaml", "compose.yml", "docker-compose.yaml", "docker-compose.yml")
"""What Compose looks for, in its order (docs.docker.com, the Compose file)."""


class Drop(msgspec.Struct, frozen=True):
    """Files by their path, as a folder that was dropped has them."""

    files: dict[str, bytes]


class Found(msgspec.Struct):
    """The Compose file among them, from the checkout's root, and the services that it names."""

    file: str
    services: list[str]


def keep(root: Path, data: bytes) -> Found:
    """Write what was dropped in the place of what was before. Raises StackError for what holds no Compose file."""
    files = _read(data)
    chosen = compose_file(files)
    try:
        named = yamlfile.load(chosen, files[chosen].decode())
    except UnicodeDecodeError:
        raise fail("compose-file", f"{chosen} is no text", chosen) from None
    services = (named.get("services") or {}) if isinstance(named, dict) else {}
    if not isinstance(services, dict) or not (services or "include" in named):
        raise fail("compose-file", f"{chosen} names no services", chosen, "drop a Compose file")
    forget(root)
    for path, content in files.items():
        place = root / FOLDER / path
        tree.enclose(place.parent)
        tree.write(place, content, 0o600)
    return Found(f"{FOLDER}/{chosen}", sorted(map(str, services)))


def forget(root: Path) -> None:
    """Remove what was dropped."""
    shutil.rmtree(root / FOLDER, ignore_errors=True)


def compose_file(files: dict[str, bytes]) -> str:
    """The Compose file among these: that of Compose's names which lies least deep, else the one YAML file. Pure.

    Raises StackError where there is none, or it is not clear which."""
    paths = sorted(files, key=lambda path: (len(PurePosixPath(path).parts), _rank(path), path))
    if usual := [one for one in paths if _rank(one) < len(NAMES)]:
        return usual[0]
    others = [one for one in paths if one.endswith((".yml", ".yaml"))]
    if len(others) != 1:
        what = f"several YAML files: {', '.join(others[:5])}" if others else "no YAML file"
        raise fail("compose-file", f"there is {what}", fix="drop one Compose file, or the folder that it is in")
    return others[0]


def _rank(path: str) -> int:
    name = PurePosixPath(path).name
    return NAMES.index(name) if name in NAMES else len(NAMES)


def _read(data: bytes) -> dict[str, bytes]:
    if len(data) > MOST:
        raise fail("usage", f"that is more than {MOST // 1_000_000} MB", fix=TYPED, exit_code=USAGE)
    try:
        files = msgspec.json.decode(data, type=Drop).files
    except msgspec.DecodeError as error:
        raise fail("usage", f"these are no files: {error}", exit_code=USAGE) from None
    if len(files) > FILES:
        raise fail("usage", f"these are more than {FILES} files", fix=TYPED, exit_code=USAGE)
    for path in files:
        if not within(path):
            raise fail("usage", f"{path!r} is no path in a folder", exit_code=USAGE)
    return files


def within(path: str) -> bool:
    """Whether a path stays in its folder, and is written as it is. Pure."""
    pure = PurePosixPath(path)
    return bool(path) and not pure.is_absolute() and ".." not in pure.parts and str(pure) == path and "\0" not in path

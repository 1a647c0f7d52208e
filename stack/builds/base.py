"""The project's own base image: Debian's slim one under our name, or one made of this machine's packages."""

import os
import platform
import shlex
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from stack import docker, process, tree
from stack.builds import machine, package_settings
from stack.errors import fail

TAG = "genai-stack/base:0.1.0"
SLIM = "debian:bookworm-slim"
PULL_LIMIT_S = 600.0
APT_LIMIT_S = 600.0
# 15 s on a fast line: 60 MB of packages, unpacked and set up.
MAKE_LIMIT_S = 1200.0
IMPORT_LIMIT_S = 300.0
TARGETS = "$(ORIGIN) $(CODENAME) $(COMPONENT) $(REPO_URI) $(RELEASE)"
# main is what Debian supports; Ubuntu keeps Redis, Caddy and other things that we build with in universe.
COMPONENTS = {"Debian": ("main",), "Ubuntu": ("main", "universe")}
# As in Debian's slim image: nobody reads these in a container.
UNREAD = ("man", "info", "locale", "doc", "lintian")


def make_base(say: Callable[[str], None], tag: str = TAG, slim: str = SLIM) -> str:
    """Makes sure that the image `tag` is on the engine, and says how: "present", "pulled" or "made".

    Where no registry answers, the machine must be a Debian or an Ubuntu: its own release and package sources
    are used. mmdebstrap is installed by apt if need be; the caller has the user's consent to that.
    Raises StackError, with the reason for which nothing was pulled."""
    if docker.images([tag]):
        return "present"
    if docker.images([slim]):
        docker.ask(["tag", slim, tag])
        return "pulled"
    say(f"pulling {slim} for {tag} …")
    refusal = docker.run(["pull", "--quiet", slim], timeout=PULL_LIMIT_S)
    if refusal.returncode == 0:
        docker.ask(["tag", slim, tag])
        return "pulled"
    why = process.last_lines(refusal.stderr)
    if not package_settings.read_apt():
        message = f"{slim} cannot be pulled, and only on Debian and Ubuntu can a base image be made without it{why}"
        raise fail("base-image", message, fix=f"docker pull {slim}")
    say(f"making {tag} from this machine's package sources …")
    _make(tag)
    return "made"


def own_sources(targets: str, codename: str) -> list[str]:
    """The sources of the distribution's own release `codename`, its updates and security fixes, as lines of a
    sources.list. `targets` are the package indexes that apt knows, laid out as TARGETS says."""
    releases = {codename, f"{codename}-updates", f"{codename}-security"}
    entries: dict[tuple[str, str], list[str]] = {}
    for row in targets.splitlines():
        fields = row.split()
        if len(fields) != len(TARGETS.split()):
            continue
        origin, of, component, address, release = fields
        if of in releases and component in COMPONENTS.get(origin, ()):
            components = entries.setdefault((address, release), [])
            components.extend([component] if component not in components else [])
    lines = [f"deb {address} {release} {' '.join(components)}" for (address, release), components in entries.items()]
    # The release itself first: its name is the suite that mmdebstrap is asked for.
    return sorted(lines, key=lambda line: line.split()[2].endswith(("-updates", "-security")))


def _make(tag: str) -> None:
    if not shutil.which("mmdebstrap"):
        _apt("install", "-y", "--no-install-recommends", "mmdebstrap")
    lines = sources()
    with tempfile.TemporaryDirectory(prefix="genai-stack-") as name:
        folder = Path(name)
        archive = folder / "base.tar"
        command = ["mmdebstrap", *_options(folder, lines), lines[0].split()[2], str(archive)]
        # From a file: an address may hold a password, and arguments can be read by everybody.
        tree.write(folder / "sources.list", "\n".join([*lines, ""]).encode(), mode=0o600)
        command = process.as_root([*command, str(folder / "sources.list")])
        process.output(command, what="mmdebstrap", fix="apt-get update", limit_s=MAKE_LIMIT_S)
        docker.ask(["import", "--change", 'CMD ["bash"]', str(archive), tag], timeout=IMPORT_LIMIT_S)


def _options(folder: Path, sources: list[str]) -> list[str]:
    """mmdebstrap's options: a small system, and this machine's apt settings while it is made, not after."""
    proxy, authorities = machine.proxies(os.environ), folder / "ca.pem"
    tree.write(authorities, machine.ca_bundle(os.environ), mode=0o600)
    settings = package_settings.apt(package_settings.read_apt(), proxy, str(authorities))
    tree.write(folder / "apt.conf", settings.encode(), mode=0o600)
    meanwhile = '"$1/etc/apt/apt.conf.d/00machine"'
    https = any(line.split()[1].startswith("https:") for line in sources)
    return [
        "--variant=minbase",
        "--quiet",
        *(["--include=ca-certificates"] if https else []),
        *(f"--dpkgopt=path-exclude=/usr/share/{what}/*" for what in UNREAD),
        "--dpkgopt=path-include=/usr/share/doc/*/copyright",
        '--aptopt=Acquire::Languages "none"',
        f"--setup-hook=cp {shlex.quote(str(folder / 'apt.conf'))} {meanwhile}",
        f'--customize-hook=rm -f {meanwhile} "$1/etc/hostname" "$1/etc/resolv.conf"',
    ]


def sources() -> list[str]:
    """The machine's own sources. Raises StackError where there are none of its distribution."""
    release = platform.freedesktop_os_release()
    codename = release.get("VERSION_CODENAME", "")
    command = ["apt-get", "indextargets", "--format", TARGETS, "Created-By: Packages"]
    for attempt in range(2):
        targets = process.output(command, what="apt-get indextargets", fix="apt-get update", limit_s=60)
        if sources := own_sources(targets, codename):
            return sources
        # apt knows whose sources they are only once it has their lists.
        if attempt == 0:
            _apt("update")
    message = f"apt has no package sources of {release.get('PRETTY_NAME', 'this system')} itself"
    raise fail("base-image", message, "/etc/apt/sources.list", "apt-get update")


def _apt(*words: str) -> None:
    command = process.as_root(["apt-get", "-o", "DPkg::Lock::Timeout=300", *words])
    settings = {"DEBIAN_FRONTEND": "noninteractive"}
    process.output(command, what=f"apt-get {words[0]}", fix=" ".join(command), limit_s=APT_LIMIT_S, env=settings)

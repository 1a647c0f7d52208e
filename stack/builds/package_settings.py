"""Settings of pip, apt and npm: read where each tool keeps them, written so that they hold in an image build.

What names a file or a program of this machine is left out: a build does not have it.
"""

import ast
import re
import subprocess
import sys
import urllib.parse
import urllib.request
from collections.abc import Mapping
from pathlib import Path

LIMIT_S = 30.0
PIP_KEYS = ("index-url", "extra-index-url", "find-links", "trusted-host", "proxy", "timeout", "retries")
APT_LEAVES = ("proxy", "verify-peer", "verify-host", "timeout", "retries", "pipeline-depth", "no-cache")
APT_PLAIN = (
    "Acquire::ForceIPv4",
    "Acquire::ForceIPv6",
    "Acquire::Retries",
    "Acquire::By-Hash",
    "Acquire::Check-Valid-Until",
)
NPM_KEYS = ("registry", "proxy", "https-proxy", "noproxy", "strict-ssl", "fetch-retries", "fetch-timeout")
REMOTE = ("http://", "https://", "ftp://", "git+https://", "git+ssh://")


def read_pip() -> dict[str, str]:
    """What pip says its settings are: those for `install` count more than the general ones, the environment's
    most. A section for another command, such as download, says nothing about an install."""
    sections: dict[str, dict[str, str]] = {"global": {}, "install": {}, ":env:": {}}
    for line in _output([sys.executable, "-I", "-m", "pip", "config", "list"]).splitlines():
        name, _, value = line.partition("=")
        section, _, key = name.rpartition(".")
        if section in sections and value:
            sections[section]["timeout" if key == "default-timeout" else key] = str(ast.literal_eval(value))
    return sections["global"] | sections["install"] | sections[":env:"]


def pip(settings: Mapping[str, str], proxy: Mapping[str, str]) -> str:
    """A pip.conf with what is remote of these settings."""
    kept = {key: value for key in PIP_KEYS if (value := settings.get(key))}
    for key in ("index-url", "extra-index-url", "find-links"):
        kept[key] = " ".join(word for word in kept.get(key, "").split() if word.startswith(REMOTE))
    index = kept["index-url"] or "https://pypi.org"
    if "proxy" not in kept and (through := _proxy_for(index, proxy)):
        kept["proxy"] = through
    lines = [f"{key} = {value}" for key, value in kept.items() if value]
    return "\n".join(["[global]", *lines, ""]) if lines else ""


def read_apt() -> dict[str, str]:
    """What `apt-config dump` prints; nothing where there is no apt."""
    rows = re.findall(r'^(\S+) "(.*)";$', _output(["apt-config", "dump"]), re.MULTILINE)
    return dict(rows)


def apt(settings: Mapping[str, str], proxy: Mapping[str, str], ca: str) -> str:
    """An apt.conf with the proxy and TLS settings, and the file of authorities, `ca` ("" for none)."""
    kept = {name: value for name, value in settings.items() if _is_apt_transport(name) and value}
    for scheme in ("http", "https"):
        through = proxy.get(f"{scheme.upper()}_PROXY") or proxy.get("ALL_PROXY")
        if through and f"acquire::{scheme}::proxy" not in map(str.lower, kept):
            kept[f"Acquire::{scheme}::Proxy"] = through
            kept |= {f"Acquire::{scheme}::Proxy::{host}": "DIRECT" for host in _plain_hosts(proxy)}
    if ca:
        kept["Acquire::https::CAInfo"] = ca
    # apt's own user may read neither this file nor the authorities: secrets are mounted for root.
    return "".join(f'{name} "{value}";\n' for name, value in {**kept, "APT::Sandbox::User": "root"}.items())


def read_npm(environment: Mapping[str, str]) -> dict[str, str]:
    """The settings in npm's global and user files, then those of the environment, which count more."""
    user = environment.get("NPM_CONFIG_USERCONFIG") or environment.get("npm_config_userconfig")
    files = ["/etc/npmrc", "/usr/etc/npmrc", "/usr/local/etc/npmrc", user or str(Path.home() / ".npmrc")]
    found: dict[str, str] = {}
    for path in files:
        found |= _npmrc(Path(path), environment)
    for name, value in environment.items():
        if name.lower().startswith("npm_config_"):
            found[name.lower().removeprefix("npm_config_").replace("_", "-")] = value
    return found


def npm(settings: Mapping[str, str], proxy: Mapping[str, str], ca: str) -> str:
    """An npmrc with registries, credentials, the proxy, and the file of authorities, `ca` ("" for none)."""
    kept = {key: value for key, value in settings.items() if value and _is_npm_transport(key)}
    through = {"proxy": "HTTP_PROXY", "https-proxy": "HTTPS_PROXY", "noproxy": "NO_PROXY"}
    kept |= {key: proxy[name] for key, name in through.items() if name in proxy and key not in kept}
    if ca:
        kept["cafile"] = ca
    return "".join(f"{key}={value}\n" for key, value in kept.items())


def _is_apt_transport(name: str) -> bool:
    """Acquire::https::Proxy and the like; also for one host: ...::Proxy::HOST, ...::HOST::Verify-Peer."""
    if name in APT_PLAIN:
        return True
    parts = name.lower().split("::")
    known = parts[:2] in (["acquire", "http"], ["acquire", "https"])
    return known and (parts[-1] in APT_LEAVES or (len(parts) > 3 and parts[2] == "proxy"))


def _is_npm_transport(key: str) -> bool:
    secret = key.startswith("//") and key.rpartition(":")[2] in (
        "_authToken",
        "_auth",
        "_password",
        "username",
        "email",
    )
    return key in NPM_KEYS or secret or (key.startswith("@") and key.endswith(":registry"))


def _npmrc(path: Path, environment: Mapping[str, str]) -> dict[str, str]:
    """An npmrc's `key=value` lines; ${NAME} stands for a variable, which a build would not have."""
    try:
        lines = path.read_text(errors="replace").splitlines()
    except OSError:
        return {}
    pairs = [line.split("=", 1) for line in map(str.strip, lines) if "=" in line and line[0] not in "#;"]
    fill = re.compile(r"\$\{(\w+)\}")
    return {
        key.strip(): fill.sub(lambda name: environment.get(name[1], ""), value.strip().strip("\"'"))
        for key, value in pairs
    }


def _proxy_for(url: str, proxy: Mapping[str, str]) -> str:
    """The proxy through which `url` is reached, "" for none. pip takes one for all: its index decides."""
    parts = urllib.parse.urlsplit(url)
    rules = {"no": proxy.get("NO_PROXY", "")}
    if urllib.request.proxy_bypass_environment(parts.hostname or "", rules):  # type: ignore[attr-defined]
        return ""
    return proxy.get(f"{parts.scheme.upper()}_PROXY") or proxy.get("ALL_PROXY", "")


def _plain_hosts(proxy: Mapping[str, str]) -> list[str]:
    """Those of NO_PROXY that are names of hosts: apt knows no patterns."""
    entries = [entry.strip() for entry in proxy.get("NO_PROXY", "").split(",")]
    return [entry for entry in entries if re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9.-]*", entry)]


def _output(command: list[str]) -> str:
    """What a command prints; nothing where it is missing or fails."""
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=LIMIT_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout if done.returncode == 0 else ""

"""What image builds are told of this machine's package managers: from real files, read by the real tools."""

import configparser
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from stack.builds import machine, package_settings
from stack.builds.base import own_sources

SECRET = "https://ada:s3cret@index.example/simple"


def certificate(text: str) -> bytes:
    return f"-----BEGIN CERTIFICATE-----\n{text}\n-----END CERTIFICATE-----\n".encode()


def test_all_authorities_that_the_machine_trusts_come_along_once(tmp_path: Path) -> None:
    (tmp_path / "system.pem").write_bytes(b"# a comment\n" + certificate("public") + certificate("private"))
    (tmp_path / "own.pem").write_bytes(certificate("private"))
    environment = {"SSL_CERT_FILE": f"{tmp_path}/own.pem", "CURL_CA_BUNDLE": f"{tmp_path}/missing.pem"}
    bundle = machine.ca_bundle(environment, (f"{tmp_path}/system.pem",))
    assert bundle == certificate("private") + certificate("public")


def test_a_bundle_larger_than_a_build_secret_may_be_is_left_at_its_first_part(tmp_path: Path) -> None:
    (tmp_path / "own.pem").write_bytes(certificate("own"))
    (tmp_path / "system.pem").write_bytes(certificate("x" * machine.SECRET_LIMIT))
    bundle = machine.ca_bundle({"PIP_CERT": f"{tmp_path}/own.pem"}, (f"{tmp_path}/system.pem",))
    assert bundle == certificate("own")


def test_a_machine_without_authorities_gives_none(tmp_path: Path) -> None:
    assert machine.ca_bundle({}, (f"{tmp_path}/missing.pem",)) == b""


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home folder of the test's own, and none of the variables that steer a package manager."""
    for name in list(os.environ):
        if name.lower().startswith(("pip_", "npm_config_")) or name.upper().endswith("_PROXY"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("XDG_CONFIG_DIRS", str(tmp_path / "none"))
    return tmp_path


def pip_reads(text: str, folder: Path) -> dict[str, str]:
    """The settings as pip itself reads them from such a pip.conf."""
    (folder / "inside.conf").write_text(text)
    command = [sys.executable, "-m", "pip", "config", "list"]
    environment = {
        **os.environ,
        "PIP_CONFIG_FILE": str(folder / "inside.conf"),
        "XDG_CONFIG_HOME": str(folder / "none"),
    }
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    rows = [row.partition("=") for row in done.stdout.splitlines() if row.startswith("global.")]
    return {name.removeprefix("global."): value.strip("'") for name, _, value in rows}


def test_pips_remote_settings_come_along_and_local_files_do_not(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    conf = configparser.RawConfigParser()
    conf["global"] = {
        "index-url": SECRET,
        "extra-index-url": "file:///srv/simple\nhttps://more.example/100%25",
        "find-links": "/srv/wheels",
        "cert": "/etc/ssl/own.pem",
        "constraint": "/srv/constraints.txt",
        "timeout": "5",
    }
    path = here / "config" / "pip" / "pip.conf"
    path.parent.mkdir(parents=True)
    with path.open("w") as file:
        conf.write(file)
    monkeypatch.setenv("PIP_TIMEOUT", "90")
    written = package_settings.pip(package_settings.read_pip(), {})
    read = pip_reads(written, here)
    assert read["index-url"] == SECRET
    assert read["extra-index-url"] == "https://more.example/100%25"
    assert read["timeout"] == "90"
    assert "/srv" not in written
    assert "own.pem" not in written


def test_the_proxy_of_the_environment_counts_where_pip_has_none() -> None:
    proxy = {"HTTPS_PROXY": "http://proxy:3128", "NO_PROXY": "index.example"}
    assert "proxy = http://proxy:3128\n" in package_settings.pip({}, proxy)
    assert "proxy" not in package_settings.pip({"index-url": SECRET}, proxy)
    own = package_settings.pip({"proxy": "http://own:1"}, proxy)
    assert "proxy = http://own:1\n" in own
    assert package_settings.pip({}, {}) == ""


def test_apt_itself_reads_the_settings_that_were_written_for_it(tmp_path: Path) -> None:
    settings = {
        "Acquire::http::Proxy": "http://cache:3142",
        "Acquire::http::Proxy::deb.example": "DIRECT",
        "Acquire::https::mirror.example::Verify-Peer": "false",
        "Acquire::https::CAInfo": "/etc/ssl/own.pem",
        "Acquire::http::Proxy-Auto-Detect": "/usr/bin/auto-apt-proxy",
        "Acquire::Languages::": "none",
        "DPkg::Post-Invoke::": "rm -f /var/cache/apt/*.bin",
    }
    proxy = {
        "HTTP_PROXY": "http://proxy:3128",
        "HTTPS_PROXY": "http://proxy:3128",
        "NO_PROXY": "a.example,.b,*",
    }
    (tmp_path / "apt.conf").write_text(package_settings.apt(settings, proxy, "/run/secrets/ca"))
    read = _apt_config(tmp_path / "apt.conf")
    assert read["Acquire::http::Proxy"] == "http://cache:3142"
    assert read["Acquire::http::Proxy::deb.example"] == "DIRECT"
    assert read["Acquire::https::Proxy"] == "http://proxy:3128"
    assert read["Acquire::https::Proxy::a.example"] == "DIRECT"
    assert read["Acquire::https::mirror.example::Verify-Peer"] == "false"
    assert read["Acquire::https::CAInfo"] == "/run/secrets/ca"
    assert read["APT::Sandbox::User"] == "root"
    text = (tmp_path / "apt.conf").read_text()
    assert not [word for word in ("auto-apt-proxy", "rm -f", "own.pem", "::.b", "*") if word in text]


def _apt_config(path: Path) -> dict[str, str]:
    """The settings as apt reads them; as they are written, where there is no apt."""
    text = path.read_text()
    if shutil.which("apt-config"):
        command = ["apt-config", "-c", str(path), "dump"]
        text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return {line.split(" ", 1)[0]: line.split('"')[1] for line in text.splitlines() if '"' in line}


def test_npms_registries_and_credentials_come_along(here: Path) -> None:
    (here / ".npmrc").write_text(
        "# mine\nregistry=https://npm.example/\n@ours:registry = https://ours.example/\n"
        "//ours.example/:_authToken=${NPM_TOKEN}\ncafile=/etc/ssl/own.pem\nprefix=/opt/npm\n"
    )
    environment = {"NPM_TOKEN": "s3cret", "npm_config_strict_ssl": "false"}
    written = package_settings.npm(package_settings.read_npm(environment), {"HTTPS_PROXY": "http://p:1"}, "/run/ca")
    assert set(written.splitlines()) >= {
        "registry=https://npm.example/",
        "@ours:registry=https://ours.example/",
        "//ours.example/:_authToken=s3cret",
        "strict-ssl=false",
        "https-proxy=http://p:1",
        "cafile=/run/ca",
    }
    assert "prefix" not in written
    assert "own.pem" not in written


def test_the_files_are_private_and_left_alone_while_they_are_right(here: Path) -> None:
    folder = here / "build"
    machine.write_build_inputs(folder)
    files = {path.name: path.stat() for path in folder.iterdir()}
    assert set(files) == {"ca.pem", "pip.conf", "apt.conf", "npmrc"}
    assert {state.st_mode & 0o777 for state in files.values()} == {0o600}
    (folder / "ca.pem").chmod(0o644)
    machine.write_build_inputs(folder)
    after = {path.name: path.stat() for path in folder.iterdir()}
    assert after["ca.pem"].st_mode & 0o777 == 0o600
    assert {name: state.st_ino for name, state in after.items() if name != "ca.pem"} == {
        name: state.st_ino for name, state in files.items() if name != "ca.pem"
    }


def test_lower_case_proxy_variables_count_first() -> None:
    environment = {"http_proxy": "http://low:1", "HTTP_PROXY": "http://up:1", "NO_PROXY": "", "no_proxy": "x"}
    assert machine.proxies(environment) == {"HTTP_PROXY": "http://low:1", "NO_PROXY": "x"}


INDEXES = """\
Debian trixie main http://mirror.example/debian/ trixie
Debian trixie contrib http://mirror.example/debian/ trixie
Debian trixie-security main https://security.example/debian-security/ stable-security
Debian trixie-updates main http://mirror.example/debian/ trixie-updates
Debian trixie-updates main http://mirror.example/debian/ trixie-updates
Debian trixie-backports main http://mirror.example/debian/ trixie-backports
Other trixie main https://other.example/apt/ trixie
 trixie main https://unknown.example/ trixie
Docker trixie stable https://docker.example/debian/ trixie
"""


def test_a_base_image_takes_only_the_distributions_own_release() -> None:
    assert own_sources(INDEXES, "trixie") == [
        "deb http://mirror.example/debian/ trixie main",
        "deb https://security.example/debian-security/ stable-security main",
        "deb http://mirror.example/debian/ trixie-updates main",
    ]
    assert own_sources(INDEXES, "forky") == []


def test_on_ubuntu_a_base_image_has_universe_too() -> None:
    rows = "".join(
        f"Ubuntu noble {part} http://u.example/ubuntu/ noble\n" for part in ("main", "universe", "multiverse")
    )
    assert own_sources(rows, "noble") == ["deb http://u.example/ubuntu/ noble main universe"]

"""What this machine's package managers need to reach their sources, handed to image builds as build secrets.

The files may hold credentials: they are never printed, and only their owner can read them.
"""

import os
import re
from collections.abc import Mapping
from pathlib import Path

from stack import tree
from stack.builds import package_settings

# Where the build secret `ca` is mounted; settings of apt and npm name it.
CA_IN_BUILD = "/run/secrets/ca"
CA_VARIABLES = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "PIP_CERT", "NODE_EXTRA_CA_CERTS")
CA_FILES = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
)
# BuildKit's limit for one secret: https://github.com/moby/buildkit/blob/master/session/secrets/secrets.go
SECRET_LIMIT = 500 * 1024
CERTIFICATE = re.compile(rb"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", re.DOTALL)
PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")


def write_build_inputs(folder: Path) -> None:
    """Writes ca.pem, pip.conf, apt.conf and npmrc, each possibly empty, mode 0600, only where bytes differ.

    Raises StackError if a file cannot be written."""
    authorities = ca_bundle(os.environ)
    inside = CA_IN_BUILD if authorities else ""
    proxy = proxies(os.environ)
    files = {
        "ca.pem": authorities,
        "pip.conf": package_settings.pip(package_settings.read_pip(), proxy).encode(),
        "apt.conf": package_settings.apt(package_settings.read_apt(), proxy, inside).encode(),
        "npmrc": package_settings.npm(package_settings.read_npm(os.environ), proxy, inside).encode(),
    }
    for name, content in files.items():
        tree.write(folder / name, content, mode=0o600)


def ca_bundle(environment: Mapping[str, str], system: tuple[str, ...] = CA_FILES) -> bytes:
    """Every authority that programs on this machine trust, each once; empty where none is found.

    A variable may name a bundle or one private authority, so theirs and the system's are put together; where
    that is more than a build secret may hold, the first bundle stands alone."""
    named = [path for name in CA_VARIABLES if (path := environment.get(name))]
    bundles = [found for path in dict.fromkeys([*named, *system]) if (found := _certificates(path))]
    whole = b"".join(dict.fromkeys(certificate for bundle in bundles for certificate in bundle))
    return whole if len(whole) <= SECRET_LIMIT or not bundles else b"".join(bundles[0])


def proxies(environment: Mapping[str, str]) -> dict[str, str]:
    """The proxies of an environment under upper-case names; the lower-case ones count first, as in curl."""
    found = {name: environment.get(name.lower()) or environment.get(name, "") for name in PROXIES}
    return {name: value for name, value in found.items() if value}


def _certificates(path: str) -> list[bytes]:
    try:
        content = Path(path).read_bytes()
    except OSError:
        return []
    return [certificate + b"\n" for certificate in CERTIFICATE.findall(content)]

"""What the words of a failed start mean, the engine's, Compose's and some programs' own, and what to type. Pure."""

import re
from collections.abc import Iterable

import msgspec


class Meaning(msgspec.Struct, frozen=True):
    """One kind of failure: what the message contains, its cause in our words, and the next step. Both may name the
    pattern's groups, and `{service}`."""

    pattern: str
    cause: str
    fix: str


OTHER_PLATFORM = "{image} is here for {actual}, and {wanted} is asked for, by DOCKER_DEFAULT_PLATFORM or a `platform:`"
OWN_PLATFORM = "unset DOCKER_DEFAULT_PLATFORM && ./inv up, or for {wanted}: docker rmi -f {image} && ./inv up"

TABLE: tuple[Meaning, ...] = (
    Meaning(
        r"image with reference (?P<image>\S+) was found but does not match the specified platform: "
        r"wanted (?P<wanted>\S+), actual: (?P<actual>\S+)",
        OTHER_PLATFORM,
        OWN_PLATFORM,
    ),
    # The same in the words of engine 28.
    Meaning(
        r"image with reference (?P<image>\S+) was found but its platform \((?P<actual>\S+)\) does not match the "
        r"specified platform \((?P<wanted>\S+)\)",
        OTHER_PLATFORM,
        OWN_PLATFORM,
    ),
    Meaning(
        r"exec format error",
        "its image is for another processor than this machine's",
        "./inv doctor --check architecture",
    ),
    Meaning(
        r'exec: \\?"docker-credential-(?P<helper>[^"\\]+)\\?"',
        "~/.docker/config.json names docker-credential-{helper}, which is not on this machine (an uninstalled Docker "
        "Desktop leaves that line behind)",
        'take "credsStore" and "credHelpers" out of ~/.docker/config.json, then ./inv up',
    ),
    Meaning(
        r"network (?P<network>\S+) was found but has incorrect label",
        "a network named {network} is there already, made by hand or by another program",
        "docker network rm {network} && ./inv up",
    ),
    Meaning(
        r"(?:network (?P<network>\S+?): .*)?Pool overlaps with other one on this address space",
        "the addresses that its network is to have are those of another network of this engine",
        "docker network ls -q | xargs docker network inspect -f '{{{{.Name}}}} {{{{json .IPAM.Config}}}}' shows whose; "
        "then give it others in the file that sets them, and ./inv up",
    ),
    Meaning(
        r"non-overlapping IPv4 address pool",
        "the engine has no addresses left for another network: each network takes a block of them",
        "docker network ls, then docker network rm NAME for each that nothing uses, and ./inv up",
    ),
    Meaning(
        r"has dependent containers which must be removed before it",
        "Podman takes no container away while others stand in its network",
        "./inv down && ./inv up",
    ),
    Meaning(
        r"network \w+ not found",
        "the network that its container was made for is not there any more",
        "./inv down && ./inv up",
    ),
    Meaning(
        r"(?:listen \w+|Bind for) (?P<address>\S+?):? "
        r"(?:bind: address already in use|failed: port is already allocated)",
        "something else has taken {address} meanwhile",
        "./inv doctor --check port-taken",
    ),
    Meaning(
        r"could not select device driver",
        "the engine has no runtime for the GPU that it asks for",
        "./inv doctor --check gpu",
    ),
    Meaning(
        r"assigned node no longer meets constraints",
        "its node has changed; older engines say so of a task with a GPU at every change, a first network too (seen "
        "with 20.10, told of 24.0: moby/moby 44378)",
        "./inv cluster shows labels and engines; with a GPU a newer engine helps, then ./inv up",
    ),
    Meaning(
        r'exec: \\?"(?P<program>[^"\\]+)\\?": (?:executable file not found|stat .*no such file)',
        "its command {program} is not in its image",
        "correct `command` or `entrypoint` of {service}, then ./inv up",
    ),
    Meaning(
        r'exec: \\?"(?P<program>[^"\\]+)\\?": permission denied',
        "its command {program} may not be run (permission denied)",
        "correct `command` or `entrypoint` of {service}, or chmod +x the file, then ./inv up",
    ),
    Meaning(
        r'error mounting \\?"(?P<source>[^"\\]+)\\?" to rootfs at \\?"(?P<target>[^"\\]+)\\?".*not a directory',
        "of {source} and {target}, which it is mounted at, one is a file and the other a folder; the engine makes an "
        "empty folder where a file was missing",
        "rmdir {source}, put the file back, then ./inv up",
    ),
    Meaning(
        r"requires the buildx Docker CLI plugin|requires buildx \d",
        "Compose 5 builds by buildx 0.17 or newer, which this docker client does not have",
        "apt-get install docker-buildx-plugin (Docker's packages; docker-buildx in Debian and Ubuntu), then ./inv up",
    ),
    Meaning(
        r"no space left on device",
        "the disk is full",
        "docker system df, then remove what you don't need",
    ),
    Meaning(
        r"Can't handle RDB format version|database files are incompatible with server"
        r"|cannot (?:up|down)grade a node from version|required feature flag not enabled",
        "its volume holds data of a version that it does not read",
        "./inv doctor --service {service}",
    ),
    Meaning(
        r"(?:Bad file format|Unexpected end of file) reading the append only file",
        "Redis can't read the end of its append-only file, as after a crash of the machine. What stands behind the "
        "first broken record is cut off; a copy of all of it stays beside it",
        "docker compose stop {service} && docker compose run --rm -T --no-deps -u redis {service} sh -c 'cd /data && "
        "cp -a appendonlydir appendonlydir.broken-$(date +%s) && yes | redis-check-aof --fix "
        "appendonlydir/appendonly.aof.manifest' && ./inv up",
    ),
)  # fmt: skip
"""Tried with engine 20.10.24, Compose 2.40.3 and Redis 7.0.15; the words of PostgreSQL, Elasticsearch and RabbitMQ are
from their sources. The first that fits counts."""


def meaning(words: Iterable[str], service: str = "") -> tuple[str, str]:
    """The cause and the next step that these lines come to; both empty where they tell nothing known."""
    text = "\n".join(words)
    for one in TABLE:
        found = re.search(one.pattern, text)
        if found:
            named = {"service": service or "the service", **{k: v or "" for k, v in found.groupdict().items()}}
            return one.cause.format(**named), one.fix.format(**named)
    return "", ""

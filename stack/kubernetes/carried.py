"""What Kubernetes can't carry of a service: refused by name, with the way out, before anything is written. Pure."""

import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import NamedTuple

from stack.errors import Problem
from stack.kubernetes import mounts
from stack.kubernetes.mounts import Files
from stack.kubernetes.words import ENTRANCE, LABEL, label, secrets
from stack.planning.model import Model, Service
from stack.planning.plan import Plan

SAID = frozenset({
    "build", "cap_add", "cap_drop", "command", "configs", "container_name", "cpus", "depends_on", "deploy", "devices",
    "entrypoint", "environment", "expose", "extra_hosts", "gpus", "group_add", "healthcheck", "hostname", "image",
    "mem_limit", "mem_reservation", "networks", "platform", "ports", "pull_policy", "read_only", "restart",
    "secrets", "security_opt", "shm_size", "stdin_open", "stop_grace_period", "sysctls", "tmpfs", "tty", "user",
    "volumes", "working_dir",
})  # fmt: skip
"""The keys of a service that its manifests have in their own words, or need no word for."""
RULED = frozenset({"network_mode", "privileged", "pid", "ipc", "uts", "userns_mode", "cgroup"})
"""Keys that RULES look at."""
LEFT = {
    "annotations": "", "attach": "", "init": "its processes are adopted by the first of them", "labels": "",
    "logging": "",
    "pids_limit": "the nodes' own limit holds", "stop_signal": "it ends by SIGTERM, or as its image says",
    "ulimits": "the nodes' own limits hold", "cpu_shares": "", "mem_swappiness": "", "memswap_limit": "",
    "oom_score_adj": "", "scale": "",
}  # fmt: skip
"""Keys that nothing depends on elsewhere, and what holds instead where that may be noticed."""
NVIDIA, AMD = "nvidia.com/gpu", "amd.com/gpu"
"""What the devices of the two are called (github.com/NVIDIA/k8s-device-plugin, github.com/ROCm/k8s-device-plugin)."""
OF_AMD = frozenset({"/dev/kfd", "/dev/dri"})
HERE = "localhost"
"""The source of programs of this machine."""
LOCAL = "local/compose/"
"""Where a user changes what a service of ours says."""


class Rule(NamedTuple):
    """What is looked for in a service, the words for it where it is found, and the way out."""

    found: Callable[[Service], str]
    fix: str


def problems(project: Model, plan: Plan, files: Files, sources: Mapping[str, Collection[str]]) -> list[Problem]:
    """All that can't be carried: a problem for each service and reason. `sources` are those that each fragment has."""
    found = _alike(project)
    for name, service in project["services"].items():
        found += [Problem("kubernetes", f"{name} {why}", name, fix) for why, fix in _of(name, service, files)]
    for name, volume in (project.get("volumes") or {}).items():
        found += [Problem("kubernetes", f"the volume {name} {why}", f"volumes.{name}", fix)
                  for why, fix in _of_volume(volume or {})]  # fmt: skip
    here = {s.name: s.fragment for s in plan.services if s.source == HERE}
    return [_elsewhere(one, here[one.where], sources) if one.where in here else one for one in found]


def _elsewhere(problem: Problem, fragment: str, sources: Mapping[str, Collection[str]]) -> Problem:
    """A program of this machine is no part of any cluster: another source is the way out, whatever the reason was."""
    far = ", or =external with an address that the cluster's pods reach" if "external" in sources[fragment] else ""
    return Problem(problem.code, problem.message, problem.where, f"--source {fragment}=container{far}")


def _of(name: str, service: Service, files: Files) -> Iterable[tuple[str, str]]:
    for rule in RULES:
        if why := rule.found(service):
            yield why, rule.fix
    if not LABEL.fullmatch(name):
        yield "has a name that no Service can have", "rename it: lower-case letters, digits and hyphens"
    for alias in aliases(name, service):
        if not LABEL.fullmatch(alias) and not _below(name, alias):
            yield f"is called {alias} too, which no Service can be", f"another alias in {LOCAL}{name}.yml"
    for key in sorted(service.keys() - SAID - RULED - LEFT.keys()):
        yield f"says {key}, for which there is no word here", f"leave it out: {key}: !reset null in {LOCAL}{name}.yml"
    yield from _mounted(service, files)


def aliases(name: str, service: Service) -> list[str]:
    """The further names of a service, on all of its networks."""
    own = (service.get("networks") or {}).values()
    return sorted({alias for network in own for alias in (network or {}).get("aliases") or []} - {name})


def _below(name: str, alias: str) -> bool:
    """Whether a name can be had as the host of a pod below the service's name: HOST.SERVICE."""
    host, _, rest = alias.partition(".")
    return rest == name and bool(LABEL.fullmatch(host))


def below(name: str, service: Service) -> str:
    """The host of such an alias, or nothing."""
    return next((alias.partition(".")[0] for alias in aliases(name, service) if _below(name, alias)), "")


def _mounted(service: Service, files: Files) -> Iterable[tuple[str, str]]:
    for volume in mounts.bound(service):
        path = volume["source"]
        if path.endswith("docker.sock"):
            yield f"mounts the engine's socket ({path}), which nodes don't offer", "do without it: SOURCE=disabled"
        elif path.startswith(mounts.CONFIG) and path not in files:
            why = f"has the config {path.removeprefix(mounts.CONFIG)}, which holds a secret or comes from elsewhere"
            yield why, "a secret of the file's own (secrets), or a variable of the environment"
        elif path not in files:
            yield f"mounts {path} of this machine", "a named volume in its place, filled once by kubectl cp"
        elif not volume.get("read_only"):
            yield f"may write to {path}, and a ConfigMap is read only", "mount it with :ro, or a named volume"
        elif sum(len(file.data) for file in files[path].values()) > mounts.LARGEST:
            yield f"mounts {path}, which is larger than a ConfigMap may be (1 MiB)", "make it part of its image"
        elif mounts.clashing(files[path]):
            yield f"mounts {path}, whose names are too alike, or too long, for a ConfigMap", "rename the files"


def _of_volume(volume: Mapping[str, object]) -> Iterable[tuple[str, str]]:
    if volume.get("driver") not in {None, "local"} or volume.get("driver_opts"):
        yield (
            "has a driver of its own",
            "leave driver and driver_opts out, and set a storageClassName in volumes.yaml instead",
        )


def _alike(project: Model) -> list[Problem]:
    """Names that several things would have."""
    services = project["services"]
    every = [name for own, service in services.items() for name in (own, *aliases(own, service))]
    called = Counter([ENTRANCE, *(name for name in every if LABEL.fullmatch(name))])
    volumes = Counter(label(name) for name in project.get("volumes") or {})
    return [
        *(Problem("kubernetes", f"{count} services are called {name}", name, "one alias for each, in " + LOCAL)
          for name, count in called.items() if count > 1),
        *(Problem("kubernetes", f"{count} volumes would be called {name}", "volumes", "rename one of them")
          for name, count in volumes.items() if count > 1),
    ]  # fmt: skip


def _network(service: Service) -> str:
    mode = service.get("network_mode") or ""
    said = {"host": "is in this machine's network", "none": "has no network"}
    return said.get(mode) or (f"shares a network by {mode}" if mode.startswith("container:") else "")


def home(service: Service) -> str:
    """The service in whose network another one is: both are containers of one pod, as pods are made for that."""
    kind, _, other = (service.get("network_mode") or "").partition(":")
    return other if kind == "service" else ""


def _shared(service: Service) -> str:
    found = [key for key in ("pid", "ipc", "uts", "userns_mode", "cgroup") if service.get(key) not in {None, "private"}]
    return f"shares the machine's {found[0]}" if found else ""


def _devices(service: Service) -> str:
    given = service.get("devices") or []
    paths = [one["source"] if isinstance(one, dict) else str(one).partition(":")[0] for one in given]
    others = [path for path in paths if path not in OF_AMD]
    return f"uses the device {others[0]}" if others else ""


def _security(service: Service) -> str:
    known = ("no-new-privileges", "no-new-privileges:true", "no-new-privileges=true")
    other = [one for one in service.get("security_opt") or [] if one not in known]
    return f"asks for {other[0]}" if other else ""


def _user(service: Service) -> str:
    who = str(service.get("user") or "")
    named = [part for part in who.split(":") if part and not part.isdecimal() and part != "root"]
    groups = [str(one) for one in service.get("group_add") or [] if not str(one).isdecimal()]
    return f"runs as {(named + groups)[0]}, a name that only its image knows" if named or groups else ""


def _hosts(service: Service) -> str:
    given = [name for name, address in hosts(service) if address == "host-gateway"]
    return f"calls this machine by {given[0]}" if given else ""


def hosts(service: Service) -> list[tuple[str, str]]:
    """The names that a service has addresses of itself for (extra_hosts)."""
    found = service.get("extra_hosts") or []
    pairs = found.items() if isinstance(found, dict) else [re.split("[=:]", one, maxsplit=1) for one in found]
    return [(name, address) for name, given in pairs for address in ([given] if isinstance(given, str) else given)]


def _check(service: Service) -> str:
    return "has a secret in its healthcheck's words" if secrets(service.get("healthcheck")) else ""


def _mode(service: Service) -> str:
    mode = (service.get("deploy") or {}).get("mode") or "replicated"
    return f"has the mode {mode}" if mode != "replicated" else ""


def _nameless(service: Service) -> str:
    found = [v["target"] for v in service.get("volumes") or [] if v["type"] == "volume" and not v.get("source")]
    return f"has a volume without a name at {found[0]}" if found else ""


def _image(service: Service) -> str:
    return "clears its image's entrypoint" if service.get("entrypoint") == [] else ""


RULES = (
    Rule(_network, "a network of the project's: leave network_mode out, or SOURCE=disabled"),
    Rule(lambda s: "is privileged" if s.get("privileged") else "", "name the capabilities it needs (cap_add)"),
    Rule(_shared, "leave it out: a program that measures a node is the cluster's own, as a DaemonSet"),
    Rule(_devices, "a device plugin of the cluster, or SOURCE=disabled"),
    Rule(_security, "leave all but no-new-privileges:true out"),
    Rule(_user, "say its numbers: user: \"1000:1000\""),
    Rule(_hosts, "the program's address as the cluster's pods reach it"),
    Rule(_check, "let the check read it from the environment: $$NAME"),
    Rule(_mode, "replicas in its place"),
    Rule(_nameless, "give it a name, or tmpfs in its place"),
    Rule(_image, "name the program in entrypoint"),
)  # fmt: skip


def notes(project: Model) -> list[str]:
    """What of the services holds otherwise than on an engine, where that may be noticed."""
    found = [f"{name}: {key} is left out; {LEFT[key]}" for name, service in project["services"].items()
             for key in service if service[key] and LEFT.get(key)]  # fmt: skip
    inner = [name for name, network in (project.get("networks") or {}).items() if (network or {}).get("internal")]
    return [*found, *(f"{name}: its services reach the internet here; internal is left out" for name in inner)]

"""How services are reached: names inside, who may call whom, and the one way in. Pure."""

import re
from collections.abc import Iterable, Mapping

from stack.kubernetes import carried, pods, words
from stack.kubernetes.words import ENTRANCE, LABEL, NAME, Object, Scope, manifest
from stack.planning.model import Service

DOMAIN = "svc.cluster.local"
"""Under which names stand, unless a cluster was made with another domain (kubernetes.io, DNS for Services and Pods)."""
POLICIES = "networking.k8s.io/v1"


def services(scope: Scope, name: str, service: Service, ports: list[tuple[int, str]]) -> list[Object]:
    """The Services of a service, one for each of its names. They are headless: as on an engine, a name means the
    addresses of what is well behind it, any port can be called, and the gateway balances by itself."""
    names = [name, *(alias for alias in carried.aliases(name, service) if LABEL.fullmatch(alias))]
    open_ = {"ports": [_port(*one) for one in ports]} if ports else {}
    spec = {"clusterIP": "None", "selector": {NAME: name}, **open_}
    return [manifest("v1", "Service", scope, one, name, spec=spec) for one in names]


def _port(port: int, protocol: str) -> Object:
    # Not tcp-PORT: a mesh takes the word before the hyphen for what is spoken there.
    given = {"name": f"port-{port}", "port": port, "targetPort": port}
    return given if protocol == "tcp" else {**given, "name": f"udp-{port}", "protocol": protocol.upper()}


def policies(scope: Scope, project: Mapping[str, Service], entrance: str, inside: int) -> list[Object]:
    """One policy for each network: who is in it takes calls of who is in it. The gateway takes those of anybody at its
    door."""
    own = [service.get("networks") or {"default": None} for service in project.values() if not carried.home(service)]
    networks = sorted({name for found in own for name in found})
    found = []
    for network in networks:
        these = {"podSelector": {"matchLabels": {f"{pods.NETWORK}{words.label(network)}"[:63]: "in"}}}
        name = words.label(f"network-{network}")
        spec = {**these, "policyTypes": ["Ingress"], "ingress": [{"from": [these]}]}
        found.append(manifest(POLICIES, "NetworkPolicy", scope, name, spec=spec))
    if entrance in project:
        door = {"podSelector": {"matchLabels": {NAME: entrance}}, "policyTypes": ["Ingress"],
                "ingress": [{"ports": [{"port": inside, "protocol": "TCP"}]}]}  # fmt: skip
        found.append(manifest(POLICIES, "NetworkPolicy", scope, ENTRANCE, spec=door))
    return found


def ingress(scope: Scope, gateway: str, inside: int, host: str, tls: bool) -> list[Object]:
    """The way in: an Ingress to the gateway, by the public host and all names below it. The gateway stays the front
    door, with its routes, logins and limits, so the Ingress has one rule; and Ingress is part of every cluster, where
    the Gateway API is to be installed."""
    hosts = [host, f"*.{host}"] if not host.replace(".", "").isdecimal() else []
    backend = {"service": {"name": ENTRANCE, "port": {"number": 80}}}
    http: Object = {"http": {"paths": [{"path": "/", "pathType": "Prefix", "backend": backend}]}}
    rules: list[Object] = [{"host": one, **http} for one in hosts] or [http]
    secured = {"tls": [{**({"hosts": hosts} if hosts else {}), "secretName": f"{scope.namespace}-tls"}]} if tls else {}
    door = {"selector": {NAME: gateway}, "ports": [{"name": "http", "port": 80, "targetPort": inside}]}
    return [
        manifest("v1", "Service", scope, ENTRANCE, gateway, spec=door),
        manifest(POLICIES, "Ingress", scope, ENTRANCE, gateway, spec={**secured, "rules": rules}),
    ]


def qualified(config: str, names: Iterable[str], namespace: str) -> str:
    """HAProxy's configuration with whole names for its servers: its resolver reads no search list (HAProxy's manual,
    resolvers), so a name of its own namespace would not be found."""
    either = "|".join(re.escape(name) for name in sorted(names))
    pattern = re.compile(rf"^(\s*server(?:-template)? .*?[ \"'])({either})(?=:\d)", re.MULTILINE)
    return pattern.sub(lambda found: f"{found[1]}{found[2]}.{namespace}.{DOMAIN}", config)

"""The words that a mesh's proxy is asked for with. Pure."""

LINKERD, ISTIO = "linkerd", "istio"
KINDS = (LINKERD, ISTIO)
API = "443,6443"
"""Ports of the Kubernetes API: what waits before the proxy runs must reach it."""


def annotations(mesh: str, waiting: bool, one_shot: bool) -> dict[str, str]:
    """The annotations of a pod. A Job has no proxy, whose end nobody would tell it; where an init container waits, the
    way to the API goes past it (linkerd.io, Proxy Configuration; istio.io, Resource Annotations)."""
    if mesh == LINKERD:
        past = {"config.linkerd.io/skip-outbound-ports": API} if waiting and not one_shot else {}
        return {"linkerd.io/inject": "disabled" if one_shot else "enabled", **past}
    if mesh == ISTIO:
        past = {"traffic.sidecar.istio.io/excludeOutboundPorts": API} if waiting and not one_shot else {}
        return {"sidecar.istio.io/inject": "false" if one_shot else "true", **past}
    return {}


def labels(mesh: str, one_shot: bool) -> dict[str, str]:
    """Istio's word is a label since 1.10, and the annotation is what older ones read."""
    return {"sidecar.istio.io/inject": "false" if one_shot else "true"} if mesh == ISTIO else {}

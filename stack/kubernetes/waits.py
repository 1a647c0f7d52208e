"""Init containers that wait for what an edge demands, and what they may ask. Pure."""

from collections.abc import Iterable, Mapping

from stack.kubernetes.words import NAME, Object, Scope, manifest
from stack.planning.graph import Edge

IMAGE = "registry.k8s.io/kubectl:v1.36.4"
"""Kubernetes' own client, in Kubernetes' own image: the end of a Job is known to the API alone."""
ACCOUNT = "waits"
USER = 65534
TOKEN = "waits-token"  # noqa: S105
MOUNTED = "/var/run/secrets/kubernetes.io/serviceaccount"
"""Where a client looks for what it may ask with (kubernetes.io, Accessing the Kubernetes API from a Pod)."""
SHUT: Object = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}, "readOnlyRootFilesystem": True,
                "runAsNonRoot": True, "runAsUser": USER, "runAsGroup": USER}  # fmt: skip


def containers(edges: Mapping[str, Edge], objects: Mapping[str, str]) -> list[Object]:
    """One for each required edge. `objects` names what each service is: `job/NAME`, `deployment/NAME`. An optional edge
    demands nothing that would not come after a restart, and what it leads to may never be well."""
    return [_container(target, edge.condition, objects[target]) for target, edge in edges.items() if edge.required]


def _container(target: str, condition: str, what: str) -> Object:
    return {
        "name": f"wait-for-{target}"[:63].rstrip("-"),
        "image": IMAGE,
        # -1s is a week (kubectl wait --help); then it is asked anew, as is where there is nothing yet of that name.
        "command": ["kubectl", "wait", "--timeout=-1s", *_words(target, condition, what)],
        "resources": {"requests": {"memory": "32Mi"}, "limits": {"memory": "128Mi"}},
        "securityContext": SHUT,
        "volumeMounts": [{"name": TOKEN, "mountPath": MOUNTED, "readOnly": True}],
    }


def _words(target: str, condition: str, what: str) -> list[str]:
    if condition == "service_started":
        return ["--for=jsonpath={.status.phase}=Running", "pod", f"--selector={NAME}={target}"]
    if what.startswith("job/"):
        return ["--for=condition=complete", what]
    # At least one container is ready: where none is, the status has no such entry.
    return ["--for=jsonpath={.status.readyReplicas}", what]


def volume() -> Object:
    """The volume with the token of the waiting containers. No other container of the pod mounts it."""
    token = {"serviceAccountToken": {"path": "token", "expirationSeconds": 3600}}
    authority = {"configMap": {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}}
    space = {"downwardAPI": {"items": [{"path": "namespace", "fieldRef": {"fieldPath": "metadata.namespace"}}]}}
    return {"name": TOKEN, "projected": {"defaultMode": 0o444, "sources": [token, authority, space]}}


def account(scope: Scope) -> list[Object]:
    """Who waits, and that it may read what it waits for, in this namespace alone."""
    may = [
        {"apiGroups": group, "resources": kinds, "verbs": ["get", "list", "watch"]}
        for group, kinds in ((["apps"], ["deployments", "statefulsets"]), (["batch"], ["jobs"]), ([""], ["pods"]))
    ]
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": ACCOUNT}
    subject = {"kind": "ServiceAccount", "name": ACCOUNT, "namespace": scope.namespace}
    rights = "rbac.authorization.k8s.io/v1"
    return [
        manifest("v1", "ServiceAccount", scope, ACCOUNT, automountServiceAccountToken=False),
        manifest(rights, "Role", scope, ACCOUNT, rules=may),
        manifest(rights, "RoleBinding", scope, ACCOUNT, roleRef=role, subjects=[subject]),
    ]


def any_of(pods: Iterable[Object]) -> bool:
    """Whether any of the pods waits."""
    return any(pod.get("serviceAccountName") == ACCOUNT for pod in pods)

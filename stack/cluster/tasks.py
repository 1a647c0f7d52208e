"""What the managers say of tasks, as containers of a project: what compares with a plan. Pure but for `containers`."""

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from stack.cluster import manager
from stack.cluster.service import DIGEST, FOLDER
from stack.docker import Container

Task = Mapping[str, Any]
"""A task as `GET /tasks` has it (docs.docker.com, Engine API)."""
ENDED = ("complete", "failed", "rejected", "shutdown", "orphaned", "remove")


def state(task: Task) -> str:
    """How far a task is: new, pending, …, starting (its check has not passed yet), running, complete, failed, …"""
    return str((task.get("Status") or {}).get("State", "new"))


def unended(found: Iterable[Task], away: Collection[str]) -> list[str]:
    """The ids of the tasks that have not ended, but those on nodes that are `away`."""
    return [task["ID"] for task in found if state(task) not in ENDED and task.get("NodeID") not in away]


def error(task: Task) -> str:
    """What the managers say is wrong with a task."""
    status = task.get("Status") or {}
    return str(status.get("Err") or "")


def digest(task: Task) -> str:
    """The digest of what a task was made from."""
    return str(((_container(task)).get("Labels") or {}).get(DIGEST, ""))


def checked(task: Task) -> bool:
    """Whether a task's container has a healthcheck of its own: it runs only once that has passed."""
    test = (_container(task).get("Healthcheck") or {}).get("Test") or []
    return bool(test) and test != ["NONE"]


def exit_code(task: Task) -> int:
    """What a task's container ended with; 1 for one that never ran."""
    status = task.get("Status") or {}
    code = (status.get("ContainerStatus") or {}).get("ExitCode", 0)
    return int(code) or int(status.get("State") in ("failed", "rejected"))


def _container(task: Task) -> Mapping[str, Any]:
    return (task.get("Spec") or {}).get("ContainerSpec") or {}


def current(tasks: Iterable[Task]) -> list[Task]:
    """Of one service's tasks, those that count: of each of its places the newest that is to run, else the newest."""
    places: dict[str, Task] = {}
    for task in sorted(tasks, key=lambda one: (one.get("DesiredState") == "running", one["CreatedAt"])):
        if state(task) not in ("orphaned", "remove"):
            places[str(task.get("Slot") or task.get("NodeID"))] = task
    found = list(places.values())
    meant = [task for task in found if task.get("DesiredState") not in ("shutdown", "remove")]
    # Places that were given up with a smaller number of tasks.
    return meant if meant and any(state(task) not in ENDED for task in meant) else found


def names(services: Iterable[Mapping[str, Any]], project: str) -> dict[str, str]:
    """What a plan calls each service of a stack, by its id."""
    return {row["ID"]: str(row["Spec"]["Name"]).removeprefix(f"{project}_") for row in services}


def of_services(tasks: Iterable[Task], called: Mapping[str, str]) -> dict[str, list[Task]]:
    """Tasks by the name of their service; those of one that is gone are left out."""
    found: dict[str, list[Task]] = {}
    for task in tasks:
        if task.get("ServiceID") in called:
            found.setdefault(called[task["ServiceID"]], []).append(task)
    return found


STATES = {"running": "running", "starting": "running", "complete": "exited", "failed": "exited", "rejected": "exited",
          "shutdown": "exited"}  # fmt: skip
"""What a container would be said to be, in its engine's words."""


def as_container(name: str, task: Task, folder: str = "") -> Container:
    """A task as a container of Compose's would be listed: its digest in the place of the config hash."""
    now = state(task)
    health = "" if now not in ("running", "starting") else "starting" if now == "starting" else "healthy"
    identity = ((task.get("Status") or {}).get("ContainerStatus") or {}).get("ContainerID") or task["ID"]
    return Container(identity, f"{name}.{task.get('Slot') or task.get('NodeID')}.{task['ID']}", name,
                     STATES.get(now, "created"), health if checked(task) or health == "starting" else "",
                     0 if now == "shutdown" else exit_code(task), digest(task), "", folder)  # fmt: skip


def listed(project: str) -> list[tuple[str, Task, Mapping[str, Any]]]:
    """Each task of a project that counts, with its service's name and the service itself."""
    services = manager.of_stack("services", project)
    called = names(services, project)
    of = {called[row["ID"]]: row for row in services}
    grouped = of_services(manager.tasks(project), called) if services else {}
    return [(name, task, of[name]) for name, found in grouped.items() for task in current(found)]


COMPOSE = {"project": "com.docker.compose.project", "service": "com.docker.compose.service"}
"""The labels by which a container is known to be of a service."""


def inspected(project: str) -> list[dict[str, Any]]:
    """Every task of a project that counts, as far as `docker inspect` would tell the same of a container."""
    found, every = listed(project), manager.tasks(project)
    return [as_inspected(project, name, task, every) for name, task, _ in found]


def as_inspected(project: str, name: str, task: Task, every: Iterable[Task] = ()) -> dict[str, Any]:
    """A task as `docker inspect` would tell of its container; `every` are the tasks among which those are that failed
    before. Pure."""
    one, spec = as_container(name, task), _container(task)
    failed = [t for t in every if t.get("ServiceID") == task.get("ServiceID") and state(t) in ("failed", "rejected")]
    ran = one.state == "running"
    health = {"Health": {"Status": one.health, "Log": []}} if one.health else {}
    status = {"Status": one.state, "Running": ran, "Paused": False, "Restarting": False, "OOMKilled": False,
              "ExitCode": one.exit_code, "Error": "" if ran else error(task), "StartedAt": when(task),
              "FinishedAt": when(task), **health}  # fmt: skip
    labels = {COMPOSE["project"]: project, COMPOSE["service"]: name}
    return {
        "Id": one.id, "Name": one.name, "Created": str(task["CreatedAt"]), "State": status, "Image": "", "Mounts": [],
        "RestartCount": sum(digest(t) == digest(task) for t in failed),
        "Config": {"Labels": labels, "Env": list(spec.get("Env") or []), "Image": spec.get("Image", "")},
        "HostConfig": {}, "NetworkSettings": {"Networks": {}, "Ports": {}},
    }  # fmt: skip


def when(task: Task) -> str:
    """When a task came to where it is."""
    return str((task.get("Status") or {}).get("Timestamp", ""))


def containers(project: str) -> list[Container]:
    """Every task of a project that counts, on whichever node, as a container."""
    return [as_container(name, task, str((service["Spec"].get("Labels") or {}).get(FOLDER, "")))
            for name, task, service in listed(project)]  # fmt: skip

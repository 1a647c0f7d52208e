"""What the checks look at, gathered when first asked for and shared by all of them.

A piece that can't be had (no engine, a broken fragment) raises its StackError to each check that asks for it: the check
that owns the piece tells it, the others are skipped with that reason."""

import threading
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Generic, TypeVar

from stack import docker, tree
from stack.docker import Container
from stack.doctor import inspected, network
from stack.doctor.inspected import Inspected, label, service_of
from stack.env import envfile
from stack.errors import StackError, fail
from stack.gateway import entrance, kongfile, upstreams
from stack.gateway.entrance import Entrance
from stack.gateway.upstreams import End
from stack.planning import assembly, checkouts, compare, kept, lastup, model, pins, planner, saving
from stack.planning.changes import Change
from stack.planning.checkouts import Checkout
from stack.planning.compare import Assembled
from stack.planning.pins import Pin
from stack.planning.plan import Service
from stack.planning.planner import Planned
from stack.running import images, inside, sockets

T = TypeVar("T")
RECENT_S = 1800
"""How far back a container counts that was killed for want of memory."""


class piece(Generic[T]):  # noqa: N801 - used as a decorator, as `property` is
    """A property of the scene that is gathered once, whoever of several threads asks first; an error is kept too."""

    def __init__(self, gather: "Callable[[Scene], T]") -> None:
        self._gather = gather
        self.__doc__ = gather.__doc__

    def __set_name__(self, _: type, name: str) -> None:
        self._name = name

    def __get__(self, scene: "Scene", _: type) -> T:
        with scene.lock(self._name):
            if self._name not in scene.kept:
                scene.kept[self._name] = self._outcome(scene)
        value = scene.kept[self._name]
        if isinstance(value, StackError):
            raise value
        found: T = value
        return found

    def _outcome(self, scene: "Scene") -> T | StackError:
        try:
            return self._gather(scene)
        except StackError as error:
            return error


class Scene:
    """One look at the checkout, the machine and the engine. `given` takes the place of pieces by name."""

    def __init__(self, root: Path, given: Mapping[str, Any] | None = None) -> None:
        self.root = root
        self.kept: dict[str, Any] = dict(given or {})
        self._locks: dict[str, threading.RLock] = {}
        self._guard = threading.Lock()

    def lock(self, name: str) -> threading.RLock:
        """The lock under which one piece is gathered."""
        with self._guard:
            return self._locks.setdefault(name, threading.RLock())

    @piece
    def clustered(self) -> bool:
        """Whether a cluster runs the services (RUN_ON), and this engine is a manager of one."""
        if not checkouts.clustered(self.checkout):
            return False
        from stack.cluster import manager

        return manager.active()

    # Files

    @piece
    def dotenv(self) -> dict[str, str]:
        """`.env`; empty where there is none."""
        return envfile.parse(tree.read(self.root / ".env"))

    @piece
    def pins(self) -> list[Pin]:
        """The table of pins; empty where there is none."""
        return pins.read(self.root)

    @piece
    def checkout(self) -> Checkout:
        """The files as they are read and checked."""
        return checkouts.read(self.root)

    @piece
    def planned(self) -> Planned:
        """The plan of what is saved, together with what runs beyond it (up --once), whether or not every setting is
        there."""
        saved = planner.drafted(self.checkout)
        try:
            running = [service_of(one) for one in self.containers if one["State"]["Running"]]
        except StackError:
            running = []
        return planner.widened(saved, running)

    @piece
    def project(self) -> str:
        """PROJECT_NAME; it holds where the fragments can't be read, too."""
        return checkouts.project_name(self.root)

    @piece
    def secrets(self) -> dict[str, str]:
        """The value of each secret that is set."""
        return saving.secret_values(self.checkout)

    @piece
    def last_up(self) -> set[str]:
        """The services that the last `up` was to start."""
        return set(lastup.read(self.root).services)

    @piece
    def whole(self) -> Assembled:
        """compose.yaml as the plan makes it."""
        return compare.assemble(self.planned)

    @piece
    def assembled(self) -> Assembled:
        """compose.yaml as the plan makes it of the services that the one on disk has; of those that are planned and run
        where there is none."""
        names = self.written or [*self.planned.plan.names(), *map(service_of, self.containers)]
        narrow = self._narrowed(names)
        return self.whole if narrow is self.planned else compare.assemble(narrow)

    @piece
    def written(self) -> list[str]:
        """The services of the compose.yaml on disk."""
        text = tree.read(self.root / "compose.yaml").decode(errors="replace")
        # What is as the plan makes it needs no reading.
        if text and assembly.body(text) == assembly.body(self.whole.text):
            return list(self.whole.model["services"])
        from stack import yamlfile

        return list((yamlfile.load("compose.yaml", text) or {}).get("services") or {})

    @piece
    def standing(self) -> Planned:
        """The plan of what compose.yaml on disk has: what running services read is written together with it, by an `up`
        that may have been for some services alone."""
        return self._narrowed(self.written or self.planned.plan.names())

    def _narrowed(self, names: Iterable[str]) -> Planned:
        """The plan of these services alone; the plan itself where they are all of it."""
        wanted = set(names)
        return self.planned if wanted == set(self.planned.plan.names()) else planner.narrowed(self.planned, wanted)

    # The gateway

    @piece
    def gateway(self) -> Entrance:
        """What the gateway's file comes to in the plan."""
        return entrance.of(self.planned)

    @piece
    def served(self) -> kongfile.Entities:
        """What the gateway has of its file; nothing where there is none, or that is not valid."""
        config = self.gateway.config
        return kongfile.entities(kongfile.read(config)) if config else kongfile.Entities()

    @piece
    def ends(self) -> list[End]:
        """Where the gateway's routes lead."""
        return upstreams.of(self.served)

    # The engine

    @piece
    def engine(self) -> str:
        """The engine's endpoint, where one answers that will do."""
        from stack.engine import facts, verdict

        seen = facts.look()
        judged = verdict.judge(seen)
        if judged.problem:
            raise StackError(judged.problem)
        return seen.endpoint

    @piece
    def info(self) -> dict[str, Any]:
        """What `docker info` says."""
        _ = self.engine
        return docker.info()

    @piece
    def local(self) -> bool:
        """Whether the engine runs on this machine's own kernel, so that /proc and /sys here are its own."""
        import platform

        return str(self.info.get("KernelVersion")) == platform.release()

    @piece
    def containers(self) -> list[Inspected]:
        """Every container of the project, stopped ones too; without those of `docker compose run`."""
        _ = self.engine
        if self.clustered:
            from stack.cluster import tasks

            return tasks.inspected(self.project)
        ids = [one.id for one in self.rows]
        return [one for one in docker.inspected("containers", ids) if label(one, "com.docker.compose.oneoff") != "True"]

    @piece
    def images(self) -> dict[str, tuple[str, dict[str, str]]]:
        """The planned images that are on this machine."""
        _ = self.engine
        return images.present(self.planned)

    @piece
    def changes(self) -> list[Change]:
        """What `up` would change."""
        running = [c for c in self.rows if not c.one_off]
        return compare.compare(self.planned, self.whole, self.images, running, self.secrets)

    @piece
    def begun(self) -> bool:
        """That something of the project was started, whether or not it still runs."""
        if not self.started():
            raise fail("down", "nothing of the project was started yet", fix="./inv up")
        return True

    @piece
    def up(self) -> bool:
        """That something of the plan runs."""
        if not self.running():
            raise fail("down", "nothing of the project runs", fix="./inv up")
        return True

    @piece
    def gateway_up(self) -> bool:
        """That the gateway runs."""
        if entrance.SERVICE not in self.running():
            raise fail("down", "the gateway does not run", fix="./inv up")
        return True

    @piece
    def rows(self) -> list[Container]:
        """The project's containers as the plan compares them."""
        _ = self.engine
        if not self.clustered:
            return docker.containers(self.project)
        from stack.cluster import tasks

        return tasks.containers(self.project)

    @piece
    def volumes(self) -> dict[str, str]:
        """The project's volumes: the engine's name, and the name in the fragments."""
        _ = self.engine
        return docker.volumes_of(self.project)

    @piece
    def declared_volumes(self) -> set[str]:
        """The volumes that any file of the catalogue declares, whatever the chosen sources."""
        from stack import yamlfile

        catalog = self.checkout.catalog
        paths = [*catalog.base.paths(), *(path for one in catalog.fragments.values() for path in one.paths())]
        texts = ((path, (self.root / path).read_text()) for path in paths)
        return {name for path, text in texts for name in (yamlfile.load(path, text) or {}).get("volumes") or {}}

    @piece
    def changed_secrets(self) -> list[tuple[kept.Keeper, list[str]]]:
        """The services with a volume that was filled with other secrets than those of now, and which."""
        record = kept.read(self.root)
        there = set(self.volumes)
        both = [(one, kept.changed(one, record, self.secrets)) for one in kept.keepers(self.planned)
                if there & set(one.volumes)]  # fmt: skip
        return [(keeper, names) for keeper, names in both if names]

    @piece
    def oom_kills(self) -> set[str]:
        """The containers of the project that were killed for want of memory in the last half hour."""
        _ = self.engine
        return docker.killed(self.project, RECENT_S)

    @piece
    def networks(self) -> list[dict[str, Any]]:
        """Every network of the engine, as `docker network inspect` tells it, without its containers."""
        _ = self.engine
        return docker.networks()

    @piece
    def looks(self) -> dict[str, inside.Look]:
        """What is seen from inside the networks of running services: see stack/doctor/looking.py."""
        from stack.doctor import looking

        there = {name: one for name in self.running() if (one := self._inside(name))}
        return looking.looks(self.planned, there, self.images, self.ends)

    @piece
    def listeners(self) -> list[sockets.Listener]:
        """What listens on this machine."""
        return sockets.of_this_machine()

    # Questions that several checks ask

    def of(self, service: str) -> list[Inspected]:
        """The containers of one service."""
        return [one for one in self.containers if service_of(one) == service]

    def running(self) -> dict[str, list[Inspected]]:
        """The planned services of which a container runs, in start order, each with those containers."""
        up = {s.name: [one for one in self.of(s.name) if one["State"]["Running"]] for s in self.planned.plan.services}
        return {name: containers for name, containers in up.items() if containers}

    def started(self) -> bool:
        """Whether anything of the project was started: before the first `up`, nothing can be missing."""
        return bool(self.containers)

    def awaited(self, name: str) -> bool:
        """Whether the last `up` was to start a planned service; where it left no record, each counts."""
        return name in self.last_up or not self.last_up

    @piece
    def left_out(self) -> set[str]:
        """The planned services that the last `up` was not to start (up --once --service) and that were never started:
        what is wrong with them stops nothing that was asked for."""
        return {s.name for s in self.planned.plan.services if not self.awaited(s.name) and not self.of(s.name)}

    def absent(self, one: Inspected) -> dict[str, list[str]]:
        """The planned networks on which a container is missing: network.missing. Nothing where the plan has other
        networks than the container was made for: that is drift."""
        missing = network.missing(self.planned, one)
        known = {there["Name"] for there in self.networks}
        return missing if set(missing) <= known and not self._drifts(service_of(one)) else {}

    def _drifts(self, name: str) -> bool:
        return any(change.name == name and change.action in ("recreate", "replace") for change in self.changes)

    def _inside(self, name: str) -> Inspected | None:
        """A running container of a service with a network of its own that it is on."""
        return next((one for one in self.running()[name] if inspected.own(one) and not self.absent(one)), None)

    def shut(self, name: str) -> bool:
        """Whether a service can't be asked for a reason that another check tells: it is not ready, or off its
        network."""
        running = self.running().get(name) or []
        return not any(inspected.ready(one) and not self.absent(one) for one in running)

    def port_told(self, name: str, port: int) -> bool:
        """Whether a service publishes this port, and nothing listens there for others: that is told as port-silent."""
        look = self.looks.get(name)
        if look is None or any(one.open for one in sockets.at(look.listeners, port)):
            return False
        return any((port, "tcp") in inspected.published(one) for one in self.running().get(name) or [])

    def planned_service(self, name: str) -> Service | None:
        """A service as it is planned."""
        return next((s for s in self.planned.plan.services if s.name == name), None)

    def raw(self, name: str) -> model.Service:
        """A planned service in Compose's merged model."""
        return model.services(self.planned.facts.model)[name]

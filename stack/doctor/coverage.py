"""What becomes here of each failure that stacks like this one met in practice: data, for docs/doctor.md."""

from typing import Literal

import msgspec

FOUND: Literal["found"] = "found"
REFUSED: Literal["refused"] = "refused"
IMPOSSIBLE: Literal["impossible"] = "impossible"
NOT: Literal["not"] = "not"

IN_WORDS = {
    FOUND: "found by",
    REFUSED: "refused by the plan",
    IMPOSSIBLE: "impossible by design",
    NOT: "not covered",
}


class Mode(msgspec.Struct, frozen=True):
    """One way in which such stacks failed: what becomes of it here, the checks that find it, and why, or what else."""

    failure: str
    how: Literal["found", "refused", "impossible", "not"]
    checks: tuple[str, ...] = ()
    why: str = ""


MODES: tuple[Mode, ...] = (
    Mode("images of disabled services are pulled and built", IMPOSSIBLE, (),
         "compose.yaml holds the planned services alone, and only their images are asked for"),
    Mode("a secret was made anew beside the data of the old one", FOUND, ("secrets-kept", "database"),
         "and the plan refuses to make one that is missing beside data"),
    Mode("a port is taken: by a program, another project, twice in the plan, or by a variable of the shell", FOUND,
         ("port-taken", "port-range", "env-shadowed"), "two services with one number are refused by the plan"),
    Mode("the base port is forgotten by the next start", IMPOSSIBLE, (),
         "flags are saved to .env, whose reader is held against Compose's and python-dotenv's by tests"),
    Mode("a GPU is chosen and never reserved, or the image is the one for the CPU", FOUND, ("gpu",),
         "a test holds every GPU source to its reservation and image"),
    Mode("host.docker.internal does not lead to the host, or a firewall or 127.0.0.1 is in the way", FOUND,
         ("host-gateway", "localhost-source"), "source localhost needs no such name: an ambassador dials from here"),
    Mode("a healthcheck calls a tool that its image lacks", FOUND, ("healthcheck-tool",),
         "for the catalogue, a test holds each check against what its image has"),
    Mode("a healthcheck asks an address that its version does not have", FOUND, ("unhealthy", "image-pins"),
         "image and check stand in one file; the check's own words are told"),
    Mode("a new version wants a setting, and loops without it", FOUND, ("restarting", "settings-missing")),
    Mode("moving tags go stale, and pins of the user stay behind", FOUND, ("image-pins",),
         "every image of the catalogue has a tag, and none is latest: a test"),
    Mode("services are killed for want of memory", FOUND, ("oom", "memory")),
    Mode("the disk is full of models and images", FOUND, ("disk", "volume-usage")),
    Mode("files belong to root after sudo, or after a container wrote them", FOUND, ("owner",)),
    Mode("a mounted file is missing, and Docker makes a folder of that name", REFUSED, (),
         "every mounted path of the plan must be there"),
    Mode("preparing the database twice breaks it, or hides that its schema is old", FOUND, ("database",),
         "each migration runs once, by a ledger in the database itself"),
    Mode("jobs and services race for the database", IMPOSSIBLE, (),
         "who reads waits for who writes: every application's database job is an edge of the plan"),
    Mode("a job does nothing, or fails and says that it is done", FOUND, ("jobs", "database"),
         "up waits for every job and tells its exit code"),
    Mode("a script waits for ever", FOUND, ("jobs",), "the shipped scripts count their tries; up has a time limit"),
    Mode("an optional module that is off blocks the service that may use it", IMPOSSIBLE, (),
         "an edge to what is not planned vanishes, and Weaviate takes its module only while the service is there"),
    Mode("a setting is declared and never reaches its container", IMPOSSIBLE, (),
         "what is declared stands in the file that Compose reads; settings-unknown tells a line that nothing reads"),
    Mode("${VAR:-d} and ${VAR-d} treat an empty value each in their way", IMPOSSIBLE, (),
         "an empty value counts as unset in every layer, and fragments have the one form alone"),
    Mode(".env is read in different ways: #, quotes, CRLF", FOUND, ("env-file",),
         "lines that Compose and python-dotenv read differently are errors"),
    Mode(".env is written half, and loses secrets", IMPOSSIBLE, (),
         "every file is written whole and put in place by a rename; .env comes before all that needs it"),
    Mode("a marker of migrations in .env makes them be skipped", IMPOSSIBLE, (), "their ledger is in the database"),
    Mode("COMPOSE_PROFILES is overwritten, or goes stale", IMPOSSIBLE, (),
         "it is not used: the selection is STACK_PROFILES, and compose.yaml has no profiles"),
    Mode("source, scale and routes say different things", IMPOSSIBLE, (),
         "all of them come from one plan; doctor's drift and gateway-stale tell what runs otherwise"),
    Mode("container_name keeps a service from being scaled", IMPOSSIBLE, (),
         "no fragment has one (a test), add-service drops it, and Compose refuses it with more than one container"),
    Mode("the gateway answers 401, 404 or 503", FOUND,
         ("gateway-config", "gateway-key", "gateway-upstream", "gateway-stale", "gateway-dns")),
    Mode("the hosts file is damaged", IMPOSSIBLE, (), "nothing here touches it: names end in .localhost"),
    Mode("a secret begins with -, or has signs that a URL or SQL takes for its own", IMPOSSIBLE, ("secret-shape",),
         "secrets are letters and digits; what a user sets is held to that"),
    Mode("stop fails and exits with 0", IMPOSSIBLE, (),
         "a failure is an exit code, here and in every command: tests hold them"),
    Mode("there is no image for this processor", FOUND, ("architecture",)),
    Mode("the engine or Compose is too old", FOUND, ("engine",)),
    Mode("a speech server answers 404 because no model is loaded", NOT, (),
         "which model is wanted only the request says; the service's own page lists those that are there"),
    Mode("a model's kind does not fit: empty answers, embeddings of another size", NOT, (),
         "it takes a request to a model, minutes and gigabytes; doctor asks nothing of models"),
    Mode("settings of an older Neo4j stop the newer one", FOUND, ("restarting",),
         "the fragment has the names of its pinned version; the last lines tell the name that was refused"),
    Mode("the project is renamed, and its data is no longer found", FOUND, ("other-project", "orphan-volumes"),
         "the name is explicit, whatever the folder is called"),
    Mode("a cleaning command removes what is of other projects", IMPOSSIBLE, (),
         "what is removed is chosen by the project's label; no command prunes"),
    Mode("a wrong flag is saved and breaks every later start", IMPOSSIBLE, (),
         "settings are checked with the new value before it is written"),
    Mode("a program's own interface changes with its version", NOT, (),
         "versions are pinned and overrides thin, but only the program knows; unhealthy and log-errors tell its words"),
    Mode("a start needs the internet for packages", IMPOSSIBLE, (),
         "nothing is installed at run time: what is needed is in the image"),
)  # fmt: skip
"""In the order of the list that this project began with."""

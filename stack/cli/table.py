"""What is said of each command beside its flags' words: examples, the words of a value, what a loose word means."""

from typing import NamedTuple


class Example(NamedTuple):
    """Words to type behind a command, and what they do."""

    words: str
    does: str

    def line(self, command: str) -> str:
        """The whole line."""
        return f"./inv {command} {self.words}".rstrip()


class Said(NamedTuple):
    """Of one command: its examples, the options that words without a flag are given to, in their order, and the line
    that such a word means where there is no such option (`{}` is the word)."""

    examples: tuple[Example, Example]
    loose: tuple[str, ...] = ()
    instead: str = ""


def _said(*examples: tuple[str, str], loose: str = "", instead: str = "") -> Said:
    first, second = (Example(*one) for one in examples)
    return Said((first, second), tuple(loose.split()), instead)


COMMANDS: dict[str, Said] = {
    "up": _said(
        ("--profile ai", "also language models and chat, from now on"),
        ("searxng --once", "only SearXNG and what it needs; nothing is saved"), loose="service"),
    "down": _said(
        ("", "the data stays"),
        ("--volumes", "the data goes, too; asks first"), instead="docker compose stop {}"),
    "engine": _said(
        ("--yes", "installs Docker and Compose, if they are missing"),
        ("--stop", "ends the engine that this command started; asks first")),
    "cluster": _said(
        ("", "the machines, and what they lack"),
        ("--join", "makes this engine a manager; asks first")),
    "plan": _said(
        ("--profile ai", "what would run with the profile ai"),
        ("--source redis=localhost", "what would change with your own Redis"), loose="service"),
    "status": _said(
        ("redis", "only Redis"),
        ("--watch", "every two seconds, until Ctrl-C"), loose="service"),
    "why": _said(
        ("redis", "who needs it, and why it does not run"),
        ("n8n --profile automation", "the same, with that profile")),
    "ports": _said(
        ("", "every port, and who holds it now"),
        ("--base-port auto", "finds a block of ports that is free"), loose="base-port"),
    "graph": _said(
        ("--profile ai", "Mermaid, as it goes into a page"),
        ("--output plan.svg", "a picture, with Graphviz"), loose="service"),
    "open": _said(
        ("backend", "its page, in a desktop's browser"),
        ("redis --json", "its address, for a script")),
    "doctor": _said(
        ("", "every check"),
        ("redis --fix", "mends what is wrong with Redis; asks first"), loose="service"),
    "ui": _said(
        ("", "opens it in a desktop's browser, until Ctrl-C"),
        ("--read-only --port 8080", "to look only, at a port of your choice")),
    "version": _said(
        ("", "for a report of a bug"),
        ("--json", "for a script")),
    "lock": _said(
        ("", "all that is planned, as it is on this machine, else as its registry has it"),
        ("redis --remove", "Redis runs what its tag is again"), loose="service"),
    "history": _said(
        ("", "the last eleven, and how each ended"),
        ("--json", "for a script")),
    "rollback": _said(
        ("", "as if the last start had not been; asks first"),
        ("7 --yes", "the state before start 7"), loose="number"),
    "upgrade": _said(
        ("", "says what moves, and asks"),
        ("redis --yes", "only Redis"), loose="service"),
    "outdated": _said(
        ("", "which images have newer ones; changes nothing"),
        ("--json", "every pin with what is known of it")),
    "update": _said(
        ("", "the newest version; nothing is started"),
        ("--back", "to before the last update")),
    "source": _said(
        ("", "every service's source, and the others it has"),
        ("redis localhost", "the Redis that runs on this machine"), loose="service to"),
    "env.list": _said(
        ("", "every setting"),
        ("--json", "for a script")),
    "env.get": _said(
        ("REDIS_PORT", "one setting"),
        ("REDIS_PASSWORD --reveal", "one secret")),
    "env.set": _said(
        ("REDIS_PORT 6380", "pins a port"),
        ("REDIS_PASSWORD -", "reads the value from standard input")),
    "env.unset": _said(
        ("REDIS_PORT", "its default holds again"),
        ("STACK_PROFILES", "the selection is core again")),
    "env.check": _said(
        ("", "after you edited .env"),
        ("--json", "for a script")),
    "env.migrate": _said(
        ("", "update does this, too"),
        ("--json", "for a script")),
    "add-service": _said(
        ("my-service", "a small one to start from"),
        ("notes --image example/notes:1.4 --port 8080", "one from an image")),
    "remove-service": _said(
        ("my-service --dry-run", "shows what would go"),
        ("my-service --volumes", "its data goes, too"), instead="./inv remove-service {}"),
    "service": _said(
        ("redis", "all that is known of it"),
        ("redis --json", "for a script")),
    "route.list": _said(
        ("", "every route"),
        ("--json", "for a script")),
    "route.test": _said(
        ("GET http://n8n.localhost/", "a name"),
        ("POST /backend/chat", "a path, on localhost")),
    "route.add": _said(
        ("--service notes --path /notes --auth basic", "behind the gateway's password"),
        ("notes --host notes", "by a name, open to all on this machine"),
        loose="service"),
    "route.remove": _said(
        ("notes-path", "one route; ./inv route.list has the names"),
        ("--service notes", "all routes to a service"), loose="name"),
    "models.list": _said(
        ("", "what Ollama has"),
        ("--json", "for a script")),
    "models.pull": _said(
        ("", "all that are set"),
        ("qwen3:0.6b", "this one"), loose="name"),
    "models.remove": _said(
        ("qwen3:0.6b", "frees its place on the disk"),
        ("qwen3:0.6b --json", "for a script")),
    "backup": _said(
        ("", "everything, to backups/"),
        ("--output ../stack.backup", "one file, to carry elsewhere"), loose="service"),
    "backup.list": _said(
        ("", "what there is to go back to"),
        ("--json", "for a script")),
    "backup.verify": _said(
        ("", "the latest"),
        ("../stack.backup", "a file, before you need it"), loose="file"),
    "backup.remove": _said(
        ("--keep 7d,4w,6m", "one of each of the last 7 days, 4 weeks and 6 months stays"),
        ("2026-11-29-145205", "this one"), loose="file"),
    "restore": _said(
        ("", "the latest backup; asks first"),
        ("../stack.backup --as trial", "beside this one, to look into"), loose="file"),
    "eject": _said(
        ("--output ../stack --with-secrets --profile ai", "plain Compose files, which start as they are"),
        ("--for kubernetes --output ../manifests", "for kubectl apply -k"), loose="output"),
    "bundle": _said(
        ("--output stack.bundle", "what is selected now; the other machine: ./inv up --bundle stack.bundle"),
        ("--profile ai --output ai.bundle", "with language models and chat"), loose="output"),
    "test": _said(
        ("--only unit", "in seconds"),
        ("--only engine --engine sid", "on a newer engine"), loose="only"),
    "docs": _said(
        ("", "after a change of a fragment"),
        ("--json", "for a script")),
    "lint": _said(
        ("", "before a commit"),
        ("--json", "for a script")),
}  # fmt: skip

VALUES = {
    "profile": "PROFILE", "service": "SERVICE", "source": "SERVICE=SOURCE", "base-port": "PORT",
    "on": "RUNNER", "place": "SERVICE=NODE",
    "timeout": "SECONDS", "output": "FILE", "name": "SERVICE", "check": "CHECK", "bundle": "FILE", "to": "SOURCE",
    "value": "VALUE", "image": "IMAGE", "build": "DIR", "port": "PORT", "depends-on": "SERVICE", "env": "KEY=VALUE",
    "secret": "NAME", "volume": "NAME:/PATH", "health": "HEALTH", "route": "PATH", "host": "HOST", "auth": "AUTH",
    "alias": "NAME", "command": "COMMAND", "replicas": "NUMBER", "memory": "SIZE", "from-compose": "FILE",
    "map": "THEIRS=OURS", "env-file": "FILE", "into": "LAYER", "method": "METHOD", "url": "URL", "path": "PATH",
    "number": "NUMBER", "file": "FILE", "keep": "KEEP", "as": "NAME", "from": "FILE", "base": "FILE",
    "identity": "FILE", "only": "KIND", "k": "WORDS", "engine": "SUITE",
    "for": "KIND", "mesh": "MESH",
    "eject output": "DIR", "add-service name": "NAME", "add-service source": "SOURCE", "env.get name": "SETTING",
    "env.set name": "SETTING", "env.unset name": "SETTING", "models.pull name": "MODEL",
    "models.remove name": "MODEL", "route.remove name": "ROUTE",
}  # fmt: skip
"""What stands for an option's value; of one command alone with its name in front. Completion goes by these words."""

WITH_SECRETS = frozenset({"env.set", "add-service"})
"""Commands whose words may be secrets: no message repeats them."""

MEANT = {"help": "--help", "list": "--list", "ps": "status", "env": "env.list", "routes": "route.list",
         "models": "models.list", "services": "source", "check": "doctor"}  # fmt: skip
"""What people type for a command, and what is run in its place. Nothing here changes anything."""

ELSEWHERE = {
    "logs": ("docker compose logs -f {}", ""),
    "log": ("docker compose logs -f {}", ""),
    "stop": ("docker compose stop {}", ""),
    "restart": ("docker compose restart {}", ""),
    "kill": ("docker compose kill {}", ""),
    "shell": ("docker compose exec {} sh", "SERVICE"),
    "exec": ("docker compose exec {} sh", "SERVICE"),
    "start": ("./inv up {}", ""),
    "run": ("./inv up {}", ""),
    "install": ("./inv up {}", ""),
    "build": ("./inv up {}", ""),
    "config": ("./inv env.list", ""),
    "settings": ("./inv env.list", ""),
    "stats": ("./inv status --stats", ""),
    "top": ("./inv status --stats", ""),
    "add": ("./inv add-service {}", "NAME"),
    "route": ("./inv route.add --service {} --path /PATH", "SERVICE"),
    "clean": ("./inv down", ""),
}
"""What people type that we have no command for: the line to type, with the word behind it, and what stands there where
none was typed. Compose does these well, and works in the checkout."""

NEEDLESS = {"up": {
    "-d": "it starts everything in the background", "--detach": "it starts everything in the background",
    "--wait": "it always waits", "--build": "what changed is built anew",
}}  # fmt: skip
"""Flags of other programs that ask for what is done anyhow."""


def value(command: str, option: str) -> str:
    """What stands for the value of a command's option."""
    return VALUES.get(f"{command} {option}") or VALUES[option]

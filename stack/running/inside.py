"""A look from inside a running container's network: which names it finds, what answers it, what listens there.

It is looked from the container itself where its image has the tools for that. Another's need not hold any: a container
of an image that has them is put into the same network namespace. It may do nothing but look, ends by itself, and is
told no secret."""

import re
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from ipaddress import ip_address
from typing import TYPE_CHECKING

import msgspec

from stack import docker, execs
from stack.errors import StackError, fail
from stack.running import sockets
from stack.running.sockets import Listener

if TYPE_CHECKING:
    import subprocess

Target = tuple[str, int]
"""A name or an address, and a TCP port."""
EACH_S = 2
"""Seconds for one name to be found, and again for one connection. In one engine's network both take milliseconds."""
WHOLE_S = 10.0
"""Seconds for one look. It ends by itself after three times EACH_S, and starting a container takes a third of a
second."""
AT_ONCE = 8
LISTS = ("tcp", "tcp6", "udp", "udp6")
REFUSED, SILENT = "is refused", "gets no answer"
WORDS = {
    "refused": REFUSED, "timed out": SILENT, "no route to host": "finds no route",
    "(network|host) is unreachable": "finds no route",
}  # fmt: skip
"""What the system's own words mean for the one who asks (strerror of ECONNREFUSED, ETIMEDOUT, EHOSTUNREACH, …)."""
ENDED = ("124", "137", "143")
"""Exit codes of a command that `timeout` ended; those of busybox tell the signal."""
SURE = (re.compile(r"^genai-stack/"), re.compile(r"(^|/)(redis|postgres|alpine|debian|python)(:|$)"))
"""Images that have a shell and a way to connect, the surest first: those made here are Debian with bash, the next have
bash or busybox."""
SHELLS = (*SURE, re.compile(""))
"""The same, and the others, of which it is tried."""
TRIED = 3
NOT_OURS = ("com.docker.compose.project=", "com.docker.compose.service=")
"""An image that Compose built carries these labels: a container of it would count as one of that project."""

SCRIPT = r"""
export LC_ALL=C
limit=$1 also=$2
shift 2
for list in tcp tcp6 udp udp6; do
    echo "@$list"
    cat "/proc/net/$list" 2>/dev/null
done
echo @also
eval "$also" 2>/dev/null
echo @answers
look() {
    name=${1%:*} port=${1##*:} code= words=
    found=$(timeout "$limit" getent ahosts "$name" 2>/dev/null)
    # A small getent knows the other list alone.
    [ $? -ne 1 ] || found=$(timeout "$limit" getent hosts "$name" 2>/dev/null)
    if [ -n "$found" ]; then
        if command -v bash >/dev/null; then
            words=$(timeout "$limit" bash -c 'exec 3<>"/dev/tcp/$0/$1"' "$name" "$port" 2>&1)
        else
            words=$(timeout "$limit" nc -v -z -w "$limit" "$name" "$port" 2>&1)
        fi
        code=$?
    fi
    echo "$1|$code|"$found"|"$words
}
for target in "$@"; do
    look "$target" &
done
wait
echo @end
"""
"""POSIX, for bash, dash and busybox. Every target is asked at the same time."""


class Answer(msgspec.Struct, frozen=True):
    """What came of one target: its addresses, none where the name is not found; and why no connection came about,
    empty where one did."""

    addresses: list[str]
    why: str = ""

    @property
    def reached(self) -> bool:
        """Whether something took the connection."""
        return bool(self.addresses) and not self.why


class Look(msgspec.Struct, frozen=True):
    """What was seen from one container; `also` is what the line of that name said."""

    answers: dict[Target, Answer]
    listeners: list[Listener]
    also: str = ""


class Question(msgspec.Struct, frozen=True):
    """One look that is wanted: from the network of this container, at these targets. `image` is the container's own,
    and `also` a shell's line that is run there too, as its own user, where that has a shell."""

    container: str
    targets: tuple[Target, ...] = ()
    image: str = ""
    also: str = ""


def candidates(images: Iterable[str]) -> list[str]:
    """Of the images that are here, those to look with, in the order in which they are tried."""
    ranked = sorted(images, key=lambda image: next(n for n, shell in enumerate(SHELLS) if shell.search(image)))
    return ranked[:TRIED]


def looks(questions: Sequence[Question], images: Sequence[str]) -> dict[str, Look]:
    """The look of each container by its id; one that has gone in between has none. `images` are those to look with, see
    `candidates`. Raises StackError where not a single look came about."""
    if not questions:
        return {}
    with ThreadPoolExecutor(AT_ONCE) as pool:
        outcomes = list(pool.map(lambda question: _look(question, images), questions))
    found = {q.container: made for q, made in zip(questions, outcomes, strict=True) if isinstance(made, Look)}
    if not found:
        words = next((made for made in outcomes if isinstance(made, str) and made), "no image here has a shell")
        raise fail("no-look", f"no container could be looked from: {words}", fix="docker pull debian:bookworm-slim")
    return found


def _look(question: Question, images: Sequence[str]) -> Look | str:
    """One look, or docker's words where no image would do."""
    words = ""
    own = [""] if any(shell.search(question.image) for shell in SURE) else []
    for image in [*own, *images]:
        try:
            done = _from_another(question, image) if image else _from_itself(question)
        except StackError as error:
            return error.problems[0].message
        if "@end" in done.stdout:
            return parsed(done.stdout)
        words = " ".join(done.stderr.split())
    return words


NOBODY = "65534:65534"


def _from_itself(question: Question) -> "subprocess.CompletedProcess[str]":
    """The look from the container itself: a fifth of what another container takes."""
    user = "" if question.also else NOBODY
    return execs.run(question.container, _script(question, question.also), user=user, timeout=WHOLE_S)


def _from_another(question: Question, image: str) -> "subprocess.CompletedProcess[str]":
    """The look from a container of this image in the other's network."""
    return docker.run(_command(question, image), timeout=WHOLE_S)


def _script(question: Question, also: str = "") -> list[str]:
    return ["sh", "-c", SCRIPT, "look", str(EACH_S), also, *(f"{name}:{port}" for name, port in question.targets)]


def _command(question: Question, image: str) -> list[str]:
    labels = [word for label in NOT_OURS for word in ("--label", label)]
    hardened = ["--read-only", "--cap-drop", "ALL", "--security-opt", "no-new-privileges", "--user", NOBODY]
    shell, *words = _script(question)
    return ["run", "--rm", "--pull", "never", "--log-driver", "none", "--no-healthcheck", *hardened, *labels,
            "--network", f"container:{question.container}", "--entrypoint", shell, image, *words]  # fmt: skip


def parsed(text: str) -> Look:
    """What the script printed."""
    parts = dict(re.findall(r"^@(\w+)\n(.*?)(?=^@)", text, re.MULTILINE | re.DOTALL))
    listeners = [one for name in LISTS for one in sockets.parsed(parts.get(name, ""), name.rstrip("6"))]
    rows = [line.split("|", 3) for line in parts.get("answers", "").splitlines()]
    answers = {_target(row[0]): _answer(*row[1:]) for row in rows if len(row) == 4}
    return Look({target: answer for target, answer in answers.items() if answer}, listeners, parts.get("also", ""))


def _target(text: str) -> Target:
    name, _, port = text.rpartition(":")
    return name, int(port)


def _answer(code: str, found: str, words: str) -> Answer | None:
    """None for words that are not understood: they may be of the tool, and say nothing of the target."""
    addresses = list(dict.fromkeys(word for word in found.split() if _is_address(word)))
    if not addresses or code == "0":
        return Answer(addresses)
    why = next((why for pattern, why in WORDS.items() if re.search(pattern, words, re.IGNORECASE)), "")
    if not why and code in ENDED:
        why = SILENT
    return Answer(addresses, why) if why else None


def _is_address(word: str) -> bool:
    try:
        ip_address(word)
    except ValueError:
        return False
    return True

"""`inv graph`: the plan as a picture: Mermaid, or by Graphviz where that is installed."""

import subprocess
from pathlib import Path

from stack import tree
from stack.errors import USAGE, fail
from stack.output.result import Result
from stack.planning import picture, planner
from stack.planning.planner import Request

BY_GRAPHVIZ = ("svg", "png", "pdf")
AS_TEXT = ("mmd", "mermaid", "dot")
LIMIT_S = 60.0


def graph(request: Request, output: str) -> Result:
    """The picture of a plan, as Mermaid on standard output or in the file `output`, whose ending says the form.

    Raises StackError for another ending, and where Graphviz is missing or fails."""
    form = Path(output).suffix.lstrip(".").lower()
    if output and form not in (*BY_GRAPHVIZ, *AS_TEXT):
        endings = ", ".join(f".{one}" for one in (*AS_TEXT, *BY_GRAPHVIZ))
        raise fail("usage", f"--output: expected a name that ends with one of {endings}", "--output",
                   "./inv graph --output plan.svg", USAGE)  # fmt: skip
    plan = planner.make(tree.root(), request).plan
    data = {"services": plan.names(), "order": plan.order, "mermaid": picture.mermaid(plan)}
    if not output:
        return Result(data, lines=[picture.mermaid(plan).rstrip("\n")])
    tree.write(Path(output), _drawn(picture.dot(plan), form) if form in BY_GRAPHVIZ
               else (picture.dot(plan) if form == "dot" else picture.mermaid(plan)).encode())  # fmt: skip
    return Result({**data, "output": output}, lines=[f"wrote {output}"])


def _drawn(text: str, form: str) -> bytes:
    """The picture as Graphviz draws it."""
    try:
        done = subprocess.run(
            ["dot", f"-T{form}"], input=text.encode(), capture_output=True, timeout=LIMIT_S, check=False
        )
    except FileNotFoundError:
        fix = "sudo apt-get install -y graphviz, or ./inv graph --output plan.mmd"
        raise fail("graphviz", "Graphviz is not installed (there is no dot)", "--output", fix) from None
    except subprocess.TimeoutExpired:
        raise fail("graphviz", f"Graphviz did not end within {LIMIT_S:.0f} s", "--output",
                   "./inv graph --output plan.mmd") from None  # fmt: skip
    if done.returncode:
        words = done.stderr.decode(errors="replace").strip().splitlines()[-1:] or ["it gave no reason"]
        raise fail("graphviz", f"Graphviz failed: {words[0]}", "--output", "./inv graph --output plan.dot")
    return done.stdout

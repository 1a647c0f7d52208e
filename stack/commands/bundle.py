"""`inv bundle`: one file with all that a machine without network needs for this selection."""

import contextlib
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec

from stack import tree
from stack.bundle import make, models
from stack.commands import models as pulling
from stack.errors import INTERRUPTED, USAGE, Problem, StackError, fail
from stack.names import size
from stack.output import consent
from stack.output.progress import Progress
from stack.output.result import Result
from stack.planning import planner
from stack.planning.planner import Planned, Request
from stack.running import images, ollama


@contextlib.contextmanager
def goes_on(again: str) -> Iterator[None]:
    """Ctrl-C in the block is told with the command that goes on from there."""
    try:
        yield
    except KeyboardInterrupt:
        told = Problem("interrupted", "interrupted; the same command goes on with what is not whole yet", "", again)
        raise StackError(told, INTERRUPTED) from None


def run(request: Request, output: str, yes: bool = False) -> Result:
    """Write the bundle of a selection to a new file; what is not on this machine is pulled or built first, once that is
    agreed to. An interrupted run leaves FILE.part, from which the next goes on."""
    if not output:
        raise fail("usage", "bundle needs --output FILE", "--output", "./inv bundle --output FILE", USAGE)
    target = Path(output).absolute()
    if target.exists():
        raise fail("not-empty", f"{output} is there already", output, f"name a new file, or: rm {output}", USAGE)
    if not target.parent.is_dir():
        raise fail("no-folder", f"{target.parent} is no folder", output, f"mkdir -p {target.parent}", USAGE)
    progress = Progress()
    typed = shlex.join(["./inv", *sys.argv[1:]])
    planned, problems = _obtained(request, f"{typed} --yes", yes, progress)
    what = make.content(planned)
    progress.say(f"at most {size(what.most())}: {len(what.images)} images, {len(what.models)} models, packages")
    with goes_on(typed):
        manifest = make.make(planned, what, target, progress)
    total = target.stat().st_size
    data = {
        "output": str(target),
        "bytes": total,
        "platform": msgspec.to_builtins(manifest.platform),
        "images": [name for image in manifest.images for name in image.names],
        "models": [model.name for model in manifest.models],
        "parts": msgspec.to_builtins(manifest.parts),
    }
    left_out = sorted(set(models.wanted(planned)) - set(what.models)) if what.store else []
    lines = [f"wrote {output}: {size(total)}; on the other machine: ./inv up --bundle {target.name}"]
    if left_out:
        lines.append(f"without these models of OLLAMA_PULL, which are not here: {', '.join(left_out)}")
        lines.append("to have them in it: ./inv up --service ollama-pull, then the bundle anew")
    return Result(data, problems, lines=lines)


def _obtained(request: Request, typed: str, yes: bool, progress: Progress) -> tuple[Planned, list[Problem]]:
    """The plan, once all of its images are here, and its models, where Ollama runs; and why one of these could not be
    had. Raises StackError where an image can't, or nobody agrees."""
    root = tree.root()
    problems: list[Problem] = []
    with tree.locked(root):
        planned = planner.make(root, request)
        if lines := make.lacking(planned):
            consent.agree("\n".join(lines), typed, yes=yes)
            try:
                with progress.shown():
                    images.obtain(planned, planned.plan.names(), progress)
            except StackError as error:
                message = "a bundle takes images from this machine, and not all of them are here"
                fix = "./inv up with the same flags, which finds another way where there is one"
                raise StackError([*error.problems, Problem("bundle-images", message, "", fix)]) from None
            if absent := models.pullable(planned):
                problems = pulling.pulled(ollama.address(planned.plan.project), absent, progress)
    return planned, problems

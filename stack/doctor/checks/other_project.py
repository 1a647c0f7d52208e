"""Whether project and folder belong together: one project from two folders, or two projects from this one."""

from collections.abc import Iterable

from stack import docker
from stack.doctor.check import WARNING, Check, Finding, found
from stack.doctor.scene import Scene
from stack.errors import StackError
from stack.planning import compare


def _run(scene: Scene) -> Iterable[Finding]:
    try:
        compare.check_owner(scene.root, scene.project, scene.rows)
    except StackError as error:
        yield from (found(p, "two folders change the same containers in turn") for p in error.problems)
    for project in sorted(docker.projects_in(scene.root) - {scene.project}):
        seen = f"containers of project {project} were started from this folder, which is project {scene.project} now"
        causes = f"they hold ports, and the data stays in volumes named {project}_…, which this project does not read"
        yield Finding(seen, causes, f"PROJECT_NAME={project} ./inv down", WARNING, where="PROJECT_NAME")


CHECK = Check(
    id="other-project",
    section="project",
    holds="the project belongs to this folder, and no other does",
    run=_run,
    needs=("project", "engine"),
)

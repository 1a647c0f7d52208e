"""Jobs that are done, and when they have to be done again."""

import pytest

from stack.planning import changes, plan
from stack.planning.changes import Change
from stack.planning.plan import Selection
from tests.synthetic import facts

SERVICES = {"db": {}, "job": {"restart": "no", "depends_on": {"db": {"condition": "service_healthy"}}}}


@pytest.mark.parametrize(
    ("action", "done"),
    [("create", set()), ("recreate", set()), ("start", {"job"}), ("scale", {"job"}), ("unchanged", {"job"})],
)
def test_a_job_runs_again_where_what_it_worked_on_is_made_anew(action: str, done: set[str]) -> None:
    made = plan.compute(facts(SERVICES), Selection(("core",)))
    assert changes.finished(made, [Change("db", action), Change("job", "unchanged")]) == done

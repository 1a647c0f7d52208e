"""Whether a cluster runs the services, and nothing else of clusters: commands ask it on one machine, too."""

from pathlib import Path

from stack import tree
from stack.errors import StackError, fail
from stack.planning import checkouts

RECORD = f"{tree.GENERATED}/record/places.json"
"""Where each volume is (`kept`): there once something was deployed."""
BACK = "the service's own dump on its node (./inv open NAME), or back to one machine: ./inv up --on compose"
"""What is left where a command knows one machine alone."""


def now(root: Path) -> bool:
    """Whether a cluster runs the services of what is saved in a checkout, also where its files can't be read."""
    try:
        return checkouts.clustered(checkouts.read(root))
    except StackError:
        from stack.cluster import manager

        return ever(root) and manager.active()


def ever(root: Path) -> bool:
    """Whether something of the checkout is or was on a cluster, and its data not removed since."""
    return (root / RECORD).exists()


def one_machine(root: Path, what: str, instead: str) -> None:
    """Raises StackError for a command that works on this machine's own containers, where a cluster runs them."""
    if now(root):
        raise fail("on-cluster", f"{what} works on one machine, and a cluster runs these services", "RUN_ON", instead)

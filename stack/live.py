"""What services read while they run: the gateway's effective config, and the plan for the backend.

Both lie in folders of .stack/ that are mounted whole, so that a replaced file is seen."""

import os
from pathlib import Path

import msgspec

from stack import gateway, links, outside, tree
from stack.catalog import DISABLED
from stack.planner import Planned

PLAN = f"{tree.GENERATED}/plan/plan.json"
CA = f"{tree.GENERATED}/ca/ca.pem"
GATEWAY = f"{tree.GENERATED}/gateway/kong.yml"


def write(planned: Planned) -> bool:
    """Write these files; tells whether the gateway's changed. Readable to all, as they hold no secret and the
    containers' users are not ours."""
    return write_to(planned.checkout.root, planned)


def write_to(root: Path, planned: Planned) -> bool:
    """The same into another folder."""
    tree.write(root / PLAN, msgspec.json.format(msgspec.json.encode(plan_document(planned)), indent=1))
    bundle = outside.bundle(os.environ)
    if bundle:
        tree.write(root / CA, tree.read(Path(bundle)))
    text = tree.read(planned.checkout.root / "kong" / "kong.yml").decode()
    return tree.write(root / GATEWAY, gateway.effective(text, set(planned.plan.names())).encode())


def plan_document(planned: Planned) -> dict[str, object]:
    """The plan as the backend reads it; its shape is described in compose/backend/app/services.py."""
    urls = {link.service: link.url for link in links.table(planned)}
    services = [
        {"name": s.name, "about": s.about, "source": s.source, "url": s.url, "link": urls.get(s.name),
         "containers": [s.name]}
        for s in planned.plan.services if s.url and s.source != DISABLED
    ]  # fmt: skip
    return {"version": 1, "project": planned.plan.project, "services": services}

"""`inv lock`: which digest each planned tag stands for, written to images.lock; `up` runs that."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from stack import tree
from stack.errors import FAILED, OK, Problem
from stack.output.result import Result
from stack.planning import locks, merging, model, planner
from stack.planning.locks import FILE, Table
from stack.planning.planner import Planned, Request
from stack.running import locking
from stack.running.locking import Found


def run(request: Request, remove: bool) -> Result:
    """Lock the images that are planned, or those of the services asked for; what is locked stays so. With `remove`,
    take them out of the lock, all of it where no service is asked for."""
    root = tree.root()
    with tree.locked(root):
        if remove:
            return _removed(root, request)
        planned = planner.make(root, request)
        images = of(planned)
        before = locks.read(root)
        prefix = planned.checkout.settings.value("REGISTRY_PREFIX")
        found = locking.find(locks.lacking(images.values(), before), prefix)
        new = {image: one.locked for image, one in found.items() if one.locked}
        table = locks.without_older({**before, **new}, new, _named(planned))
        locks.write(root, table)
    problems = [_not(image, one.why) for image, one in found.items() if one.why]
    rows = _rows(images, table, found)
    data = {"file": FILE, "images": rows, "built": built(planned), "dropped": sorted(before.keys() - table.keys())}
    return Result(data, problems, FAILED if problems else OK, _lines(data, new))


def _not(image: str, why: str) -> Problem:
    return Problem("not-locked", f"{image} is not locked: {why}", image, f"docker pull {image}, then ./inv lock")


def of(planned: Planned) -> dict[str, str]:
    """The pulled image of each planned service; of those asked for and their companions alone, where some are."""
    fragment_of = planned.facts.catalog.fragment_of
    asked = {fragment_of(name) for name in planned.request.services}
    images = planner.pulled(planned)
    return {name: image for name, image in images.items() if not asked or fragment_of(name) in asked}


def built(planned: Planned) -> list[str]:
    """The planned services whose image is built here."""
    return [service.name for service in planned.plan.services if service.built]


def _named(planned: Planned) -> set[str]:
    """Every image that the catalogue names with the chosen sources, planned or not."""
    merged, _ = merging.merge(planned.checkout, planned.facts.files, planned.env)
    return {locks.pulled(service) for service in model.services(merged).values()}


def _removed(root: Path, request: Request) -> Result:
    if not request.services:
        # Also one that can't be read.
        there = (root / FILE).exists()
        (root / FILE).unlink(missing_ok=True)
        line = f"{FILE} is removed: ./inv up runs what the tags are" if there else f"there is no {FILE}"
        return Result({"file": FILE, "removed": there}, lines=[line])
    table, images = locks.read(root), set(of(planner.make(root, request)).values())
    locks.write(root, {image: one for image, one in table.items() if image not in images})
    gone = sorted(images & table.keys())
    line = f"no longer locked: {', '.join(gone)}" if gone else "nothing of that is locked"
    return Result({"file": FILE, "removed": gone}, lines=[line])


def _rows(images: Mapping[str, str], table: Table, found: Mapping[str, Found]) -> list[dict[str, Any]]:
    rows = []
    for image in dict.fromkeys(images.values()):
        if one := table.get(image):
            told_by = found[image].told_by if image in found else "lock"
            services = [name for name, named in images.items() if named == image]
            rows.append({"image": image, **msgspec.structs.asdict(one), "told_by": told_by, "services": services})
    return rows


def _lines(data: Mapping[str, Any], new: Mapping[str, object]) -> list[str]:
    there = f"{FILE}: {len(new)} new, {len(data['images'])} of what is asked for; ./inv up runs exactly these"
    lines = [there if data["images"] else "nothing of that comes from a registry"]
    lines += [f"dropped, as no file names them now: {', '.join(data['dropped'])}"] if data["dropped"] else []
    if data["built"]:
        lines.append(f"built here, so not locked: {', '.join(data['built'])}")
    return lines

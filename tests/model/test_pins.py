"""pins.yml has every image and every lock of the catalogue, and nothing else."""

import re

from stack.builds import base
from stack.planning import model, pins
from tests.model.shipped import TEXTS
from tests.support import ROOT

TABLE = pins.read(ROOT)
FORMS = ("\n{}=={} ", '"{}": "{}"', '"{}:{}"', "archive/{1}", "ARG REVISION={1}\n")
"""How a package and its version stand in the files that pin one."""


def test_every_image_is_in_the_table_with_its_pin() -> None:
    dockerfiles = [path.read_text() for path in ROOT.glob("compose/*/Dockerfile")]
    named = re.findall(r"\$\{[A-Z0-9_]+_IMAGE:-([^}]+)\}", "\n".join(TEXTS.values()))
    named += re.findall(r"^ARG BASE_IMAGE=(\S+)", "\n".join(dockerfiles), re.MULTILINE)
    used = {image for image in named if not image.startswith(model.OWN)}
    listed = [image for row in TABLE for image in row.images()]
    assert sorted(listed) == sorted(used)


def test_every_lock_is_in_the_table_with_what_it_pins() -> None:
    locks = {str(path.relative_to(ROOT)) for kind in ("*.lock", "package-lock.json")
             for path in ROOT.glob(f"compose/**/{kind}")}  # fmt: skip
    assert locks <= {row.lock for row in TABLE}
    for row in TABLE:
        text = (ROOT / row.lock).read_text() if row.lock else ""
        for _, name, version in row.parts() if row.lock else ():
            assert any(form.format(name, version) in text for form in FORMS), row.lock


def test_the_base_of_what_is_built_here_is_in_the_table() -> None:
    assert [row.pins for row in TABLE if row.lock == "stack/builds/base.py"] == [[base.SLIM.replace(":", "==")]]

"""The catalogue as it is shipped: every service from every source, merged by Compose and assembled."""

import json
import os
import re
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from stack import compose, tree
from stack.planning import batches, catalog, checkouts, compare, interpolation, joining, model, planner
from stack.planning.compare import Assembled
from stack.planning.model import Model
from stack.planning.planner import Planned, Request
from tests import support

TEXTS = {path: data.decode() for path, data in tree.find(support.ROOT, [""]).items()}
FRAGMENTS, BASE = catalog.arrange(TEXTS, [""])
EVERY_TEXT = "\n".join(TEXTS.values())
PROFILES = sorted({name for found in re.findall(r"profiles: \[(.*)\]", EVERY_TEXT) for name in found.split(", ")})
ADDRESSES = dict.fromkeys(re.findall(r"\$\{([A-Z0-9_]+_EXTERNAL_URL)\}", EVERY_TEXT), "http://far.example:1234")
"""What the sources elsewhere need to be told."""


class Case(NamedTuple):
    """A source that every service takes that has it, and a layout of the network."""

    source: str = ""
    network: str = ""

    def __str__(self) -> str:
        return self.source or self.network or "as it comes"


DEFAULT = Case()
SOURCES = [Case(name) for name in sorted({name for fragment in FRAGMENTS.values() for name in fragment.overrides})]
CASES = [DEFAULT, *SOURCES, *(Case(network=name) for name in BASE.overrides)]
"""Between them, each source of each service, and each layout."""
FAR = [case for case in SOURCES if case.source in catalog.FAR]
OF = {source: [name for name, fragment in FRAGMENTS.items() if source == catalog.PLAIN or source in fragment.overrides]
      for source in (catalog.PLAIN, *(case.source for case in SOURCES))}  # fmt: skip
ALONE = [(name, source) for source, names in OF.items() for name in names]
"""Each fragment from each source, but disabled."""
BATCHES = {source: [names[first : first + batches.SIZE] for first in range(0, len(names), batches.SIZE)]
           for source, names in OF.items()}  # fmt: skip
"""Fragments that are merged in one go to tell what each is from one source: alone, each has Compose's start to pay."""


class Made(NamedTuple):
    """A case's plan of every service there is, and the project assembled of it."""

    planned: Planned
    assembled: Assembled

    def services(self) -> dict[str, dict[str, Any]]:
        """The merged model's services, those that a source drops aside."""
        return model.services(self.planned.facts.model)

    def fragment_of(self, service: str) -> catalog.Fragment:
        """The files that a service belongs to."""
        found = self.planned.checkout.catalog
        return found.fragments[found.fragment_of(service)]


class Shipped(NamedTuple):
    """What is shipped, as one version of Compose merges it; `root` holds a copy that is only read."""

    root: Path
    version: str

    def make(self, case: Case = DEFAULT, *profiles: str) -> Made:
        """The plan of some profiles, of all unless given."""
        return _make(self, case, profiles or tuple(PROFILES))

    def checkout(self) -> checkouts.Checkout:
        """What is shipped, read once."""
        return _checkout(self.root)

    def alone(self, name: str, source: str) -> Model:
        """What Compose makes of one fragment from one source: cut, as the plan does it, from what it is merged with."""
        checkout = self.checkout()
        [batch] = [names for names in BATCHES[source] if name in names]
        chosen = {**dict.fromkeys(FRAGMENTS, catalog.PLAIN), **dict.fromkeys(batch, source)}
        env, _ = interpolation.environment(checkout, chosen, 63000)
        files = [*BASE.layers, *(path for one in batch for path in FRAGMENTS[one].files(source))]
        mine = batches.own(checkout.catalog, files)
        belongs = batches.owners(checkout.catalog, mine) or {}
        given, text = joining.joined(checkout.catalog, files, mine, checkout.files)
        merged: Model = json.loads(compose.config(self.root, given, env, "alone", text))
        assert {f"services.{one}" for one in model.services(merged)} <= belongs.keys(), "what no file declares"
        return batches.cut(merged, name, belongs)

    def read(self, made: Made) -> dict[str, Any]:
        """What plain Compose makes of an assembled compose.yaml whose secrets are set."""
        secrets = dict.fromkeys(made.planned.checkout.secrets, "x" * 32)
        done = subprocess.run(
            [*compose.words(), "--project-directory", str(self.root), "-f", "-", "config", "--format", "json"],
            env={**os.environ, **secrets, **compose.RARELY_COLLECTED},
            input=made.assembled.text,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert done.stderr == ""
        found: dict[str, Any] = json.loads(done.stdout)
        return found

    def every_service(self) -> Iterator[tuple[str, str, dict[str, Any]]]:
        """Every service of every case: a name for messages, its own, and what Compose made of it."""
        for case in CASES:
            for name, service in self.make(case).services().items():
                yield f"{name} ({case})", name, service


@cache
def _checkout(root: Path) -> checkouts.Checkout:
    return checkouts.read(root)


@cache
def _make(shipped: Shipped, case: Case, profiles: tuple[str, ...]) -> Made:
    with pytest.MonkeyPatch.context() as patch:
        if case.network:
            patch.setenv("NETWORK", case.network)
        sources = (case.source,) if case.source else ()
        planned = planner.make(shipped.root, Request(profiles=profiles, sources=sources, exact=True))
        return Made(planned, compare.assemble(planned))


def declared(name: str, source: str) -> set[str]:
    """The services of one fragment from one source as its files have them: a later file may drop one."""
    kept: dict[str, bool] = {}
    for path in FRAGMENTS[name].files(source):
        kept |= _services(path)
    return {service for service, stays in kept.items() if stays}


@cache
def _services(path: str) -> dict[str, bool]:
    from stack import yamlfile

    return catalog.read_file(path, yamlfile.load(path, TEXTS[path]), {}).services

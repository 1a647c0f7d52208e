"""Which line of a fragment Compose's words are about."""

import pytest

from stack.planning import blame

TEXT = """\
services:
  web:
    image: web:1
    imgae: x
    healthcheck:
      retries: many
    deploy: {resources: {limits: {memory: 2gigs}}}
  web-db:
    ports: 5
"""


@pytest.mark.parametrize(
    ("told", "number"),
    [
        ("services.web additional properties 'imgae' not allowed", 4),
        ("error while interpolating services.web.healthcheck.retries: failed to cast to expected type", 6),
        ("decoding failed: 'services[web].deploy.resources.limits.memory' invalid suffix: 'gigs'", 7),
        ("services.web-db.ports must be a array", 9),
        ("services.web.ports.0 is none", 2),
        ("services.other.ports must be a array", 0),
        ("no such file", 0),
    ],
)
def test_the_line_is_told_as_far_as_the_words_name_it(told: str, number: int) -> None:
    assert blame.line(TEXT, told) == number

"""Kong's own words for a file that it refuses, with the names of the entries that it counts. Pure."""

import re
from typing import Any

from stack.errors import StackError
from stack.gateway import kongfile


def told(words: str, config: str) -> str:
    """The reason in one line. Every line that tells the place stays, and an entry, which Kong counts in the effective
    file, has its name: that is the same in the user's own."""
    lines = [line.strip() for line in words.strip().splitlines() if line.strip()]
    first = next((at for at, line in enumerate(lines) if re.match(r"(?:- )?in '", line)), max(len(lines) - 3, 0))
    try:
        here: Any = kongfile.read(config)
    except StackError:
        here = None
    result = []
    for line in lines[first:]:
        name = ""
        if found := re.match(r"(?:- )?in entry (\d+)", line):
            here = here[int(found[1]) - 1] if isinstance(here, list) and 0 < int(found[1]) <= len(here) else None
            called = (here.get("name") or here.get("username")) if isinstance(here, dict) else None
            name = f" ({called})" if called else ""
        elif found := re.match(r"(?:- )?in '([^']+)'", line):
            here = here.get(found[1]) if isinstance(here, dict) else None
        result.append(f"{found[0]}{name}{line[found.end() :]}" if found else line)
    return " / ".join(result)

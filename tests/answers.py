"""What Compose says of files, kept for a run of the tests: hundreds of them begin with the same files."""

import hashlib
import os
import re
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from stack import compose, docker
from stack.planning import joining

Config = Callable[[Path, Sequence[str], Mapping[str, str], str, str | None], str]
ELSEWHERE = re.compile(rb"\b(?:include|extends|env_file|label_file)\b")
"""Words by which Compose reads files that it was not given."""


def kept(folder: Path, ask: Config = compose.config) -> Config:
    """`compose.config` that asks once for the same bytes under the same settings, and keeps in the folder what it was
    told. A refusal is asked for each time."""

    def config(root: Path, files: Sequence[str], env: Mapping[str, str], project: str, text: str | None = None) -> str:
        texts = [(text or "").encode() if file == joining.STDIN else (root / file).read_bytes() for file in files]
        if any(map(ELSEWHERE.search, texts)):
            return ask(root, files, env, project, text)
        around = sorted({**docker.bare_environment(), **env}.items())
        inputs = repr([compose.stamp(), project, around, list(files), texts])
        answer = folder / hashlib.sha256(inputs.encode()).hexdigest()
        if not answer.exists():
            aside = answer.with_suffix(f".{os.getpid()}-{threading.get_ident()}")
            aside.write_text(ask(root, files, env, project, text))
            aside.replace(answer)
        return answer.read_text()

    return config

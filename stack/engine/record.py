"""What `./inv engine` did on this machine for this user: kept across checkouts and a reboot."""

import os
from pathlib import Path

import msgspec


class Record(msgspec.Struct):
    """`installed`: the engine's package is ours. `started`: how we started it; `pid` and `created` name the
    process that we started by hand (`created` in seconds since 1970, as psutil gives it)."""

    installed: bool = False
    started: str = ""
    pid: int = 0
    created: float = 0.0

    @property
    def ours(self) -> bool:
        """Whether an engine that is not running may be started again without being asked for by name."""
        return self.installed or self.started == "by hand"


def folder() -> Path:
    """Where the record, the log and the pid file are."""
    state = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(state) / "genai-stack"


def read() -> Record:
    """The record; an empty one where there is none or it cannot be read."""
    try:
        return msgspec.json.decode((folder() / "engine.json").read_bytes(), type=Record)
    except (OSError, msgspec.MsgspecError):
        return Record()


def write(record: Record) -> None:
    """Keeps the record. Raises OSError."""
    path = folder() / "engine.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_suffix(".new")
    new.write_bytes(msgspec.json.encode(record))
    new.replace(path)

"""Where packages come from: the machine's own sources, or folders that a bundle was unpacked to."""

from pathlib import Path

import msgspec

SOURCES = "sources.list"
LISTS = "lists"


class Supply(msgspec.Struct, frozen=True):
    """Folders of a machine without network, "" for the usual sources: one with Debian packages and their index, and
    one with the archives of Python packages."""

    debs: str = ""
    wheels: str = ""

    def apt(self) -> list[str]:
        """apt's options for this supply."""
        if not self.debs:
            return []
        folder = Path(self.debs)
        settings = {
            "Dir::Etc::SourceList": folder / SOURCES,
            "Dir::Etc::SourceParts": "/dev/null",
            "Dir::State::Lists": folder / LISTS,
            # The folder is the user's alone, so apt's own user could not read it.
            "APT::Sandbox::User": "root",
        }
        return [word for name, value in settings.items() for word in ("-o", f"{name}={value}")]


USUAL = Supply()

"""How a file of text is written."""

from stack.errors import StackError, fail

MARKS = (b"\xff\xfe", b"\xfe\xff")
"""How UTF-16 begins."""


def is_utf16(data: bytes) -> bool:
    """Whether bytes are UTF-16, as PowerShell's `>` writes it: by its mark, or by a NUL beside each of the first
    letters."""
    return data.startswith(MARKS) or bytes(4) in (data[1:8:2], data[0:8:2])


def utf16(code: str, name: str) -> StackError:
    """The error of the file `name` that is UTF-16, to be raised by the caller."""
    fix = f"save it as UTF-8; in PowerShell: (Get-Content {name}) | Set-Content -Encoding utf8 {name}"
    return fail(code, f"{name} is UTF-16, as PowerShell writes it; it has to be UTF-8", name, fix)

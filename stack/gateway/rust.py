"""Regular expressions of the gateway: what Kong takes of them, and the same for Python. Pure.

Kong compiles a path with PCRE when it reads its file and with Rust's regex crate when it routes, so both must take it.
What Rust lacks is refused here; what it has and Python lacks is translated, atom by atom."""

import functools
import re
import string
import sys
import unicodedata

ESCAPES = {"d": r"\d", "D": r"\D", "s": r"\s", "S": r"\S", "w": r"\w", "W": r"\W", "b": r"\b", "B": r"\B",
           "A": r"\A", "z": r"\Z", "a": r"\a", "f": r"\f", "t": r"\t", "n": r"\n", "r": r"\r", "v": r"\v"}  # fmt: skip
ASSERTING = "bBAz"
POSIX = {"alnum": "0-9A-Za-z", "alpha": "A-Za-z", "ascii": "\\x00-\\x7f", "blank": "\\t ", "cntrl": "\\x00-\\x1f\\x7f",
         "digit": "0-9", "graph": "!-~", "lower": "a-z", "print": " -~", "punct": "!-/:-@\\[-`{-~",
         "space": "\\t\\n\\x0b\\f\\r ", "upper": "A-Z", "word": "0-9A-Za-z_", "xdigit": "0-9A-Fa-f"}  # fmt: skip
LITERAL = re.compile(r"((?:[A-Za-z0-9_/-]|\\[.-])*)(\$?)")
"""An expression without any choice, as most are: it need not be compiled, which takes longer than to use it once."""
ANY, LINE = r"[\s\S]", r"[^\n]"
CATEGORIES = re.compile("L[ultmo]?|M[nce]?|N[dlo]?|P[cdseifo]?|S[mcko]?|Z[slp]?|C[cfon]?")
SCRIPTS = {"Latin": "LATIN", "Greek": "GREEK", "Cyrillic": "CYRILLIC", "Han": "CJK", "Hiragana": "HIRAGANA",
           "Katakana": "KATAKANA", "Hangul": "HANGUL", "Arabic": "ARABIC", "Hebrew": "HEBREW", "Thai": "THAI",
           "Devanagari": "DEVANAGARI", "Armenian": "ARMENIAN", "Georgian": "GEORGIAN"}  # fmt: skip


class RefusedError(Exception):
    """Why an expression is none to Kong."""


def wrong(pattern: str) -> str:
    """Why Kong refuses an expression; nothing where it takes it."""
    if LITERAL.fullmatch(pattern):
        return ""
    try:
        compiled(pattern)
    except RefusedError as error:
        return f"no regular expression to Kong, whose engine is Rust's: {error}"
    return ""


def taken(pattern: str, path: str) -> str | None:
    """What an expression takes of a path, from its start; None where it does not fit. Raises RefusedError."""
    if literal := LITERAL.fullmatch(pattern):
        start = literal[1].replace("\\", "")
        return start if (path == start if literal[2] else path.startswith(start)) else None
    found = compiled(pattern).search(path)
    return found[0] if found else None


@functools.lru_cache(maxsize=65536)
def compiled(pattern: str) -> re.Pattern[str]:
    """An expression as Kong's router has it, to be searched with: anchored at its start, as far as its first
    alternative goes. Raises RefusedError."""
    reader = _Reader("^" + pattern.replace("?<", "?P<"))  # as Kong does
    text = reader.alternatives(frozenset())
    if reader.at < len(reader.text):
        raise RefusedError("a ) without a (")
    try:
        return re.compile(text)
    except (re.error, OverflowError, RecursionError) as error:
        raise RefusedError(str(error)) from None


class _Reader:
    """A recursive descent through an expression; each method gives back Python's text for what it read."""

    def __init__(self, text: str) -> None:
        self.text, self.at, self.names = text, 0, set[str]()

    def ahead(self, start: str) -> bool:
        return self.text.startswith(start, self.at)

    def take(self, start: str) -> bool:
        if found := self.ahead(start):
            self.at += len(start)
        return found

    def match(self, pattern: str) -> re.Match[str] | None:
        if found := re.compile(pattern).match(self.text, self.at):
            self.at = found.end()
        return found

    def alternatives(self, flags: frozenset[str]) -> str:
        """All up to the end of a group; flags that are set inside hold to its end."""
        done = ""
        while self.at < len(self.text) and not self.ahead(")"):
            if self.take("|"):
                done += "|"
            elif "x" in flags and self.match(r"\s+|#[^\n]*"):
                continue
            elif found := self.match(r"\(\?([imsxU]*)(?:-([imsxU]+))?\)"):
                if not (found[1] or found[2]):
                    raise RefusedError("(?) sets no flag")
                flags = (flags | set(found[1])) - set(found[2] or "")
            else:
                done += self.repeated(self.atom(flags), flags)
        return done

    def repeated(self, atom: str, flags: frozenset[str]) -> str:
        while found := self.match(r"([*+?]|\{(\d+)(,)?(\d*)\})(\?)?"):
            least, most = found[2], found[4]
            if least and most and int(least) > int(most):
                raise RefusedError(f"{found[1]} ends before it begins")
            if least and max(int(least), int(most or 0)) > 1000:
                raise RefusedError(f"{found[1]} is more than the engine has room for")
            lazy = bool(found[5]) != ("U" in flags)
            atom = f"(?:{atom}){found[1]}{'?' if lazy else ''}"
            if self.ahead("{") or self.ahead("*") or self.ahead("+") or self.ahead("?"):
                atom = f"(?:{atom})"
        if self.ahead("{"):
            raise RefusedError("{ begins a number of repetitions, as {2}; the letter is \\{")
        return atom

    def atom(self, flags: frozenset[str]) -> str:
        if self.take("("):
            return self.group(flags)
        if self.take("["):
            return self.folded(self.bracket(), flags)
        letter = self.text[self.at]
        self.at += 1
        if letter == "\\":
            return self.folded(self.escape(), flags)
        if letter in "*+?{":
            raise RefusedError(f"nothing stands before {letter} to be repeated")
        if letter == ".":
            return ANY if "s" in flags else LINE
        if letter in "^$":
            return f"(?m:{letter})" if "m" in flags else r"\A" if letter == "^" else r"\Z"
        return self.folded(re.escape(letter), flags)

    @staticmethod
    def folded(text: str, flags: frozenset[str]) -> str:
        return f"(?i:{text})" if "i" in flags else text

    def group(self, flags: frozenset[str]) -> str:
        start, name = "(", ""
        if found := self.match(r"\?P<([^>]*)>"):
            name = found[1]
            if not re.fullmatch(r"[^\W\d]\w*", name) or name in self.names:
                raise RefusedError(f"{name!r} is no name of a group, or that of another")
            self.names.add(name)
            start = f"(?P<{name}>"
        elif found := self.match(r"\?([imsxU]*)(?:-([imsxU]+))?:"):
            start, flags = "(?:", (flags | set(found[1])) - set(found[2] or "")
        elif self.ahead("?"):
            raise RefusedError(
                f"({self.text[self.at : self.at + 3]} is not there: no look-around, no reference, no comment"
            )
        inside = self.alternatives(flags)
        if not self.take(")"):
            raise RefusedError("a ( without a )")
        return f"{start}{inside})"

    def escape(self, inside: bool = False) -> str:
        """What stands behind a backslash."""
        if found := self.match(r"[pP](?:\{(\^?)(\w+)\}|(\w))"):
            category = _category(found[2] or found[3])
            return f"[^{category}]" if (found[0][0] == "P") != bool(found[1]) else f"[{category}]"
        if found := self.match(r"x(?:([0-9A-Fa-f]{2})|\{([0-9A-Fa-f]{1,2})\})"):
            return f"\\x{(found[1] or found[2]):0>2}"
        letter = self.text[self.at : self.at + 1]
        self.at += 1
        if letter in ESCAPES and letter and not (inside and letter in ASSERTING):
            return ESCAPES[letter]
        if letter in string.punctuation and letter:
            return re.escape(letter)
        raise RefusedError(f"\\{letter} is not there{': no reference to a group' if letter.isdecimal() else ''}")

    def bracket(self) -> str:
        """A class, as an expression for one character."""
        negated, parts, first = self.take("^"), list[str](), True
        while first or not self.ahead("]"):
            if self.at >= len(self.text):
                raise RefusedError("a [ without a ]")
            for sign in ("&&", "--", "~~"):
                if not first and self.take(sign):
                    left, right = _either(parts), self.operand()
                    parts = {
                        "&&": [f"(?={left})(?:{right})"], "--": [f"(?!{right})(?:{left})"],
                        "~~": [f"(?!{right})(?:{left})", f"(?!{left})(?:{right})"],
                    }[sign]  # fmt: skip
                    break
            else:
                parts.append(self.member())
            first = False
        self.at += 1
        found = _either(parts)
        return f"(?:(?!{found}){ANY})" if negated else f"(?:{found})"

    def operand(self) -> str:
        parts = []
        while not self.ahead("]") and not self.ahead("&&") and not self.ahead("--") and not self.ahead("~~"):
            if self.at >= len(self.text):
                raise RefusedError("a [ without a ]")
            parts.append(self.member())
        return _either(parts)

    def member(self) -> str:
        """One character of a class, a range, or a class inside."""
        if found := self.match(r"\[:(\^?)(\w+):\]"):
            if found[2] not in POSIX:
                raise RefusedError(f"[:{found[2]}:] is not there")
            return f"[{found[1]}{POSIX[found[2]]}]"
        if self.take("["):
            return self.bracket()
        start = self.letter()
        if self.ahead("-") and not self.ahead("-]") and not self.ahead("--"):
            self.at += 1
            end = self.letter()
            if len(_plain(start)) != 1 or len(_plain(end)) != 1 or _plain(start) > _plain(end):
                raise RefusedError(f"{start}-{end} is no range")
            return f"[{start}-{end}]"
        return start

    def letter(self) -> str:
        if self.at >= len(self.text):
            raise RefusedError("a [ without a ]")
        letter = self.text[self.at]
        self.at += 1
        return self.escape(inside=True) if letter == "\\" else re.escape(letter)


def _plain(text: str) -> str:
    """The character that an escaped one is; of a class like \\d, more than one."""
    if found := re.fullmatch(r"\\x([0-9A-Fa-f]{2})", text):
        return chr(int(found[1], 16))
    if text[:1] == "\\" and text[1:] in "afnrtv":
        return {"a": "\a", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}[text[1:]]
    return text[1:] if re.fullmatch(r"\\[^A-Za-z0-9]", text, re.DOTALL) else text


def _either(parts: list[str]) -> str:
    return f"(?:{'|'.join(parts)})" if parts else "(?!)"


@functools.cache
def _category(name: str) -> str:
    """The characters of a Unicode category or script, as the inside of a Python class."""
    if name in SCRIPTS:
        members = [at for at in range(sys.maxunicode) if unicodedata.name(chr(at), "").startswith(SCRIPTS[name])]
    elif CATEGORIES.fullmatch(name):
        members = [at for at in range(sys.maxunicode) if unicodedata.category(chr(at)).startswith(name)]
    else:
        raise RefusedError(f"\\p{{{name}}} is no category that both of Kong's engines know")
    ranges: list[list[int]] = []
    for at in members:
        if ranges and ranges[-1][1] == at - 1:
            ranges[-1][1] = at
        else:
            ranges.append([at, at])
    return "".join(f"\\U{first:08x}-\\U{last:08x}" for first, last in ranges)

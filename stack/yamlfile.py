"""Reading a YAML file of the project, with errors that name the line."""

import contextlib
from typing import Any

from stack import encoding
from stack.errors import fail


def decode(path: str, data: bytes) -> str:
    """The file's text. Raises StackError where it is not UTF-8."""
    if encoding.is_utf16(data):
        raise encoding.utf16("yaml", path)
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise fail("yaml", "not UTF-8 text", f"{path}:{line}", f"save {path} as UTF-8") from None


def load(path: str, text: str) -> Any:
    """The document of a file, Compose's tags (`!override`, `!reset`) read as plain values.

    Raises StackError naming the line of a syntax error, a duplicate key, or a second document."""
    from ruamel.yaml.error import MarkedYAMLError, YAMLError

    # The C parser refuses some of what Compose reads: [data:/data].
    with contextlib.suppress(YAMLError, ValueError):
        return _fast(text)
    try:
        return _loader(pure=True).load(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = f":{mark.line + 1}" if mark else ""
        raise fail("yaml", _words(error), f"{path}{line}", f"edit {path}{line}") from None
    except (YAMLError, ValueError) as error:  # a date that there is not is no YAMLError
        raise fail("yaml", " ".join(str(error).split()), path, f"edit {path}") from None


def _fast(text: str) -> Any:
    """The document by the C parser, where there is one. Raises ruamel's YAMLError."""
    try:
        from stack import yamlnodes

        return yamlnodes.values(text)
    except ImportError:
        return _loader(pure=True).load(text)
    except (yamlnodes.UnusualError, RecursionError):
        return _loader(pure=False).load(text)


def events(text: str) -> list[Any]:
    """The parser's events of a text that was read before; their marks count characters."""
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    with contextlib.suppress(YAMLError):
        return list(YAML(typ="safe", pure=False).parse(text))
    return list(YAML(typ="safe", pure=True).parse(text))


def nodes(text: str) -> Any:
    """The same as nodes, which tell how each scalar is written: `style` is empty, or None, for one without quotes."""
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    with contextlib.suppress(YAMLError, ImportError):
        from stack import yamlnodes

        return yamlnodes.nodes(text)
    return YAML(typ="safe", pure=True).compose(text)


def _words(error: Any) -> str:
    """The parser's sentence without its advice on how to switch the check off."""
    told = error.problem or error.context or "no valid YAML"
    # Some of its problems are the second half of a sentence that the context begins.
    text = (f"{error.context}, {told}" if told.startswith("but ") and error.context else told).strip().splitlines()[0]
    return (
        f"duplicate key: {text.split('found duplicate key ')[1].split(' with ')[0]}"
        if "duplicate key" in text
        else text
    )


def _loader(pure: bool) -> Any:
    from ruamel.yaml import YAML
    from ruamel.yaml.constructor import SafeConstructor

    class Constructor(SafeConstructor):
        """Its own class, so that the tags are not added to ruamel's."""

    for tag in ("!override", "!reset"):
        Constructor.add_constructor(tag, _untagged)
    yaml = YAML(typ="safe", pure=pure)
    yaml.Constructor = Constructor
    return yaml


def _untagged(constructor: Any, node: Any) -> Any:
    """The node's value as if it had no tag."""
    kind = type(node).__name__
    if kind == "MappingNode":
        return constructor.construct_mapping(node, deep=True)
    if kind == "SequenceNode":
        return constructor.construct_sequence(node, deep=True)
    return None if node.value in ("", "null", "~") else node.value

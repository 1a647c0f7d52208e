"""A YAML text as nodes with their marks, and the values of these, both straight from the C parser.

Of a load's time, ruamel's resolver and constructor take nine tenths. Here the resolver is asked once for each word
without quotes, and values are made of the nodes; whatever is not usual (a merge, a tag, a key that is there twice) is
left to ruamel. Its C parser may be missing, which raises ImportError."""

import functools
from typing import Any

from _ruamel_yaml import CParser
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError
from ruamel.yaml.nodes import MappingNode, ScalarNode
from ruamel.yaml.tag import Tag

WORDS = 4096
"""Words without quotes that are remembered; most files have a few dozen."""


class UnusualError(Exception):
    """Something in the text is ruamel's to read."""


class Known(Tag):
    """The tag of a word that is no text, with what the word means."""

    means: Any


TEXT, LIST, MAPPING = (Tag(suffix=f"tag:yaml.org,2002:{name}") for name in ("str", "seq", "map"))
RUAMEL = YAML(typ="safe", pure=True)


class Parser(CParser):  # type: ignore[misc]
    """The C parser, with the resolver that it calls for each node."""

    def resolve(self, kind: type, word: str, implicit: Any) -> Tag:
        """The tag of a node that has none written."""
        if kind is ScalarNode:
            return _plain(word) if implicit[0] else TEXT
        return MAPPING if kind is MappingNode else LIST

    def descend_resolver(self, *_: Any) -> None:
        """Ruamel's resolver may go by a node's path; ours does not."""

    def ascend_resolver(self) -> None:
        """The same."""


@functools.lru_cache(WORDS)
def _plain(word: str) -> Tag:
    """The tag of a word without quotes, by ruamel's rules."""
    tag = RUAMEL.resolver.resolve(ScalarNode, word, (True, False))
    if tag == TEXT:
        return TEXT
    known = Known(suffix=tag.suffix)
    try:
        known.means = RUAMEL.constructor.construct_object(ScalarNode(tag, word))
    except (YAMLError, ValueError):  # << and =, and dates that there are not
        return Tag(suffix=tag.suffix)
    return known


@functools.lru_cache(maxsize=1)
def nodes(text: str) -> Any:
    """The text's nodes; None for a text without any. Raises ruamel's YAMLError."""
    return Parser(text).get_single_node()


def values(text: str) -> Any:
    """The document. Raises ruamel's YAMLError, and UnusualError for what is left to ruamel."""
    root = nodes(text)
    return None if root is None else _value(root, {})


def _value(node: Any, made: dict[int, Any]) -> Any:
    """What a node means; `made` has the lists and mappings that are known, as an alias is the node of its anchor."""
    tag = node.ctag
    if tag is TEXT:
        return node.value
    if type(tag) is Known:
        return tag.means
    if id(node) in made:
        return made[id(node)]
    if tag is LIST:
        items: list[Any] = []
        made[id(node)] = items
        items.extend([_value(item, made) for item in node.value])
        return items
    if tag is not MAPPING:
        raise UnusualError
    pairs: dict[Any, Any] = {}
    made[id(node)] = pairs
    for key, value in node.value:
        if type(key) is not ScalarNode:
            raise UnusualError
        pairs[_value(key, made)] = _value(value, made)
    if len(pairs) != len(node.value):  # a key is there twice
        raise UnusualError
    return pairs

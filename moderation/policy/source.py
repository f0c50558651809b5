"""YAML with positions, read strictly: one document of plain values, each with its place in the text.

Plain scalars follow YAML 1.2's core schema (`yes`, `on` and `1:30` are text). Anchors, aliases, tags, merge keys,
duplicate keys and oversized or deeply nested documents are refused.
"""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from moderation.policy.problems import Problem, SourceText

MAX_CHARS = 256 * 1024
MAX_DEPTH = 12
MAX_EVENTS = 100_000

Plain: TypeAlias = "str | int | float | bool | list[Plain] | dict[str, Plain] | None"
Path: TypeAlias = tuple[str | int, ...]

_INTEGER = re.compile(r"[-+]?[0-9]{1,18}")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")


@dataclass(frozen=True, slots=True)
class Extent:
    """Characters `start` to `end` of the text."""

    start: int
    end: int


@dataclass(slots=True)
class Located:
    """The document's value; `values` and `keys` have the extent of every value and mapping key by its path."""

    value: Plain = None
    values: dict[Path, Extent] = field(default_factory=dict)
    keys: dict[Path, Extent] = field(default_factory=dict)
    scalars: dict[Path, ScalarNode] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def at(self, path: Path) -> Extent:
        """The extent of the value at `path`, or of the nearest thing around it that exists."""
        while path and path not in self.values:
            path = path[:-1]
        return self.values.get(path, Extent(0, 1))

    def key(self, path: Path) -> Extent:
        """The extent of the mapping key at `path`, else of the value."""
        return self.keys.get(path) or self.at(path)


def read_yaml(source: SourceText) -> Located:
    """Read one YAML document. Mistakes are in `problems`; whatever could be read is still there."""
    located = Located()
    if len(source.text) > MAX_CHARS:
        located.problems.append(Problem(0, 1, f"the document is longer than {MAX_CHARS:,} characters"))
        return located
    try:
        located.problems.extend(_forbidden_events(source.text))
        if located.problems:
            return located
        node = yaml.compose(source.text, Loader=yaml.SafeLoader)
    except yaml.YAMLError as error:
        located.problems.append(_syntax_problem(error))
        return located
    if node is None:
        located.problems.append(Problem(0, 1, "the document is empty"))
        return located
    located.value = _value(node, (), located)
    return located


def _forbidden_events(text: str) -> list[Problem]:
    """Constructs that a policy has no use for and an attacker might, found before anything is built."""
    problems: list[Problem] = []
    depth = documents = 0
    for number, event in enumerate(yaml.parse(text, Loader=yaml.SafeLoader)):
        start, end = _index(event.start_mark), _index(event.end_mark)
        if number >= MAX_EVENTS:
            return [*problems, Problem(start, end, "the document has too many parts")]
        if isinstance(event, yaml.DocumentStartEvent):
            documents += 1
            if documents > 1:
                problems.append(Problem(start, end, "a second document begins here; one file holds one document"))
        elif isinstance(event, yaml.AliasEvent):
            problems.append(Problem(start, end, "aliases (*name) are not allowed", "repeat the value"))
        elif isinstance(event, yaml.NodeEvent) and event.anchor:
            problems.append(Problem(start, end, "anchors (&name) are not allowed", "repeat the value"))
        if isinstance(event, yaml.ScalarEvent | yaml.CollectionStartEvent) and event.tag:
            problems.append(Problem(start, end, "tags (!name) are not allowed"))
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > MAX_DEPTH:
            return [*problems, Problem(start, end, f"the document is nested more than {MAX_DEPTH} levels deep")]
    return problems


def _index(mark: object) -> int:
    return int(getattr(mark, "index", 0))


def _syntax_problem(error: yaml.YAMLError) -> Problem:
    mark = getattr(error, "problem_mark", None)
    index = mark.index if mark is not None else int(getattr(error, "position", 0) or 0)
    message = getattr(error, "problem", None) or getattr(error, "reason", None) or "it cannot be read"
    context = getattr(error, "context_mark", None)
    if context is not None and mark is not None and context.line < mark.line:
        message = f"{message}, in what begins at line {context.line + 1}"
    hint = 'text that has ": " or " #" inside needs quotes' if "mapping values" in str(message) else ""
    return Problem(index, index + 1, f"not valid YAML: {message}", hint)


def _value(node: Node, path: Path, located: Located) -> Plain:
    located.values[path] = Extent(node.start_mark.index, node.end_mark.index)
    if isinstance(node, ScalarNode):
        located.scalars[path] = node
        return _scalar(node)
    if isinstance(node, SequenceNode):
        return [_value(item, (*path, index), located) for index, item in enumerate(node.value)]
    return _mapping(node, path, located)


def _mapping(node: Node, path: Path, located: Located) -> Plain:
    assert isinstance(node, MappingNode)
    values: dict[str, Plain] = {}
    for key, item in node.value:
        extent = Extent(key.start_mark.index, key.end_mark.index)
        if not isinstance(key, ScalarNode) or not key.value:
            located.problems.append(Problem(extent.start, extent.end, "a key must be plain text"))
            continue
        name = key.value
        if name in values:
            located.problems.append(Problem(extent.start, extent.end, f'the key "{name}" is here twice', "remove one"))
            continue
        located.keys[*path, name] = extent
        values[name] = _value(item, (*path, name), located)
    return values


_CONSTANTS: Mapping[str, bool | None] = {
    "": None, "~": None, "null": None, "Null": None, "NULL": None,
    "true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False,
}  # fmt: skip


def _scalar(node: ScalarNode) -> Plain:
    text = str(node.value)
    if node.style is not None:
        return text
    if text in _CONSTANTS:
        return _CONSTANTS[text]
    if _INTEGER.fullmatch(text):
        return int(text)
    if _FLOAT.fullmatch(text) and math.isfinite(float(text)):
        return float(text)
    return text


def offsets(source: SourceText, node: ScalarNode) -> list[int]:
    """For every character of a scalar's value, and for its end, the offset of that character in the document.

    Folded and quoted scalars are aligned character by character; whitespace that YAML made up points at the next
    character that it did not.
    """
    at, stop = node.start_mark.index, node.end_mark.index
    if node.style in {"|", ">"}:
        at = source.text.find("\n", at) + 1
    elif node.style is not None:
        at += 1
    found: list[int] = []
    for char in str(node.value):
        if char.isspace():
            found.append(min(at, stop))
            at += at < stop and source.text[at].isspace()
            continue
        position = source.text.find(char, at, stop)
        if position < 0:
            position = min(at, stop)
        found.append(position)
        at = position + 1
    return [*found, min(at, stop)]

"""YAML read with the line of every key, so that a problem can say where it is."""

from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import Any

import yaml
from yaml.reader import Reader

Place = tuple[str | int, ...]
LONGEST = 1_000_000
DEEPEST = 40
MOST_NODES = 100_000

# The loader on libyaml reads several times faster; not every wheel of PyYAML has it.
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True, slots=True)
class Problem:
    """Something wrong at a place of the document."""

    place: Place
    message: str
    within: str = ""
    """The part of a text before the problem, to find its line in a block of several."""

    def __str__(self) -> str:
        path = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in self.place)
        return f"{path.lstrip('.')}: {self.message}" if path else self.message


@dataclass(slots=True)
class Placed:
    """A document's data and where its parts are."""

    data: Any = None
    lines: dict[Place, int] = field(default_factory=dict)
    blocks: set[Place] = field(default_factory=set)
    """Texts that begin on the line after their key."""
    problems: list[Problem] = field(default_factory=list)

    def line(self, problem: Problem) -> int:
        """The line of the problem's place, or of the nearest place around it."""
        place = problem.place
        while place not in self.lines and place:
            place = place[:-1]
        line = self.lines.get(place, 1)
        inside = problem.within.count("\n") + 1 if place in self.blocks and problem.within else 0
        return line + inside


class _Refused(ValueError):
    def __init__(self, message: str, line: int) -> None:
        super().__init__(message)
        self.line = line


def read_yaml(text: str, what: str) -> Placed:
    """The document, or problems: no anchors, no tags, no duplicate keys, one document, bounded in size."""
    placed = Placed()
    if len(text) > LONGEST:
        placed.problems.append(Problem((), f"a {what} has at most {LONGEST} characters"))
        return placed
    try:
        _refuse_characters(text)
        _refuse_events(text)
        loader = _LOADER(text)
        node = loader.get_single_node()
        if not isinstance(node, yaml.MappingNode):
            placed.problems.append(Problem((), f"a {what} is a mapping of keys, this is not"))
            return placed
        _walk(node, (), placed)
        placed.data = loader.construct_document(node)
    except (yaml.YAMLError, ValueError, OverflowError, RecursionError) as error:
        placed.data = None
        placed.lines[()] = _line_of(error)
        placed.problems.append(Problem((), f"not readable as YAML: {_short(error)}"))
    return placed


def _refuse_characters(text: str) -> None:
    found = Reader.NON_PRINTABLE.search(text)
    if found:
        line = text.count("\n", 0, found.start()) + 1
        raise _Refused(f"the character {found.group()!a} may not stand in a document", line)


def _refuse_events(text: str) -> None:
    """Refuses what would make a document mean or cost more than it shows, before anything is built."""
    depth = 0
    for number, event in enumerate(yaml.parse(text, Loader=_LOADER)):
        line = event.start_mark.line + 1 if event.start_mark else 1
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            raise _Refused("anchors and aliases are not allowed", line)
        if tag := getattr(event, "tag", None):
            raise _Refused(f"tags are not allowed, remove {str(tag)[:80]!r}", line)
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > DEEPEST:
            raise _Refused(f"nested deeper than {DEEPEST} levels", line)
        if number > MOST_NODES:
            raise _Refused(f"more than {MOST_NODES} values", line)


def _walk(node: yaml.Node, place: Place, placed: Placed) -> None:
    placed.lines.setdefault(place, node.start_mark.line + 1)
    if isinstance(node, yaml.MappingNode):
        _walk_mapping(node, place, placed)
    elif isinstance(node, yaml.SequenceNode):
        for number, item in enumerate(node.value):
            _walk(item, (*place, number), placed)
    elif isinstance(node, yaml.ScalarNode) and node.style in {"|", ">"}:
        placed.blocks.add(place)


def _walk_mapping(node: yaml.MappingNode, place: Place, placed: Placed) -> None:
    seen: set[Hashable] = set()
    for key, value in node.value:
        line = key.start_mark.line + 1
        if not isinstance(key, yaml.ScalarNode):
            raise _Refused("a key is a word, not a list or a mapping", line)
        if key.tag == "tag:yaml.org,2002:merge":
            raise _Refused("the merge key '<<' is not allowed; write the keys out", line)
        inner = (*place, str(key.value))
        if key.value in seen:
            placed.lines[(*inner, "")] = line
            placed.problems.append(Problem((*inner, ""), f"the key {key.value!r} is given twice"))
            continue
        seen.add(key.value)
        placed.lines[inner] = line
        _walk(value, inner, placed)


def _line_of(error: Exception) -> int:
    if isinstance(error, _Refused):
        return error.line
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    return mark.line + 1 if mark else 1


def _short(error: Exception) -> str:
    lines = str(getattr(error, "problem", None) or error).splitlines()
    return lines[0][:400] if lines else type(error).__name__

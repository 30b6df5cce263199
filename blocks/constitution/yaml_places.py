"""YAML read with the line of every key, so that a problem can say where it is."""

from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import Any

import yaml
from yaml.error import Mark

Place = tuple[str | int, ...]
LONGEST = 1_000_000


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


def read_yaml(text: str, what: str) -> Placed:
    """The document, or problems: no anchors, no duplicate keys, no tags, one document."""
    placed = Placed()
    if len(text) > LONGEST:
        placed.problems.append(Problem((), f"a {what} has at most {LONGEST} characters"))
        return placed
    try:
        _refuse_anchors(text)
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        if not isinstance(node, yaml.MappingNode):
            placed.problems.append(Problem((), f"a {what} is a mapping of keys, this is not"))
            return placed
        data = yaml.load(text, Loader=yaml.SafeLoader)
        _walk(node, (), placed)
        placed.data = data
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        placed.lines[()] = _line_of(error)
        placed.problems.append(Problem((), f"not readable as YAML: {_short(error)}"))
    return placed


def _refuse_anchors(text: str) -> None:
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            mark = event.start_mark if isinstance(event.start_mark, Mark) else None
            raise yaml.MarkedYAMLError(problem="anchors and aliases are not allowed", problem_mark=mark)


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
        inner = (*place, str(key.value))
        if key.value in seen:
            placed.lines[(*inner, "")] = key.start_mark.line + 1
            placed.problems.append(Problem((*inner, ""), f"the key {key.value!r} is given twice"))
            continue
        seen.add(key.value)
        placed.lines[inner] = key.start_mark.line + 1
        _walk(value, inner, placed)


def _line_of(error: Exception) -> int:
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    return mark.line + 1 if mark else 1


def _short(error: Exception) -> str:
    return getattr(error, "problem", None) or str(error).splitlines()[0]

"""Paths of facts, as authors write them and as flat variables."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass

from blocks.constitution import parser
from blocks.constitution.parser import Node
from blocks.constitution.types import DYN, Type

Path = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Fact:
    """A fact that is read, and what its stage says it is."""

    path: Path
    kind: Type

    def __str__(self) -> str:
        return written_path(self.path)


def path_of(node: Node) -> Path | None:
    """The path that a node names, if it is nothing but names, dots and written out keys."""
    if isinstance(node, parser.Name):
        return (node.name,)
    if isinstance(node, parser.Member):
        owner = path_of(node.owner)
        return None if owner is None else (*owner, node.name)
    if isinstance(node, parser.Index) and isinstance(node.key, parser.Literal) and node.key.kind == "string":
        owner = path_of(node.owner)
        return None if owner is None else (*owner, str(node.key.value))
    return None


def names(node: object, path: Path) -> bool:
    """Whether anything in the expression names the path."""
    if isinstance(node, tuple | list):
        return any(names(inner, path) for inner in node)
    if not is_dataclass(node) or isinstance(node, type):
        return False
    if isinstance(node, parser.Name | parser.Member | parser.Index) and path_of(node) == path:
        return True
    return any(names(getattr(node, part.name), path) for part in fields(node))


def kind_at(path: Path, variables: Mapping[str, Type]) -> Type:
    """The type of the fact at the path."""
    found = variables.get(path[0], DYN)
    for name in path[1:]:
        if found.is_record:
            found = dict(found.fields).get(name, DYN)
        else:
            found = found.inner[1] if found.name == "map" else DYN
    return found


def written_path(path: Path) -> str:
    """The path as an author would write it."""
    rest = "".join(f".{name}" if name.isidentifier() else f"[{json.dumps(name)}]" for name in path[1:])
    return f"{path[0]}{rest}"


def variable(path: Path) -> str:
    """The flat variable of a path; the lengths keep `a_b.c` and `a.b_c` apart."""
    return "_" + "_".join(_part(name) for name in path)


def _part(name: str) -> str:
    if name.isidentifier() and name.isascii():
        return f"{len(name)}{name}"
    return f"h{name.encode('utf-8', 'surrogatepass').hex()}"

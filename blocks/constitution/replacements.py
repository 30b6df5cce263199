"""What an article with the verdict `redact` puts in the place of arguments, such as a cheaper model."""

from collections.abc import Iterator, Mapping
from typing import Any

from blocks.constitution.checker import closest
from blocks.constitution.decisions import Decision, Stage
from blocks.constitution.types import BOOL, DOUBLE, DYN, INT, NULL, STRING, Type, comparable, list_of, map_of

STAGES: frozenset[Stage] = frozenset({"tool.call", "model.request"})
"""Where arguments are replaced before the body runs."""
_KINDS: Mapping[type, Type] = {
    str: STRING,
    bool: BOOL,
    int: INT,
    float: DOUBLE,
    type(None): NULL,
    list: list_of(DYN),
    dict: map_of(DYN),
}


class CannotReplace(Exception):
    """The action does not have the argument that an article replaces."""


def replacement_mistakes(replace: Mapping[str, Any], known: Mapping[str, Type]) -> Iterator[tuple[str, str]]:
    """Each path that the articles' actions do not have, or whose value is of another type, and why."""
    arguments = dict(known["task"].fields)["arguments"]
    for path, value in replace.items():
        name, *rest = path.split(".")
        if not all([name, *rest]):
            yield path, f"{path!r} is no path of an argument; write its name, or name.field"
        elif not arguments.fields:
            continue  # any arguments may be given
        elif name not in dict(arguments.fields):
            yield path, f"no argument {name!r}{closest(name, dict(arguments.fields))}"
        elif not rest and not comparable(_KINDS[type(value)], dict(arguments.fields)[name]):
            yield path, f"the argument {name!r} is a {dict(arguments.fields)[name]}, not {value!r}"


def replacements_in(decision: Decision) -> dict[str, Any]:
    """What the decision replaces: of two articles that replace the same argument, the first counts."""
    found: dict[str, Any] = {}
    for item in reversed(decision.articles):
        found.update(item.replace)
    return found


def with_replaced(arguments: Mapping[str, Any], replace: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments with these values in their places; `CannotReplace` where there is no such place."""
    changed = dict(arguments)
    for path, value in replace.items():
        *way, last = path.split(".")
        holder = changed
        for name in way:
            inner = holder.get(name)
            if not isinstance(inner, Mapping):
                raise CannotReplace(path)
            holder[name] = holder = dict(inner)
        if last not in holder:
            raise CannotReplace(path)
        holder[last] = value
    return changed

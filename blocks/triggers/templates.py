"""A blueprint's answers with parts of an event in them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from blocks.errors import BadInput

_MISSING = object()
_WORDS = frozenset({"$event", "default"})


@dataclass(frozen=True, kw_only=True)
class Filled:
    """The answers of one event."""

    inputs: dict[str, Any]
    outside: list[str]
    """The names of those that hold something of the event: nobody of the hub has said it."""


def fill(template: Mapping[str, Any], event: Mapping[str, Any]) -> Filled:
    """The template with the event's values in place of `{"$event": "dotted.path"}`.

    `BadInput` names each input for which the event has nothing, unless the reference has a `default`.
    """
    inputs, outside, problems = {}, [], []
    for name, value in template.items():
        try:
            inputs[name] = _filled(value, event)
        except LookupError as error:
            problems.append(f"inputs.{name}: the event has no {error.args[0]!r}")
        if speaks_of_event(value):
            outside.append(name)
    if problems:
        raise BadInput("; ".join(problems), problems=problems)
    return Filled(inputs=inputs, outside=outside)


def check_template(template: Mapping[str, Any]) -> None:
    """Raise `BadInput` for references that no event could fill."""
    problems = [
        f"inputs.{name}: {problem}"
        for name, value in template.items()
        for found in _references(value)
        if (problem := _problem(found))
    ]
    if problems:
        raise BadInput("; ".join(problems), problems=problems)


def speaks_of_event(value: Any) -> bool:
    """Whether something of the event stands in the value."""
    return bool(_references(value))


def _problem(reference: Mapping[str, Any]) -> str | None:
    path = reference["$event"]
    if unknown := set(reference) - _WORDS:
        return f"a reference has `$event` and `default`, not {', '.join(sorted(map(str, unknown)))}"
    if not isinstance(path, str) or (path and not all(path.split("."))):
        return f"$event takes a dotted path such as 'body.repository.url', not {path!r}"
    return None


def _references(value: Any) -> list[Mapping[str, Any]]:
    if isinstance(value, Mapping):
        if "$event" in value:
            return [value]
        return [found for item in value.values() for found in _references(item)]
    if isinstance(value, list):
        return [found for item in value for found in _references(item)]
    return []


def _filled(value: Any, event: Mapping[str, Any]) -> Any:
    if isinstance(value, Mapping):
        if "$event" in value:
            return _looked_up(value, event)
        return {name: _filled(item, event) for name, item in value.items()}
    if isinstance(value, list):
        return [_filled(item, event) for item in value]
    return value


def _looked_up(reference: Mapping[str, Any], event: Mapping[str, Any]) -> Any:
    found: Any = event
    for step in filter(None, str(reference["$event"]).split(".")):
        found = _step(found, step)
        if found is _MISSING:
            if "default" in reference:
                return reference["default"]
            raise LookupError(reference["$event"])
    return found


def _step(value: Any, name: str) -> Any:
    if isinstance(value, Mapping):
        return value.get(name, _MISSING)
    if isinstance(value, list) and name.isdecimal() and int(name) < len(value):
        return value[int(name)]
    return _MISSING

"""Changing what is asked about before agreeing to it: what may be changed, and what is then agreed to."""

import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import rfc8785

from blocks.errors import BadInput
from blocks.plain import digest

LARGEST = 200_000
"""Characters of the changed arguments as JSON."""
_REFERENCE = re.compile(r"^\$")


@dataclass(frozen=True, kw_only=True, slots=True)
class Edit:
    """A call that people agreed to otherwise than it was asked about."""

    arguments: Mapping[str, Any]
    """Those to be taken instead, by name."""
    digest: str
    """What the call is then."""
    by: tuple[str, ...]


def tool_digest(stage: str, action: str, arguments: Any, project: str | None, node: str | None) -> str:
    """What an approval of an action is bound to: exactly these arguments, in this node."""
    told = {"stage": stage, "action": action, "arguments": arguments, "project": project, "node": node}
    return digest(told)


def edited_digest(offered: Mapping[str, Any], asked: str, edits: Mapping[str, Any]) -> str:
    """What is agreed to when these arguments are changed; `asked` is the digest of the question."""
    if offered["kind"] == "tool":
        arguments = {**offered["arguments"], **edits}
        return tool_digest(
            offered["stage"], offered["action"], arguments, offered["project"], offered["node"]
        )
    return "sha256:" + hashlib.sha256(rfc8785.dumps({"asked": asked, "inputs": dict(edits)})).hexdigest()


def check_edits(offered: Mapping[str, Any] | None, edits: Mapping[str, Any]) -> None:
    """`BadInput` that says why these arguments cannot be taken instead of those that were asked about."""
    if not offered:
        raise BadInput("this question has no arguments that can be changed", mend="ask for changes instead")
    if offered.get("masked"):
        raise BadInput("some arguments are secret, so nobody sees what the changed call would be")
    known = offered["schema"]
    for name, value in edits.items():
        if name not in known:
            raise BadInput(f"there is no argument {name!r} to change; there are {', '.join(sorted(known))}")
        if any(map(_REFERENCE.match, _keys(value))):
            raise BadInput(f"{name}: a person gives plain values; names that begin with $ are references")
        if (problem := _misfit(value, known[name])) is not None:
            raise BadInput(f"{name}: {problem}")
    if len(str(edits)) > LARGEST:
        raise BadInput(f"the changed arguments are larger than {LARGEST} characters")


def _misfit(value: Any, schema: Mapping[str, Any]) -> str | None:
    from jsonschema import Draft202012Validator  # noqa: PLC0415  # slow to import, and few answers change anything

    found = next(iter(Draft202012Validator(schema).iter_errors(value)), None)
    if found is None:
        return None
    place = ".".join(map(str, found.absolute_path))
    return f"{place}: {found.message[:300]}" if place else str(found.message)[:300]


def _keys(value: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        for name, inner in value.items():
            yield str(name)
            yield from _keys(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _keys(inner)

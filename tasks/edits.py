"""Calls that people have agreed to with other arguments: what they may change, and the changed call."""

import inspect
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pydantic import TypeAdapter

from blocks.constitution.detectors.secrets import has_secret, redacted
from blocks.context import RunContext, current
from blocks.editing import Edit, tool_digest
from blocks.errors import PolicyDenied
from blocks.plain import plain

if TYPE_CHECKING:
    from tasks.sealing import Seal

LONGEST = 100_000
"""Characters of the arguments that are shown with a question."""
_GATHERING = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)


def offered_call(seal: "Seal", arguments: Mapping[str, Any]) -> dict[str, Any] | None:
    """What people are shown of a call, and which of its arguments they may change to what."""
    context, shown = current(), plain(dict(arguments))
    if context is None or len(str(shown)) > LONGEST:
        return None
    return {
        "kind": "tool",
        "stage": seal.stage,
        "action": seal.action,
        "arguments": plain(redacted(shown)),
        "masked": has_secret(shown),
        "schema": _schemas(seal.signature),
        "project": context.project,
        "node": context.node,
    }


def agreed_edit(seal: "Seal", arguments: Mapping[str, Any]) -> Edit | None:
    """What people want this call to be instead, if they do."""
    context = current()
    if context is None or not context.edits:
        return None
    return context.edits.get(_digest(seal, arguments, context))


def edited(seal: "Seal", arguments: Mapping[str, Any], edit: Edit) -> dict[str, Any]:
    """The arguments as people agreed to them, and a note in the log of what they stand for.

    `PolicyDenied` when they do not make exactly the call that was agreed to: the tool has changed since.
    """
    context = current()
    if context is None:
        raise PolicyDenied("there is no run context: nobody says who acts, and for whom")
    asked = _digest(seal, arguments, context)
    merged = dict(arguments)
    for name, value in edit.arguments.items():
        merged[name] = _typed(seal.signature, name, value)
    if _digest(seal, merged, context) != edit.digest:
        raise PolicyDenied(
            f"the arguments that {', '.join(edit.by)} agreed to do not make the same call of {seal.action}",
            mend="the tool takes other arguments than when people were asked; do the node again",
        )
    context.trail.trust(dict(edit.arguments))
    context.audit.note(
        "approval",
        context.tenant,
        event="replaced",
        project=context.project,
        node=context.node,
        stage=seal.stage,
        action=seal.action,
        digest=asked,
        edited_digest=edit.digest,
        by=list(edit.by),
    )
    return merged


def _digest(seal: "Seal", arguments: Mapping[str, Any], context: RunContext) -> str:
    return tool_digest(seal.stage, seal.action, arguments, context.project, context.node)


def _schemas(signature: inspect.Signature) -> dict[str, Any]:
    """JSON Schemas of the arguments that can be given as JSON."""
    found: dict[str, Any] = {}
    for name, parameter in signature.parameters.items():
        if parameter.kind in _GATHERING:
            continue
        try:
            found[name] = _adapter(parameter).json_schema()
        except Exception:  # noqa: BLE001, S112  # an argument of no type that JSON knows cannot be changed
            continue
    return found


def _adapter(parameter: inspect.Parameter) -> TypeAdapter[Any]:
    kind = Any if parameter.annotation is inspect.Parameter.empty else parameter.annotation
    return TypeAdapter(kind)


def _typed(signature: inspect.Signature, name: str, value: Any) -> Any:
    """The value as the type that the function declares; what runs must be what was shown."""
    try:
        typed = _adapter(signature.parameters[name]).validate_json(json.dumps(value), strict=True)
    except (KeyError, ValueError) as error:
        raise PolicyDenied(f"the argument {name!r} that people agreed to does not fit: {error}") from None
    if plain(typed) != plain(value):
        raise PolicyDenied(f"the argument {name!r} that people agreed to would be another than they saw")
    return typed

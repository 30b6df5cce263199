"""Idempotency keys: by which a tool tells a call that is made again from another one.

A run that dies after its tool has done something is tried again, and the tool is called again: nobody can
know whether the first call arrived. Given to a service that takes such keys, or kept beside what was done,
the key lets the second call find what the first has left.
"""

import hashlib
from collections.abc import Mapping
from contextvars import ContextVar
from typing import Any

from blocks.constitution.decisions import Stage
from blocks.context import RunContext
from blocks.errors import SomaError
from blocks.plain import digest

PARAMETER = "idempotency_key"
"""A governed function with a parameter of this name, and None as its default, is given the key."""


class CallKey:
    """The key of one governed call, worked out when it is first asked for."""

    __slots__ = ("_arguments", "_call", "_context", "_key", "_run")

    def __init__(
        self,
        context: RunContext | None,
        call: tuple[Stage, str],
        arguments: Mapping[str, Any],
        run: str | None = None,
    ) -> None:
        self._context = context
        self._call = call
        self._arguments = dict(arguments)  # as they were asked for, whatever becomes of them
        self._run = run
        self._key: str | None = None

    def __call__(self) -> str:
        """The key; the same for the same call in every attempt of one generation of its node."""
        if self._key is None:
            self._key = _key(self._context, self._call, self._arguments, self._run)
        return self._key


def idempotency_key() -> str:
    """The key of the governed call whose body asks; `SomaError` outside of one.

    It is the same when the node is tried again and another one for other arguments, for a second equal
    call, and when a person has the node done anew. Ask before changing an argument.
    """
    present = _present.get()
    if present is None:
        raise SomaError("there is no idempotency key here: ask inside of the body of a governed task")
    return present()


def set_call(key: CallKey | None) -> CallKey | None:
    """From here on `idempotency_key` answers with this; returns what it answered with before."""
    before = _present.get()
    _present.set(key)
    return before


def _key(
    context: RunContext | None, call: tuple[Stage, str], arguments: Mapping[str, Any], run: str | None
) -> str:
    stage, action = call
    asked = {name: value for name, value in arguments.items() if name != PARAMETER}
    told = digest({"stage": stage, "action": action, "arguments": asked})
    if context is None:
        return hashlib.sha256(told.encode()).hexdigest()
    number = context.calls.number(told, run)
    place = (context.project or f"no project {id(context.calls)}", context.node, context.generation)
    return hashlib.sha256("\0".join(map(str, (*place, told, number))).encode()).hexdigest()


_present: ContextVar[CallKey | None] = ContextVar("soma_call_key", default=None)

"""Holding a server to what it told of its tools when they were accepted.

A description is read by a model, so a server that changes one after people have looked at it can give orders.
The digest covers all that a model is told: name, description and schema.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from blocks.mcp.talking import ServerTool
from blocks.plain import digest


@dataclass(frozen=True, kw_only=True)
class Drift:
    """How what a server tells differs from what was accepted."""

    new: list[str]
    changed: list[str]
    gone: list[str]

    @property
    def any(self) -> bool:
        return bool(self.new or self.changed or self.gone)


def pin_of(tool: ServerTool) -> str:
    """The digest of all that a model is told of the tool."""
    return digest({"name": tool.name, "description": tool.description, "schema": tool.schema})


def pins_of(tools: Iterable[ServerTool]) -> dict[str, str]:
    return {tool.name: pin_of(tool) for tool in tools}


def drift(tools: Iterable[ServerTool], pins: Mapping[str, str]) -> Drift:
    told = pins_of(tools)
    return Drift(
        new=sorted(told.keys() - pins.keys()),
        changed=sorted(name for name in told.keys() & pins.keys() if told[name] != pins[name]),
        gone=sorted(pins.keys() - told.keys()),
    )

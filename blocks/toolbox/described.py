"""What a tool is called, what it does and what it takes: all that models, plans and people are told of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

from jsonschema import Draft202012Validator

from blocks.errors import BadInput

Schema = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Described:
    """A tool as it is told of; who runs it is another matter."""

    name: str
    description: str
    parameters: Schema
    """The JSON Schema of its arguments, an object that names every one of them."""
    isolated: bool = False
    """Whether what it runs is shut into the sandbox, or not run at all."""
    labels: tuple[str, ...] = ("tool_output",)
    """What its answers are labelled with."""
    needs: tuple[str, ...] = ()
    """What must be there for it to work: `sandbox`, `git`, `web`."""

    def check(self, arguments: Any) -> dict[str, Any]:
        """The arguments if they fit, else `BadInput` that says of each one what is wrong with it."""
        if not isinstance(arguments, Mapping):
            raise BadInput(f"the arguments of {self.name} are a map of names to values")
        given = dict(arguments)
        found = list(islice(Draft202012Validator(self.parameters).iter_errors(given), 5))
        if found:
            lines = [
                f"{'.'.join(map(str, item.path)) or 'arguments'}: {item.message[:200]}" for item in found
            ]
            raise BadInput(f"the arguments of {self.name} do not fit: {'; '.join(lines)}", problems=lines)
        return given


def takes(*required: str, **properties: Mapping[str, Any]) -> dict[str, Any]:
    """The schema of arguments: those that must be there, and all that may be, by name."""
    return {
        "type": "object",
        "properties": dict(properties),
        "required": list(required),
        "additionalProperties": False,
    }


def text(description: str, *, longest: int = 4096, **more: Any) -> dict[str, Any]:
    """A text of at most so many characters."""
    return {"type": "string", "description": description, "maxLength": longest, **more}


def whole(description: str, least: int, most: int, default: int) -> dict[str, Any]:
    """A whole number within bounds."""
    return {
        "type": "integer",
        "description": description,
        "minimum": least,
        "maximum": most,
        "default": default,
    }


def flag(description: str, *, default: bool = False) -> dict[str, Any]:
    """Yes or no."""
    return {"type": "boolean", "description": description, "default": default}

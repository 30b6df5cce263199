"""The inputs of a capsule as they are typed: `NAME=VALUE`, read as the manifest's types."""

import json
from typing import Any

from blocks.errors import BadInput
from capsules.manifest import Manifest, Parameter
from capsules.outputs import JSON_TYPES


def read_inputs(manifest: Manifest, given: list[str], document: dict[str, Any]) -> dict[str, Any]:
    """The inputs that the capsule is run with, or a `BadInput` that names every wrong one."""
    inputs, problems = dict(document), []
    for pair in given:
        name, separator, text = pair.partition("=")
        if not separator or not name:
            problems.append(f"--input takes NAME=VALUE, not {pair!r}")
        elif name in inputs:
            problems.append(f"{name}: is given twice")
        else:
            inputs[name] = _read(manifest.inputs.get(name), text)
    problems += [problem for name in inputs if (problem := _problem(manifest, name, inputs[name]))]
    problems += [
        f"{name}: is missing ({parameter.type}); add --input {name}=…"
        for name, parameter in manifest.inputs.items()
        if parameter.required and name not in inputs
    ]
    if problems:
        raise BadInput(f"inputs of {manifest.name}: " + "; ".join(problems), problems=problems)
    return inputs


def _read(parameter: Parameter | None, text: str) -> Any:
    """The value that was meant: text stays text, all other types are written as JSON."""
    if parameter is None or parameter.type == "string":
        return text
    try:
        return json.loads(text)
    except ValueError:
        return text


def _problem(manifest: Manifest, name: str, value: Any) -> str | None:
    parameter = manifest.inputs.get(name)
    if parameter is None:
        return f"{name}: there is no such input; there are: {', '.join(manifest.inputs) or 'none'}"
    fits = isinstance(value, JSON_TYPES[parameter.type])
    if isinstance(value, bool) and parameter.type != "boolean":
        fits = False
    if not fits:
        return f"{name}: takes a JSON {parameter.type}, not {value!r}"
    if parameter.enum is not None and value not in parameter.enum:
        return f"{name}: is one of {', '.join(map(repr, parameter.enum))}, not {value!r}"
    return None

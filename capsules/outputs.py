"""Outputs: what a capsule returned, as the JSON object that its manifest declares."""

from typing import Any

from pydantic import TypeAdapter

from blocks.errors import SomaError
from capsules.manifest import Manifest


def outputs_of(manifest: Manifest, output: Any) -> dict[str, Any]:
    """The output as a JSON object with the names that the manifest declares.

    A capsule with one output may return the value itself; otherwise it returns a model or mapping
    with the declared names. Raises `SomaError` when it returned something else.
    """
    document = TypeAdapter(Any).dump_python(output, mode="json", by_alias=True)
    names = list(manifest.outputs)
    if not (isinstance(document, dict) and set(document) == set(names)):
        if len(names) != 1:
            raise SomaError(f"capsule {manifest.name!r} declares the outputs {names} but returned others")
        document = {names[0]: document}
    for name, parameter in manifest.outputs.items():
        if not isinstance(document[name], JSON_TYPES[parameter.type]):
            raise SomaError(f"capsule {manifest.name!r}: output {name!r} is not of type {parameter.type}")
    return document


JSON_TYPES: dict[str, type | tuple[type, ...]] = {
    "string": str,
    "integer": int,
    "number": (int, float),
    "boolean": bool,
    "object": dict,
    "array": list,
}

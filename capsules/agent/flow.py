"""An agent's manifest becomes a Prefect flow like any other capsule's."""

import inspect
from functools import cache
from pathlib import Path
from typing import Any, Literal

from capsules.capsule import Body, CapsuleFlow, capsule_flow
from capsules.manifest import Manifest, Parameter, TypeName, read_manifest

TYPES: dict[TypeName, Any] = {
    "string": str,
    "integer": int,
    "number": float,
    "boolean": bool,
    "object": dict[str, Any],
    "array": list[Any],
}


@cache
def agent_flow(folder: Path) -> CapsuleFlow:
    """The flow of the agent whose `capsule.yaml` lies in the folder."""
    manifest = read_manifest(folder / "capsule.yaml")
    return capsule_flow(_body(manifest, folder), manifest, folder)


def _body(manifest: Manifest, folder: Path) -> Body:
    async def agent(**inputs: Any) -> dict[str, Any]:
        # Pydantic AI and the providers' clients take seconds to import; only a run of an agent needs them.
        from capsules.agent.pydantic_side.running import run_agent  # noqa: PLC0415

        return await run_agent(manifest, folder, inputs)

    agent.__name__ = agent.__qualname__ = manifest.name.replace("-", "_")
    agent.__module__ = "capsules.agent.deployed"
    agent.__doc__ = manifest.summary
    vars(agent)["__signature__"] = _signature(manifest)
    return agent


def _signature(manifest: Manifest) -> inspect.Signature:
    """The manifest's inputs as the parameters of a function, those without a default first."""
    parameters = [
        inspect.Parameter(
            name,
            inspect.Parameter.KEYWORD_ONLY,
            annotation=_annotation(given),
            default=inspect.Parameter.empty if given.required else given.default,
        )
        for name, given in manifest.inputs.items()
    ]
    return inspect.Signature(parameters, return_annotation=dict[str, Any])


def _annotation(given: Parameter) -> Any:
    if given.enum:
        return Literal[tuple(given.enum)]
    kind = TYPES[given.type]
    return kind if given.required or given.default is not None else kind | None

"""What the constitution is told of a node and of a capsule: the same before a launch as at the run."""

from collections.abc import Mapping
from typing import Any

from blocks.context import Authority
from capsules.manifest import Manifest
from capsules.plan import PlanNode


def step_facts(node: PlanNode) -> dict[str, Any]:
    """What it is told of a node before the node starts."""
    return {"node": {"id": node.id, "runtime": node.runtime}}


def start_facts(manifest: Manifest, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """What it is told of a capsule before its body runs."""
    return {
        "capsule": {
            "name": manifest.name,
            "version": manifest.version,
            "owner": manifest.owner,
            "runtime": manifest.runtime.kind,
            "tools": sorted(manifest.tools),
            "memory": sorted(manifest.memory),
            "inputs": arguments,
        }
    }


def authority_of(node: PlanNode) -> Authority:
    """What the plan lets the node do."""
    return Authority(
        tools=node.authority.tools, memory=frozenset(node.authority.memory), budget=node.authority.budget
    )


def capsule_fields(manifest: Manifest, digest: str) -> dict[str, Any]:
    """What a context says about the capsule that runs."""
    return {
        "capsule": manifest.name,
        "capsule_version": manifest.version,
        "capsule_owner": manifest.owner,
        "capsule_digest": digest,
    }

"""What a node takes in before its body begins: the request, and the results of other nodes.

A result keeps the labels of all that its node had taken in when it was made. They lie beside the result's
address in the ledger, so they reach a node in another process and a later attempt; which part of the result
came from where is not kept, so all of it carries all of them.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from blocks.provenance.trail import Trail
from blocks.records.tables import NodeRecord, Project
from capsules.plan import PlanNode
from capsules.references import bound_results, sources

RESULT = "tool_output"
"""What every result of another node is, whatever else."""
_OF_THE_REQUEST = frozenset({"request"})
_QUOTING = frozenset({"refused"})
"""Facts of the driver that quote what nodes have said; its other facts are the hub's own words."""


def labelled(reference: Mapping[str, Any], trail: Trail) -> dict[str, Any]:
    """The reference to a result, with the labels of what its node had taken in."""
    return {**reference, "labels": sorted(trail.seen - _OF_THE_REQUEST)}


def take_request(trail: Trail, project: Project) -> None:
    """Take the request in: the project's inputs are trusted, but those that came from an event."""
    origin = project.origin or {}
    outside = set(origin.get("untrusted") or ())
    for name in sorted(outside & set(project.inputs)):
        trail.distrust(project.inputs[name], origin.get("labels") or ("event",), f"event:{name}")
    trail.trust({name: value for name, value in project.inputs.items() if name not in outside})


def take_inputs(
    trail: Trail, node: PlanNode | None, lines: Mapping[str, NodeRecord], arguments: Mapping[str, Any]
) -> None:
    """Take the inputs of a node in: those the plan spells out are trusted, results carry their labels."""
    if node is None:
        return
    for name, value in arguments.items():
        spec = node.inputs.get(name)
        givers, bound = sources(spec), list(bound_results(spec))
        if givers or bound:
            trail.take(value, _labels(givers, lines).union(*(item.get("labels", ()) for item in bound)), name)
        elif facts_in(spec) & _QUOTING:
            trail.take(value, {RESULT, "text"}, name)
        else:
            trail.trust(value)


def facts_in(spec: Any) -> set[str]:
    """The names of the driver's facts that an input asks for."""
    if isinstance(spec, dict):
        if set(spec) == {"$fact"}:
            return {str(spec["$fact"])}
        return set().union(*map(facts_in, spec.values()))
    return set().union(*map(facts_in, spec)) if isinstance(spec, list) else set()


def _labels(givers: Iterable[str], lines: Mapping[str, NodeRecord]) -> set[str]:
    found = {RESULT}
    for giver in givers:
        line = lines.get(giver)
        found.update((line.result or {}).get("labels", ()) if line is not None else ())
    return found

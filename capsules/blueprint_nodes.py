"""Nodes of a recipe, and the nodes of a plan that they become once the questions are answered."""

from typing import Any

from capsules.catalogue import find_capsule
from capsules.manifest import Name, Strict
from capsules.node import RetryPolicy, Undo
from capsules.plan import ApprovalSpec, NodeAuthority, PlanNode
from capsules.runtime import planned_kind


class Step(Strict):
    """A node of the recipe: as in a plan, with `{"$answer": "question"}` where an answer goes."""

    id: str
    capsule: Name
    title: str
    needs: list[str] = []
    tolerates: list[str] = []
    inputs: dict[str, Any] = {}
    tools: list[str] | None = None
    """Fewer tools than the capsule declares; all of them unless given."""
    approval: ApprovalSpec | None = None
    each: Any = None
    """As in a plan, like all that follow; of `{"$answer": "question"}`, each line of the answer."""
    parallel: int | None = None
    may_fail: int = 0
    expand: str | None = None
    when: str | None = None
    at_least: int | None = None
    timeout: float | None = None
    priority: int = 0
    resources: list[str] = []
    retry: RetryPolicy | None = None
    undo: Undo | None = None


def planned(step: Step, answers: dict[str, Any]) -> PlanNode:
    """The node of the plan that these answers give; its authority is frozen here."""
    manifest = find_capsule(step.capsule).manifest
    tools = manifest.tools if step.tools is None else {name: manifest.tools[name] for name in step.tools}
    return PlanNode(
        id=step.id,
        title=step.title,
        capsule=manifest.name,
        version=manifest.version,
        inputs=_fill(step.inputs, answers),
        needs=step.needs,
        tolerates=step.tolerates,
        authority=NodeAuthority(tools=tools, memory=list(manifest.memory), budget=manifest.budget.limits()),
        runtime=planned_kind(manifest.runtime),
        attempts=manifest.runtime.attempts,
        approval=step.approval,
        **{name: getattr(step, name) for name in PlanNode.later - {"each", "undo"}},
        each=_each(step.each, answers),
        undo=step.undo and step.undo.model_copy(update={"inputs": _fill(step.undo.inputs, answers)}),
    )


def _each(each: Any, answers: dict[str, Any]) -> Any:
    """The list to go over; of a text that somebody has answered, its lines."""
    filled = _fill(each, answers)
    if isinstance(filled, str):
        return [line.strip() for line in filled.splitlines() if line.strip()]
    return [] if filled is None and each is not None else filled


def _fill(value: Any, answers: dict[str, Any]) -> Any:
    if isinstance(value, dict):
        if set(value) == {"$answer"}:
            return answers[value["$answer"]]
        return {name: _fill(item, answers) for name, item in value.items()}
    if isinstance(value, list):
        return [_fill(item, answers) for item in value]
    return value

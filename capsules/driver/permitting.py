"""Whether a node that is ready may start: its condition, the people, and the constitution."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from blocks.context import running
from blocks.errors import ApprovalNeeded, PolicyDenied
from blocks.records.agreements import agreed_actions
from blocks.records.tables import NodeState, Project
from capsules.driver.asking import answer, ask_for_constitution
from capsules.driver.conditions import unmet
from capsules.driver.facts import planned_context
from capsules.driver.standing import Standing
from capsules.environment import Environment
from capsules.history import with_history
from capsules.plan import PlanNode
from capsules.planned_facts import step_facts
from tasks.governed import decide


@dataclass(frozen=True, kw_only=True)
class Permit:
    """What came of asking."""

    state: NodeState | None = None
    """Where the node goes instead of starting."""
    reason: str | None = None
    inputs: Mapping[str, Any] = field(default_factory=dict)
    """Those that people want instead of the planned ones."""


async def permit(opened: Environment, project: Project, node: PlanNode, standing: Standing) -> Permit:
    """Ask the node's condition, people where they are to be asked, and the constitution."""
    if (stopped := await unmet(opened, project, node, standing)) is not None:
        return Permit(state=stopped[0], reason=stopped[1])
    changed: Mapping[str, Any] = {}
    line = standing.lines[node.id]
    if node.approval is not None or line.state == "awaiting_approval" or line.attempt:
        said = await answer(opened, project, node, standing)
        if said.verdict == "wait":
            return Permit(state="awaiting_approval", reason=said.reason)
        if said.verdict == "no":
            return Permit(state="denied", reason=said.reason)
        changed = said.inputs
    try:
        await _decide(opened, project, node)
    except PolicyDenied as denied:
        return Permit(state="denied", reason=denied.message)
    except ApprovalNeeded as needed:
        await ask_for_constitution(opened, project, node, needed)
        return Permit(state="awaiting_approval", reason=needed.message)
    return Permit(inputs=changed)


async def _decide(opened: Environment, project: Project, node: PlanNode) -> None:
    context = planned_context(opened, project, node)
    agreed = await agreed_actions(opened.database, project.id)
    with running(await with_history(opened, replace(context, approved=agreed))):
        await decide("plan.node", node.capsule, step_facts(node))

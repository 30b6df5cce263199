"""What launching would do: the plan as nodes and edges, what each may touch, what the constitution says."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from blocks.constitution.constitution import Constitution
from blocks.constitution.decisions import Stage
from blocks.context import RunContext
from blocks.identity import Principal
from blocks.records.tables import Project
from capsules.blueprint import Blueprint
from capsules.catalogue import CatalogueEntry, find_capsule
from capsules.environment import project_facts
from capsules.forecasting import forecast
from capsules.plan import Plan, PlanNode, launch_facts
from capsules.planned_facts import authority_of, capsule_fields, start_facts, step_facts
from ui.gateway.hub import Hub
from ui.gateway.lacking import what_lacks
from ui.gateway.permits import asker
from ui.gateway.planning import planned
from ui.wire_intake import Edge, Forecast, PlannedApproval, PlannedNode, Preview

Facts = Mapping[str, Any]
NOTHING: Facts = {}
UNKNOWN = "prj_preview"
"""What stands for the id of a project that does not exist."""


@dataclass(frozen=True, kw_only=True)
class Eyes:
    """The constitution in force, and in whose name it is asked."""

    constitution: Constitution
    context: RunContext

    def see(self, stage: Stage, name: str, facts: Facts, arguments: Facts = NOTHING) -> Forecast:
        """What it will say to the action, as far as that is known."""
        action = self.context.action(stage, name, facts, arguments)
        return Forecast.model_validate(forecast(self.constitution, action))


async def preview(
    hub: Hub, principal: Principal, blueprint: Blueprint, answers: dict[str, Any], title: str | None
) -> Preview:
    """Nothing is recorded and nothing runs; `BadInput` names each answer that is wrong or missing."""
    project, plan = planned(blueprint, answers, principal, title=title, project=UNKNOWN)
    facts = project_facts(hub.settings, project)
    context = asker(
        hub, principal, project=UNKNOWN, project_facts=facts, environment=hub.settings.environment
    )
    context.trail.trust(project.inputs)
    found = await asyncio.to_thread(_preview, context, project, plan)
    lacking = await what_lacks(hub.settings, principal.tenant, plan)
    return found.model_copy(update={"warnings": lacking})


def _preview(context: RunContext, project: Project, plan: Plan) -> Preview:
    eyes = Eyes(constitution=context.constitution.current(), context=context)
    launch = launch_facts(project)
    return Preview(
        blueprint=plan.blueprint,
        blueprint_version=plan.blueprint_version,
        title=project.title,
        plan_digest=plan.digest,
        inputs=project.inputs,
        nodes=[_node(eyes, node) for node in plan.nodes],
        edges=[
            Edge(source=need, target=node.id, tolerated=need in node.tolerates)
            for node in plan.nodes
            for need in node.needs
        ],
        launch=eyes.see("project.launch", project.blueprint, launch, launch["launch"]),
        constitution=f"{eyes.constitution.name} {eyes.constitution.version}",
        budget=dict(plan.budget),
        deadline=plan.deadline,
        warnings=[],
    )


def _node(eyes: Eyes, node: PlanNode) -> PlannedNode:
    entry = find_capsule(node.capsule)
    return PlannedNode(
        id=node.id,
        title=node.title,
        capsule=node.capsule,
        version=node.version,
        summary=entry.manifest.summary,
        needs=node.needs,
        tolerates=node.tolerates,
        runtime=node.runtime,
        tools=node.authority.tools,
        memory=node.authority.memory,
        budget=node.authority.budget,
        timeout=node.timeout,
        attempts=node.policy.attempts,
        when=node.when,
        becomes=_becomes(node),
        approval=_approval(node),
        forecasts=_forecasts(eyes, node, entry),
    )


def _becomes(node: PlanNode) -> Literal["itself", "one for each item", "what it plans"]:
    if node.each is not None:
        return "one for each item"
    return "itself" if node.expand is None else "what it plans"


def _approval(node: PlanNode) -> PlannedApproval | None:
    asked = node.approval
    if asked is None:
        return None
    return PlannedApproval(question=asked.question, who=asked.who, quorum=asked.quorum, expires=asked.expires)


def _forecasts(eyes: Eyes, node: PlanNode, entry: CatalogueEntry) -> list[Forecast]:
    """Planning the node in the name of who asks, then what its capsule does in the capsule's own."""
    fields = {**capsule_fields(entry.manifest, entry.digest), "authority": authority_of(node)}
    planning = replace(eyes.context, node=node.id, runtime=node.runtime, **fields)
    agent = Principal(
        tenant=planning.tenant,
        name=f"{node.capsule}@{planning.project}",
        kind="agent",
        on_behalf_of=planning.principal.name,
    )
    before = replace(eyes, context=planning)
    inside = replace(eyes, context=replace(planning, principal=agent))
    return [
        before.see("plan.node", node.capsule, step_facts(node)),
        inside.see("capsule.start", node.capsule, start_facts(entry.manifest, {})),
        *(
            inside.see("tool.call", tool, {"tool": {"name": tool, "arguments": {}}})
            for tool in node.authority.tools
        ),
        *([inside.see("model.request", "model.request", {})] if entry.manifest.agent else []),
    ]

"""One node of a project with all that is known of it."""

import asyncio
import json
from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter

from blocks.records.audit_tables import AuditRecord
from blocks.records.looking import read_nodes
from blocks.records.node_history import NodeHistory, read_node
from blocks.records.tables import Attempt, NodeRecord
from blocks.results import ResultStore
from capsules.references import sources
from ui.gateway.auth import CurrentPrincipal
from ui.gateway.hub import CurrentHub, Hub
from ui.gateway.node_values import Showing
from ui.wire_intake import NodeAttempt, NodeDecision, NodeDetail

router = APIRouter(prefix="/v1/projects/{project}/nodes", tags=["projects"])


@router.get("/{node}")
async def show_node(project: str, node: str, hub: CurrentHub, principal: CurrentPrincipal) -> NodeDetail:
    """Inputs, outputs, attempts and decisions of a node, and its run in Prefect's own pages."""
    await hub.audit.flush()
    found = await read_node(hub.database, project, node, tenant=principal.tenant)
    spec = _spec(found)
    givers = sources([spec.get("inputs"), spec.get("each")])
    lines = {line.node: line for line in await read_nodes(hub.database, project, givers)} if givers else {}
    return await asyncio.to_thread(_detail, hub, found, spec, lines)


def _spec(found: NodeHistory) -> dict[str, Any]:
    """The node as in a plan, with the inputs that people wanted instead."""
    planned: dict[str, Any] = next(
        (node for node in found.project.plan.get("nodes", []) if node.get("id") == found.line.node), {}
    )
    spec: dict[str, Any] = found.line.spec or planned
    changed = {
        name: value
        for item in found.approvals
        if item.state == "approved" and item.edited and (item.offered or {}).get("kind") == "node"
        for name, value in item.edited.items()
    }
    return {**spec, "inputs": {**spec.get("inputs", {}), **changed}}


def _detail(
    hub: Hub, found: NodeHistory, spec: Mapping[str, Any], lines: Mapping[str, NodeRecord]
) -> NodeDetail:
    line = found.line
    showing = Showing(lines, ResultStore(hub.settings.results_path).fetch)
    attempts = [_attempt(hub, attempt) for attempt in found.attempts]
    told = {
        **line.model_dump(),
        "needs": spec.get("needs", []),
        "inputs": showing.inputs(spec["inputs"]),
        "outputs": showing.result(line.result) if line.state == "completed" and line.result else None,
        "cut": showing.cut,
        "authority": spec.get("authority", {}),
        "attempts": attempts,
        "decisions": [_decision(record, found.outcomes.get(record.id)) for record in found.decisions],
        "run_url": next((item.run_url for item in attempts if item.run_url), None),
    }
    return NodeDetail.model_validate(told)


def _attempt(hub: Hub, attempt: Attempt) -> NodeAttempt:
    pages = hub.settings.prefect_api_url.rstrip("/").removesuffix("/api")
    run_url = f"{pages}/runs/flow-run/{attempt.flow_run}" if attempt.flow_run else None
    return NodeAttempt.model_validate({**attempt.model_dump(), "run_url": run_url})


def _decision(record: AuditRecord, outcome: AuditRecord | None) -> NodeDecision:
    said = json.loads(record.record)
    return NodeDecision(
        id=record.id,
        at=str(said["at"]),
        stage=str(record.stage),
        action=str(record.action),
        verdict=str(record.verdict),
        articles=said.get("articles", []),
        attempt=said.get("attempt"),
        outcome=json.loads(outcome.record).get("outcome") if outcome is not None else None,
    )

"""Asking people: what a node waits for, bound to the digest of exactly what it will do."""

import hashlib
from dataclasses import dataclass
from typing import Any, Literal

import rfc8785

from blocks.errors import ApprovalNeeded
from blocks.records.approvals import ask, list_approvals
from blocks.records.projects import hold
from blocks.records.tables import Approval, Project
from capsules.binding import bind, resolve
from capsules.driver.standing import Standing
from capsules.environment import Environment
from capsules.plan import PlanNode


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What people have said about a node so far."""

    verdict: Literal["go", "wait", "no"]
    reason: str | None = None


async def answer(opened: Environment, project: Project, node: PlanNode, standing: Standing) -> Answer:
    """Look up what was answered, asking first if the plan wants people asked and nobody was yet."""
    given = [
        item for item in await list_approvals(opened.database, project=project.id) if item.node == node.id
    ]
    if node.approval is not None:
        digest = action_digest(project, node, standing)
        if all(item.action_digest != digest for item in given):
            given.append(await _ask_planned(opened, project, node, standing, digest))
        question = node.approval.question
        given = [item for item in given if item.action_digest == digest or item.question != question]
    for item in given:
        if item.state in {"rejected", "expired"}:
            return Answer(verdict="no", reason=refusal(item))
    pending = next((item for item in given if item.state == "pending"), None)
    if pending is not None:
        return Answer(verdict="wait", reason=pending.question)
    return Answer(verdict="go")


async def ask_for_constitution(
    opened: Environment, project: Project, node: PlanNode, needed: ApprovalNeeded
) -> None:
    """Ask people what an article wants them asked before the node starts."""
    details = {"action": needed.fields.get("action"), "article": needed.fields.get("article")}
    async with opened.database.session() as session:
        held = await hold(session, project.id, project.fence)
        await ask(
            session,
            held,
            node=node.id,
            question=needed.message,
            details=details,
            action_digest=str(needed.fields["action_digest"]),
            requirements=needed.fields.get("requirements") or [],
            decision=needed.fields.get("decision"),
        )


def action_digest(project: Project, node: PlanNode, standing: Standing) -> str:
    """SHA-256 over what the node will do: plan, node, the results it takes and what it goes without."""
    results = standing.results()
    action: dict[str, Any] = {
        "project": project.id,
        "plan": project.plan_digest,
        "node": node.id,
        "results": {need: results[need]["sha256"] for need in node.needs if need in results},
        "refused": standing.refused(node),
    }
    return "sha256:" + hashlib.sha256(rfc8785.dumps(action)).hexdigest()


def refusal(item: Approval) -> str:
    """Why an approval that was not given stops the node."""
    if item.state == "expired":
        return "nobody answered in time, which counts as a refusal"
    comment = f": {item.comment}" if item.comment else ""
    return f"{item.decided_by} said no{comment}"


async def _ask_planned(
    opened: Environment, project: Project, node: PlanNode, standing: Standing, digest: str
) -> Approval:
    spec = node.approval
    if spec is None:
        raise ValueError("the node asks nobody")
    shown: dict[str, Any] = resolve(bind(spec.show, standing.results(), {}), opened.results.fetch)
    async with opened.database.session() as session:
        held = await hold(session, project.id, project.fence)
        return await ask(
            session,
            held,
            node=node.id,
            question=spec.question,
            details={**shown, **({"refused": refused} if (refused := standing.refused(node)) else {})},
            action_digest=digest,
        )

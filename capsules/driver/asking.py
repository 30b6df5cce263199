"""Asking people: what a node waits for, bound to the digest of exactly what it will do."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import rfc8785

from blocks.agreement import Requirement
from blocks.constitution.terms import ApprovalTerms
from blocks.errors import ApprovalNeeded, NotFound
from blocks.records.approvals import approvals_of, ask
from blocks.records.projects import hold
from blocks.records.tables import Approval, Project
from capsules.binding import bind, resolve
from capsules.catalogue import find_capsule
from capsules.driver.standing import Standing
from capsules.environment import Environment
from capsules.plan import PlanNode
from capsules.references import markers

LONGEST = 20_000
"""Characters of the inputs that are shown, and may be changed, with a question about a node."""


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What people have said about a node so far."""

    verdict: Literal["go", "wait", "no"]
    reason: str | None = None
    inputs: Mapping[str, Any] = field(default_factory=dict)
    """Those that people want instead of the planned ones."""


async def answer(opened: Environment, project: Project, node: PlanNode, standing: Standing) -> Answer:
    """Look up what was answered, asking first if the plan wants people asked and nobody was yet."""
    given = await _given(opened, project, node, standing)
    if node.approval is not None:
        digest = action_digest(project, node, standing)
        if all(item.action_digest != digest for item in given):
            given.append(await _ask_planned(opened, project, node, standing, digest))
        question = node.approval.question
        given = [item for item in given if item.action_digest == digest or item.question != question]
    for item in given:
        if item.state in {"rejected", "expired"}:
            return Answer(verdict="no", reason=refusal(item))
    pending = next((item for item in given if item.state in {"pending", "sent_back"}), None)
    if pending is not None:
        return Answer(verdict="wait", reason=pending.question)
    return Answer(verdict="go", inputs=_changed(given))


async def approved_inputs(
    opened: Environment, project: Project, node: PlanNode, standing: Standing
) -> dict[str, Any]:
    """The inputs that people want for the node instead of the planned ones."""
    return _changed(await _given(opened, project, node, standing))


async def ask_for_constitution(
    opened: Environment, project: Project, node: PlanNode, needed: ApprovalNeeded
) -> None:
    """Ask people what an article wants them asked before the node starts."""
    offered = offered_inputs(node)
    details = {"action": needed.fields.get("action"), "article": needed.fields.get("article")}
    async with opened.database.session() as session:
        held = await hold(session, project.id, project.fence)
        await ask(
            session,
            held,
            node=node.id,
            question=needed.message,
            details={**details, **({"inputs": offered["arguments"]} if offered else {})},
            action_digest=str(needed.fields["action_digest"]),
            requirements=needed.fields.get("requirements") or [],
            decision=needed.fields.get("decision"),
            offered=offered,
            revises=node.approval.revises if node.approval else None,
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
    if standing.lines[node.id].spec is not None:  # the plan's digest does not tell what was made at run time
        action["inputs"] = node.inputs
    return "sha256:" + hashlib.sha256(rfc8785.dumps(action)).hexdigest()


def refusal(item: Approval) -> str:
    """Why an approval that was not given stops the node."""
    if item.state == "expired":
        return "nobody answered in time, which counts as a refusal"
    comment = f": {item.comment}" if item.comment else ""
    return f"{item.decided_by} said no{comment}"


def offered_inputs(node: PlanNode) -> dict[str, Any] | None:
    """The inputs of a node that people may change; None where they are not known."""
    if node.has_children:
        return None
    try:
        declared = find_capsule(node.capsule).manifest.inputs
    except NotFound:
        return None
    spelled_out = {name: value for name, value in node.inputs.items() if not markers(value)}
    if len(str(spelled_out)) > LONGEST:
        return None
    schema = {name: parameter.schema_fragment() for name, parameter in declared.items()}
    return {"kind": "node", "arguments": spelled_out, "schema": schema}


async def _given(opened: Environment, project: Project, node: PlanNode, standing: Standing) -> list[Approval]:
    """What was asked about the node since it was last done anew, but for what was taken back."""
    generation = standing.lines[node.id].generation
    found = await approvals_of(opened.database, project.id, node.id, generation)
    return [item for item in found if item.state != "withdrawn"]


def _changed(given: list[Approval]) -> dict[str, Any]:
    changed: dict[str, Any] = {}
    for item in given:
        if item.state == "approved" and item.edited and item.offered and item.offered["kind"] == "node":
            changed |= item.edited
    return changed


def _requirements(terms: ApprovalTerms) -> list[Requirement]:
    return [] if terms == ApprovalTerms() else [terms.as_json()]


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
            requirements=_requirements(spec.terms()),
            offered=offered_inputs(node),
            revises=spec.revises,
        )

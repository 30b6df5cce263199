"""May this project run? The constitution says so before anything of it does."""

from blocks.constitution.decisions import Decision
from blocks.context import RunContext
from blocks.errors import ApprovalNeeded, PolicyDenied, Refusal
from blocks.identity import Principal
from blocks.records.tables import Project
from ui.gateway.hub import Hub


async def permit_launch(hub: Hub, principal: Principal, project: Project) -> Decision:
    """The decision, durable when this returns; a refusal is raised, and durable as well."""
    context = RunContext(
        tenant=principal.tenant,
        principal=principal,
        constitution=hub.constitution,
        audit=hub.audit,
        project=project.id,
        project_facts={"blueprint": project.blueprint, "inputs": project.inputs},
    )
    launch = {
        "blueprint": project.blueprint,
        "version": str(project.plan.get("blueprint_version", "")),
        "digest": project.plan_digest,
        "nodes": len(project.plan.get("nodes", [])),
        "inputs": project.inputs,
    }
    decision = hub.constitution.current().decide(
        context.action("project.launch", project.blueprint, {"launch": launch})
    )
    hub.audit.record(decision, context, launch)
    await hub.audit.flush()
    if decision.refused:
        raise refusal_of(decision)
    return decision


def refusal_of(decision: Decision) -> Refusal:
    """The error that tells the refusal: which article, and why."""
    weighty = [found for found in decision.articles if found.verdict == decision.verdict]
    article, reason, remedy = "default", "no article allows it", ""
    if weighty:
        article, reason, remedy = weighty[0].article, weighty[0].reason, weighty[0].remedy
    kind = PolicyDenied if decision.verdict == "deny" else ApprovalNeeded
    return kind(
        f"article {article}: {reason}",
        article=article,
        reason=reason,
        action=decision.action,
        stage=decision.stage,
        decision=decision.id,
        **({"mend": remedy} if remedy else {}),
    )

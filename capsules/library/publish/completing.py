"""What a publishing run itself knows of what it publishes: its project, its rules, and who agreed."""

from blocks.context import RunContext, current
from blocks.records.approvals import list_approvals
from capsules.environment import environment
from capsules.library.publish.provenance import Provenance


async def complete(given: Provenance) -> Provenance:
    """The provenance with what the run itself knows: its project, its constitution, and who approved it."""
    context = current()
    if context is None:
        return given
    constitution = context.constitution.current()
    facts = {
        "project": context.project,
        "blueprint": context.project_facts.get("blueprint"),
        "constitution": constitution.digest,
        "constitution_version": str(constitution.version),
    }
    return given.filled(facts | await _approval(context))


async def _approval(context: RunContext) -> dict[str, object]:
    if context.project is None:
        return {}
    async with environment() as opened:
        answered = await list_approvals(
            opened.database, tenant=context.tenant, state="approved", project=context.project
        )
    for approval in answered:
        if approval.node == context.node:
            return {
                "approved_by": approval.decided_by,
                "approved_at": approval.decided_at,
                "approval_comment": approval.comment or None,
            }
    return {}

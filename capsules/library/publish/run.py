import asyncio

from blocks.constitution.detectors.secrets import redacted
from blocks.context import RunContext, current
from blocks.records.approvals import list_approvals
from capsules.capsule import capsule
from capsules.environment import environment
from capsules.library.publish.artifacts import show_in_prefect
from capsules.library.publish.contents import Report
from capsules.library.publish.deliverables import Deliverables
from capsules.library.publish.files import PAGE, TEXT, make_files
from capsules.library.publish.provenance import Provenance
from capsules.library.publish.tools import publish_files
from capsules.library.synthesis.masking import masked, masked_all
from capsules.library.synthesis.result import Synthesis
from capsules.repository.analysis import Analysis
from capsules.repository.checkout import Checkout


@capsule
async def publish(
    *,
    checkout: Checkout,
    survey: Analysis,
    analyses: dict[str, Analysis],
    synthesis: Synthesis,
    folder: str,
    refused: dict[str, str] | None = None,
    provenance: Provenance | None = None,
) -> Deliverables:
    """The audit as one HTML page, Markdown, an SBOM and a JSON of all findings, in the given folder."""
    report = Report(
        checkout=masked(checkout),
        survey=masked(survey),
        analyses=masked_all(analyses),
        synthesis=masked(synthesis),
        refused=redacted(refused or {}),
        provenance=masked(await complete(provenance or Provenance())),
    )
    files = await asyncio.to_thread(make_files, report)
    published = Deliverables(folder=folder, report=PAGE, files=await publish_files(folder, files))
    await show_in_prefect(synthesis, files[TEXT], published)
    return published


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

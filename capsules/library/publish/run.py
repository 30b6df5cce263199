import asyncio

from blocks.constitution.detectors.secrets import redacted
from capsules.capsule import capsule
from capsules.library.publish.artifacts import show_in_prefect
from capsules.library.publish.completing import complete
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

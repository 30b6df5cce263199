import asyncio
from datetime import UTC, datetime

from blocks.constitution.detectors.secrets import redacted
from blocks.context import current
from blocks.errors import SomaError
from capsules.capsule import capsule
from capsules.library.synthesis.hearing import hear, notes_on
from capsules.library.synthesis.masking import masked, masked_all
from capsules.library.synthesis.remembering import recall_history, remember_audit
from capsules.library.synthesis.result import Comparison, Synthesis
from capsules.library.synthesis.tools import compare_commits
from capsules.library.synthesis.weighing import Audit, compare_with, weigh
from capsules.repository.analysis import Analysis
from capsules.repository.checkout import Checkout


@capsule
async def synthesis(
    checkout: Checkout,
    survey: Analysis,
    analyses: dict[str, Analysis],
    refused: dict[str, str] | None = None,
) -> Synthesis:
    """What the analyses come to: scores, what to do first, and what changed since the last audit."""
    context = current()
    audit = Audit(
        checkout=masked(checkout),
        survey=masked(survey),
        analyses=masked_all(analyses),
        refused=redacted(refused or {}),
        at=datetime.now(UTC).replace(microsecond=0),
        project=context.project if context else None,
    )
    history, why = await recall_history(audit.checkout.source, audit.project)
    comparison = await asyncio.to_thread(compare_with, audit, history, why)
    comparison = await _with_commits(comparison, checkout)
    messages, unheard = await hear()
    heard = redacted([*unheard, *notes_on(messages, audit.refused)])
    unkept = await remember_audit(audit, history, weigh(audit, comparison, heard))
    return weigh(audit, comparison, [*heard, *unkept])


async def _with_commits(comparison: Comparison, checkout: Checkout) -> Comparison:
    if comparison.commit is None:
        return comparison
    try:
        commits = await compare_commits(checkout.root, comparison.commit, checkout.commit)
    except SomaError as error:
        caveat = f"The commits in between were not counted: {error.message}"
        return comparison.model_copy(update={"caveats": [*comparison.caveats, caveat]})
    return comparison.model_copy(update={"commits": commits})

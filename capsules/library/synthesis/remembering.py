"""What one audit tells the next, and whoever asks later; a memory that does not answer stops no audit."""

from pydantic import ValidationError

from blocks.errors import NotFound, SomaError
from blocks.memory.items import Draft
from capsules.library.synthesis.result import Action, Synthesis
from capsules.library.synthesis.snapshot import History, subject_of
from capsules.library.synthesis.weighing import Audit, snapshot_of
from tasks.memory import forget, get_value, remember, set_value

SCOPE = "repository"
KEY = "audit-history"
LABEL = "audit"


async def recall_history(source: str, project: str | None) -> tuple[History | None, str]:
    """What the audits before this one left; with a reason where there is nothing to compare with.

    None means that the memory did not answer: what it may hold must not be written over.
    """
    try:
        value = await get_value(KEY, SCOPE, subject_of(source))
    except NotFound:
        return History(), ""
    except SomaError as error:
        return None, error.message
    try:
        return History.model_validate(value).seen_by(project), ""
    except ValidationError as error:
        return History(), f"what was kept cannot be read ({error.error_count()} problems)"


async def remember_audit(audit: Audit, history: History | None, synthesis: Synthesis) -> list[str]:
    """Keep this audit for the next one, and its findings for recall; what could not be kept is told."""
    subject = subject_of(audit.checkout.source)
    try:
        if history is not None:
            kept = history.with_audit(snapshot_of(audit))
            await set_value(KEY, kept.model_dump(mode="json"), SCOPE, subject)
        await forget(SCOPE, subject, labels=(LABEL,))
        await remember(drafts_of(synthesis), SCOPE, subject)
    except SomaError as error:
        return [
            f"This audit could not be remembered, so the next one cannot compare with it: {error.message}"
        ]
    return []


def drafts_of(synthesis: Synthesis) -> list[Draft]:
    """The audit as memories: its summary, and each thing to do first."""
    data = {"commit": synthesis.commit, "score": synthesis.score, "at": synthesis.at.isoformat()}
    summary = Draft(
        key="audit/summary",
        text=f"Audit of {synthesis.name}: {synthesis.summary}",
        data={**data, "source": synthesis.source},
        labels=(LABEL, "summary"),
    )
    return [summary, *(_action_draft(synthesis, action) for action in synthesis.actions)]


def _action_draft(synthesis: Synthesis, action: Action) -> Draft:
    parts = (
        f"{synthesis.name}, {action.area}: {action.title}.",
        action.why,
        f"In {', '.join(action.places)}." if action.places else "",
        f"To do: {action.first_step}" if action.first_step else "",
    )
    return Draft(
        key=f"audit/action/{action.rank}",
        text=" ".join(filter(None, parts)),
        data={"commit": synthesis.commit, "rule": action.rule, "findings": action.finding_ids},
        labels=(LABEL, action.capsule, action.severity),
    )

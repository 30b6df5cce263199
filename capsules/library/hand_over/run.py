import asyncio
from typing import Any

from blocks.constitution.detectors.secrets import redact_text
from blocks.context import current
from blocks.errors import SomaError
from capsules.capsule import capsule
from capsules.library.hand_over.bundle import read_held
from capsules.library.hand_over.contents import (
    Code,
    HandOver,
    Note,
    Review,
    Specification,
    WrittenTests,
    report_or_none,
)
from capsules.library.hand_over.tools import bundle_repository, publish_repository
from capsules.library.hand_over.writing import REPORT, written
from capsules.library.publish.completing import complete
from capsules.library.publish.deliverables import Deliverables
from capsules.library.publish.provenance import Provenance
from capsules.library.test_run.report import Report
from tasks.messages import read_messages
from tasks.tools.places import workspace


@capsule
async def hand_over(  # the plan says what each of them is
    *,
    request: str,
    specification: Specification,
    repository: str,
    code: Code,
    tests: WrittenTests,
    first_run: Report,
    review: Review,
    folder: str,
    second_run: dict[str, Any] | None = None,
    repair: str = "",
    provenance: Provenance | None = None,
) -> Deliverables:
    """The repository as one file with its history, and a report on what was asked for and done."""
    await bundle_repository(repository)
    held = await asyncio.to_thread(read_held, workspace())
    over = HandOver(
        request=request,
        specification=specification,
        code=code,
        tests=tests,
        first_run=first_run,
        second_run=report_or_none(second_run or {}),
        repair=repair,
        review=review,
        commit=held.commit,
        files=held.files,
        notes=await _notes(),
        provenance=await complete(provenance or Provenance()),
    )
    files = {REPORT: redact_text(written(over))}
    published = await publish_repository(folder, files, held.texts)
    return Deliverables(folder=folder, report=REPORT, files=published)


async def _notes() -> list[Note]:
    """What the steps told each other; a report does without."""
    context = current()
    if context is None or context.project is None:
        return []
    try:
        messages = await read_messages(limit=500)
    except SomaError as error:
        return [Note(step="hub", kind="note", text=f"The messages could not be read: {error.message}")]
    return [Note(step=item.sender.node, kind=item.kind, text=item.text) for item in messages]

"""Questions are shown in Prefect as well: each is a run that lies paused until somebody answers.

Any number of gateways may do it at once; each step is taken up again by whoever comes next.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

from blocks.questions.prefect_runs import QuestionRuns
from blocks.records.tables import Approval
from blocks.records.unshown import note_closed, note_shown, unshown
from ui.gateway.background import beside, every
from ui.gateway.hub import Hub

EVERY = 2.0
"""Seconds between two looks."""


@asynccontextmanager
async def mirroring(hub: Hub) -> AsyncIterator[None]:
    """Keep Prefect in line with the questions for as long as the caller is inside."""
    runs = QuestionRuns(hub.settings.prefect_api_url)
    try:
        async with beside(every(EVERY, partial(mirror, hub, runs), "questions are not shown in Prefect yet")):
            yield
    finally:
        await runs.close()


async def mirror(hub: Hub, runs: QuestionRuns) -> None:
    """Make the runs that are missing, and end those that nobody needs any more."""
    for approval in await unshown(hub.database):
        await _mirror(hub, runs, approval)


async def _mirror(hub: Hub, runs: QuestionRuns, approval: Approval) -> None:
    if approval.state == "pending":
        await note_shown(hub.database, approval.id, await runs.show(approval))
    elif approval.run is None or await runs.close_run(approval):
        await note_closed(hub.database, approval)

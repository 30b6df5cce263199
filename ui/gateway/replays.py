"""Time travel: recorded decisions, decided again under a candidate, and the reports of it."""

from typing import Annotated

from fastapi import APIRouter, Query

from blocks.records.replays import get_replay, list_replays, make_replay
from ui.gateway.auth import CurrentPrincipal
from ui.gateway.hub import CurrentHub
from ui.gateway.reading import meant
from ui.wire_constitutions import Replay, ReplayAsked, ReplayReport

router = APIRouter(prefix="/v1/replays", tags=["constitutions"])


@router.post("", status_code=201)
async def replay(asked: ReplayAsked, hub: CurrentHub, principal: CurrentPrincipal) -> Replay:
    """Decide recorded history again; the answer comes when it is done, the report is then to be fetched."""
    candidate = await meant(hub, principal.tenant, ref=asked.ref, text=asked.text)
    made = await make_replay(
        hub.database,
        tenant=principal.tenant,
        candidate=candidate,
        since=asked.since,
        by=principal.name,
        project=asked.project,
    )
    return Replay.model_validate(made)


@router.get("")
async def find_replays(
    hub: CurrentHub, principal: CurrentPrincipal, limit: Annotated[int, Query(ge=1, le=500)] = 50
) -> list[Replay]:
    """The replays, the newest first, without their reports."""
    found = await list_replays(hub.database, tenant=principal.tenant, limit=limit)
    return [Replay.model_validate(replay) for replay in found]


@router.get("/{replay}")
async def show_replay(replay: str, hub: CurrentHub, principal: CurrentPrincipal) -> ReplayReport:
    """A replay with its report; whoever fetches it has looked at it."""
    found = await get_replay(hub.database, replay, tenant=principal.tenant, by=principal.name)
    return ReplayReport.model_validate(found)

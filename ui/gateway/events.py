"""Live progress: a project's events as server-sent events, to be resumed where a client left off."""

import json
from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter, Depends, Header, Query
from sse_starlette.event import ServerSentEvent
from sse_starlette.sse import EventSourceResponse

from blocks.errors import BadInput
from blocks.records.projects import get_project
from blocks.records.tables import Event as EventRow
from ui.gateway.auth import CurrentPrincipal, MayGoOn
from ui.gateway.hub import CurrentHub
from ui.gateway.tail import Tail
from ui.wire import Event

router = APIRouter(prefix="/v1/projects/{project}/events", tags=["projects"])
HEARTBEAT = 10
"""Seconds between two signs of life on a quiet stream."""


async def place(
    last_event_id: Annotated[str | None, Header(max_length=20)] = None,
    after: Annotated[int, Query(ge=0)] = 0,
) -> int:
    """The number of the event after which a client goes on."""
    if last_event_id is None:
        return after
    if not (last_event_id.isascii() and last_event_id.isdigit()) or int(last_event_id) >= 2**63:
        raise BadInput(f"Last-Event-ID is a number that this stream sent, not {last_event_id!r}")
    return int(last_event_id)


@router.get("", response_class=EventSourceResponse)
async def stream_events(
    project: str,
    hub: CurrentHub,
    principal: CurrentPrincipal,
    may_go_on: MayGoOn,
    after: Annotated[int, Depends(place)],
) -> EventSourceResponse:
    """The project's events from the beginning, or after the one named; `end` when nothing can follow.

    The stream breaks off when its token is over; with another one it is taken up again.
    """
    await get_project(hub.database, project, tenant=principal.tenant)
    tail = Tail(hub.database, project, tenant=principal.tenant, after=after, may_go_on=may_go_on)
    return EventSourceResponse(_tell(tail), ping=HEARTBEAT, headers={"Cache-Control": "no-store"})


async def _tell(tail: Tail) -> AsyncIterator[ServerSentEvent]:
    async for item in tail.follow():
        if isinstance(item, EventRow):
            event = Event.model_validate(item)
            yield ServerSentEvent(event.model_dump_json(), event=event.kind, id=str(event.id))
        else:
            yield ServerSentEvent(json.dumps({"state": item}), event="end")

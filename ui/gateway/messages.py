"""The context bus of a project over HTTP: what its steps have said to each other."""

from typing import Annotated

from fastapi import APIRouter, Query

from blocks.bus.block import local_bus
from blocks.bus.messages import Message as OnTheBus
from blocks.records.projects import get_project
from ui.gateway.auth import CurrentPrincipal
from ui.gateway.hub import CurrentHub
from ui.wire_messages import Message

router = APIRouter(prefix="/v1/projects/{project}/messages", tags=["projects"])


@router.get("")
async def list_messages(
    project: str,
    hub: CurrentHub,
    principal: CurrentPrincipal,
    after: Annotated[str, Query(max_length=60)] = "",
    limit: Annotated[int, Query(ge=1, le=500)] = 200,
) -> list[Message]:
    """The project's messages in their order, from the first one on or after the one named."""
    await get_project(hub.database, project, tenant=principal.tenant)
    found = await local_bus(hub.settings).read(principal.tenant, project, after=after, limit=limit)
    return [_said(message) for message in found]


def _said(message: OnTheBus) -> Message:
    sender = message.sender
    return Message(
        id=message.id,
        at=message.at,
        kind=message.kind,
        text=message.text,
        data=message.data,
        answers=message.answers,
        sender=sender.name,
        node=sender.node,
        capsule=sender.capsule,
        generation=sender.generation,
        labels=list(message.labels),
    )

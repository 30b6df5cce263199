"""Questions to people, and their answers."""

from typing import Annotated, Literal

from fastapi import APIRouter, Query

from blocks.records.approvals import decide_approval, get_approval, list_approvals
from ui.gateway.auth import CurrentPrincipal
from ui.gateway.hub import CurrentHub
from ui.wire import Answer, Approval

router = APIRouter(prefix="/v1/approvals", tags=["approvals"])
State = Literal["pending", "approved", "rejected", "expired", "sent_back", "withdrawn"]


@router.get("")
async def find_approvals(
    hub: CurrentHub,
    principal: CurrentPrincipal,
    state: State | None = None,
    project: Annotated[str | None, Query(max_length=100)] = None,
) -> list[Approval]:
    """The tenant's approvals, oldest first."""
    found = await list_approvals(hub.database, tenant=principal.tenant, state=state, project=project)
    return [Approval.model_validate(approval) for approval in found]


@router.get("/{approval}")
async def show_approval(approval: str, hub: CurrentHub, principal: CurrentPrincipal) -> Approval:
    """One approval with everything that the person is asked to judge."""
    return Approval.model_validate(await get_approval(hub.database, approval, tenant=principal.tenant))


@router.post("/{approval}")
async def answer_approval(
    approval: str, answer: Answer, hub: CurrentHub, principal: CurrentPrincipal
) -> Approval:
    """Record a person's answer; once the question is decided, the project goes on.

    `changes` sends the work back with the comment; `approve` with `arguments` agrees to the action with
    these, which is decided anew by the constitution before it happens.
    """
    decided = await decide_approval(
        hub.database,
        approval,
        by=principal,
        verdict=answer.verdict,
        comment=answer.comment,
        arguments=answer.arguments,
        digest=answer.digest,
    )
    if decided.state != "pending":
        await hub.drivers.start_surely(decided.project, decided.id)
    return Approval.model_validate(decided)

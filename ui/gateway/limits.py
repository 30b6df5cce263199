"""Concurrency limits of the tenant."""

from fastapi import APIRouter

from blocks.records import limits
from ui.gateway.auth import CurrentPrincipal
from ui.gateway.hub import CurrentHub
from ui.wire_limits import Limit, MostAsked

router = APIRouter(prefix="/v1/limits", tags=["limits"])


@router.get("")
async def list_limits(hub: CurrentHub, principal: CurrentPrincipal) -> list[Limit]:
    """The limits by name, each with how many of its places are taken now."""
    found = await limits.list_limits(hub.database, tenant=principal.tenant)
    return [Limit.model_validate(limit) for limit in found]


@router.put("/{name}")
async def set_limit(name: str, asked: MostAsked, hub: CurrentHub, principal: CurrentPrincipal) -> Limit:
    """Let at most so many attempts have a place of it; those that have one keep it."""
    found = await limits.set_limit(hub.database, tenant=principal.tenant, name=name, most=asked.most)
    return Limit.model_validate(found)


@router.delete("/{name}", status_code=204)
async def remove_limit(name: str, hub: CurrentHub, principal: CurrentPrincipal) -> None:
    """Let any number be at work again."""
    await limits.remove_limit(hub.database, tenant=principal.tenant, name=name)

"""Tenants over HTTP, for those who run the installation: the admins of the hub's own tenant."""

from fastapi import APIRouter

from blocks.errors import Forbidden
from blocks.identity import Principal
from blocks.records import tenants as records
from capsules.shipped import ensure_constitution
from ui.gateway.auth import CurrentPrincipal
from ui.gateway.hub import CurrentHub, Hub
from ui.gateway.users import runs_installation
from ui.wire_users import NewTenant, Tenant

router = APIRouter(prefix="/v1/tenants", tags=["tenants"])


@router.post("", status_code=201)
async def make_tenant(asked: NewTenant, hub: CurrentHub, principal: CurrentPrincipal) -> Tenant:
    """A new tenant, with the shipped constitution in force; it has no users yet."""
    _check(hub, principal)
    made = await records.create_tenant(hub.database, asked.id, name=asked.name or asked.id, by=principal)
    await ensure_constitution(hub.database, hub.settings, asked.id)
    return Tenant.model_validate(made)


@router.get("")
async def find_tenants(hub: CurrentHub, principal: CurrentPrincipal) -> list[Tenant]:
    """Every tenant of the installation."""
    _check(hub, principal)
    return [Tenant.model_validate(tenant) for tenant in await records.list_tenants(hub.database)]


def _check(hub: Hub, principal: Principal) -> None:
    if not runs_installation(hub, principal.tenant):
        raise Forbidden(f"you are of the tenant {principal.tenant!r}; tenants are made by who runs the hub")

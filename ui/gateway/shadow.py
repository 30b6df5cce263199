"""The candidate in the shadow: asked beside the constitution in force, obeyed in nothing."""

from fastapi import APIRouter

from blocks.errors import NotFound
from blocks.keys import trusted_keys
from blocks.records.constitution_tables import Shadow
from blocks.records.constitutions import clear_shadow, get_shadow, get_version, set_shadow
from blocks.records.shadows import shadow_report
from ui.gateway.auth import CurrentPrincipal
from ui.gateway.hub import CurrentHub, Hub
from ui.wire_constitutions import ShadowAsked, Shadowing, Titled

router = APIRouter(prefix="/v1/constitutions/shadow", tags=["constitutions"])


@router.get("")
async def show_shadow(hub: CurrentHub, principal: CurrentPrincipal) -> Shadowing:
    """What the candidate would have decided otherwise since it is in the shadow."""
    return await _told(hub, await _present(hub, principal.tenant))


@router.put("")
async def start_shadow(asked: ShadowAsked, hub: CurrentHub, principal: CurrentPrincipal) -> Shadowing:
    """Let a published version be asked beside the one in force, in place of another candidate."""
    shadow = await set_shadow(
        hub.database,
        tenant=principal.tenant,
        ref=asked.ref,
        by=principal,
        keys=trusted_keys(hub.settings.keys_path),
    )
    hub.constitution.of(principal.tenant).nudge()
    return await _told(hub, shadow)


@router.delete("", status_code=204)
async def end_shadow(hub: CurrentHub, principal: CurrentPrincipal) -> None:
    """End the shadow; its counts stay in the audit log."""
    if not await clear_shadow(hub.database, tenant=principal.tenant, by=principal):
        raise _none()
    hub.constitution.of(principal.tenant).nudge()


async def _present(hub: Hub, tenant: str) -> Shadow:
    shadow = await get_shadow(hub.database, tenant)
    if shadow is None:
        raise _none()
    return shadow


async def _told(hub: Hub, shadow: Shadow) -> Shadowing:
    version = await get_version(hub.database, shadow.tenant, shadow.digest)
    return Shadowing(
        constitution=Titled.model_validate(version),
        since=shadow.since,
        started_by=shadow.started_by,
        report=await shadow_report(hub.database, shadow),
    )


def _none() -> NotFound:
    return NotFound("no candidate is in the shadow", mend="`soma constitution shadow REF` puts one there")

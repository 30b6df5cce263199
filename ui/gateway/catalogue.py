"""What can be launched: the blueprints, and the capsules that they are made of."""

from typing import Any

from fastapi import APIRouter

from capsules.blueprint import Blueprint, get_blueprint, list_blueprints
from capsules.catalogue import find_capsule, list_capsules
from capsules.manifest import Manifest
from ui.gateway.auth import CurrentPrincipal
from ui.wire import Whoami

router = APIRouter(prefix="/v1", tags=["catalogue"])


@router.get("/blueprints")
async def show_blueprints() -> list[Blueprint]:
    """Every blueprint with the questions that it asks."""
    return list_blueprints()


@router.get("/blueprints/{name}")
async def show_blueprint(name: str) -> Blueprint:
    """One blueprint."""
    return get_blueprint(name)


@router.get("/capsules")
async def show_capsules() -> list[dict[str, Any]]:
    """Every capsule's manifest."""
    return [_told(entry.manifest) for entry in list_capsules()]


@router.get("/capsules/{name}")
async def show_capsule(name: str) -> dict[str, Any]:
    """One capsule's manifest."""
    return _told(find_capsule(name).manifest)


def _told(manifest: Manifest) -> dict[str, Any]:
    return manifest.model_dump(mode="json")


@router.get("/whoami")
async def whoami(principal: CurrentPrincipal) -> Whoami:
    """Whom the token speaks for."""
    return Whoami(
        tenant=principal.tenant,
        name=principal.name,
        kind=principal.kind,
        roles=sorted(principal.roles),
    )

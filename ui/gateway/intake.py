"""Before a project: which blueprint a request is about, and what launching would do."""

from fastapi import APIRouter

from capsules.blueprint import get_blueprint
from ui.gateway import matching, previewing
from ui.gateway.auth import CurrentPrincipal
from ui.gateway.hub import CurrentHub
from ui.wire import NewProject
from ui.wire_intake import Match, Preview, Request

router = APIRouter(prefix="/v1", tags=["intake"])


@router.post("/blueprints/match")
async def match_blueprints(asked: Request) -> list[Match]:
    """The blueprints that the request may be about, the likeliest first, with what can be filled in."""
    return await matching.match(asked.request)


@router.post("/projects/preview")
async def preview_project(asked: NewProject, hub: CurrentHub, principal: CurrentPrincipal) -> Preview:
    """The plan as nodes and edges, what each may touch, and what the constitution will say to it."""
    blueprint = get_blueprint(asked.blueprint)
    return await previewing.preview(hub, principal, blueprint, dict(asked.inputs), asked.title)

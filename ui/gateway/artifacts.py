"""Deliverables over HTTP: only what the project published, only out of the deliverables folder."""

from pathlib import Path
from typing import Any

from fastapi import APIRouter
from fastapi.responses import FileResponse

from blocks.errors import NotFound
from blocks.records.projects import get_project
from ui.gateway.auth import CurrentPrincipal
from ui.gateway.hub import CurrentHub
from ui.wire import Artifact

router = APIRouter(prefix="/v1/projects/{project}/artifacts", tags=["artifacts"])

SAFETY = {
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "private, no-cache",
    "Referrer-Policy": "no-referrer",
    # A report is made from somebody's repository: it may be shown, it may not run or fetch anything.
    "Content-Security-Policy": "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:",
}


@router.get("")
async def list_artifacts(project: str, hub: CurrentHub, principal: CurrentPrincipal) -> list[Artifact]:
    """What the project delivered."""
    found = await get_project(hub.database, project, tenant=principal.tenant)
    return [Artifact.model_validate(entry) for entry in found.deliverables]


@router.get("/{name}", response_class=FileResponse)
async def fetch_artifact(
    project: str, name: str, hub: CurrentHub, principal: CurrentPrincipal
) -> FileResponse:
    """One deliverable as a file."""
    found = await get_project(hub.database, project, tenant=principal.tenant)
    entry = next((entry for entry in found.deliverables if entry["name"] == name), None)
    if entry is None:
        raise NotFound(f"project {project!r} has no artifact {name!r}")
    path = locate(entry, hub.settings.deliverables_path)
    return FileResponse(path, headers=SAFETY, media_type=entry["media_type"], filename=name)


def locate(entry: dict[str, Any], folder: Path) -> Path:
    """The file of a deliverable; `NotFound` when it is missing or lies outside of the folder."""
    try:
        path = (folder / str(entry["path"])).resolve(strict=True)
        inside = path.is_relative_to(folder.resolve(strict=True)) and path.is_file()
    except (OSError, ValueError):
        inside = False
    if not inside:
        raise NotFound(f"the file of artifact {entry['name']!r} is gone from the deliverables folder")
    return path

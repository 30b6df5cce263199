"""Sessions over HTTP: one person's way from a request to a project, step by step and over days."""

import hashlib

from fastapi import APIRouter

from blocks.errors import BadInput
from blocks.identity import Principal
from blocks.records import sessions as records
from blocks.records.projects import get_project
from blocks.records.session_tables import WizardSession
from capsules.blueprint import get_blueprint
from ui.gateway.auth import CurrentPrincipal
from ui.gateway.hub import CurrentHub, Hub
from ui.gateway.launching import permit_launch
from ui.gateway.matching import match
from ui.gateway.planning import planned
from ui.gateway.previewing import preview
from ui.gateway.session_changes import answer, fill_in, pick
from ui.gateway.session_shown import blueprint_of, detailed, effective, listed, problems_of
from ui.wire import Project
from ui.wire_intake import (
    Answers,
    BlueprintPicked,
    NewSession,
    Preview,
    Seen,
    Session,
    SessionDetail,
    TitleAsked,
)

router = APIRouter(prefix="/v1/sessions", tags=["sessions"])


@router.post("", status_code=201)
async def start_session(asked: NewSession, hub: CurrentHub, principal: CurrentPrincipal) -> SessionDetail:
    """A new session; a request picks its blueprint where one clearly fits, and answers what it can."""
    picked = get_blueprint(asked.blueprint).name if asked.blueprint else None
    matches = await match(asked.request, also=picked) if asked.request.strip() else []
    fitting = next((item.blueprint for item in matches if item.fits), None)
    row = WizardSession(
        tenant=principal.tenant,
        owner=principal.name,
        blueprint=picked or fitting,
        title=asked.title,
        request=asked.request,
        matches=[item.model_dump(mode="json") for item in matches],
        version=0,
    )
    for item in matches:
        if item.blueprint == row.blueprint:
            fill_in(row, item)
    row.version = 1
    return detailed(await records.create_session(hub.database, row))


@router.get("")
async def list_sessions(hub: CurrentHub, principal: CurrentPrincipal) -> list[Session]:
    """One's own sessions that are not launched yet, the one worked on last first."""
    return [listed(row) for row in await records.list_sessions(hub.database, principal)]


@router.get("/{session}")
async def show_session(session: str, hub: CurrentHub, principal: CurrentPrincipal) -> SessionDetail:
    """One session with its questions and the answers so far."""
    return detailed(await records.get_session(hub.database, session, principal))


@router.post("/{session}/answers")
async def answer_session(
    session: str, asked: Answers, hub: CurrentHub, principal: CurrentPrincipal
) -> SessionDetail:
    """Take answers, all or none; a conflict where one was answered otherwise since `version`."""

    def change(row: WizardSession) -> None:
        answer(row, asked.answers, version=asked.version, step=asked.step)

    return detailed(await records.change_session(hub.database, session, principal, change))


@router.put("/{session}/blueprint")
async def pick_blueprint(
    session: str, asked: BlueprintPicked, hub: CurrentHub, principal: CurrentPrincipal
) -> SessionDetail:
    """Go on with another blueprint; answers to questions that it asks too are kept."""
    blueprint = get_blueprint(asked.blueprint)

    def change(row: WizardSession) -> None:
        records.check_version(row, asked.version)
        pick(row, blueprint)

    return detailed(await records.change_session(hub.database, session, principal, change))


@router.put("/{session}/title")
async def title_session(
    session: str, asked: TitleAsked, hub: CurrentHub, principal: CurrentPrincipal
) -> SessionDetail:
    """Name the project that it will become."""

    def change(row: WizardSession) -> None:
        records.check_version(row, asked.version)
        row.title = asked.title

    return detailed(await records.change_session(hub.database, session, principal, change))


@router.delete("/{session}", status_code=204)
async def discard_session(session: str, hub: CurrentHub, principal: CurrentPrincipal) -> None:
    """Forget the session; a project that was launched from it stays."""
    await records.discard_session(hub.database, session, principal)


@router.post("/{session}/preview")
async def preview_session(session: str, hub: CurrentHub, principal: CurrentPrincipal) -> Preview:
    """What launching it would do; nothing is recorded."""
    row = await records.get_session(hub.database, session, principal)
    blueprint = blueprint_of(row)
    return await preview(hub, principal, blueprint, effective(row, blueprint), row.title)


@router.post("/{session}/launch", status_code=202)
async def launch_session(session: str, asked: Seen, hub: CurrentHub, principal: CurrentPrincipal) -> Project:
    """Launch it if the constitution allows it, once: every further request gives the same project."""
    row = await records.get_session(hub.database, session, principal)
    if row.project is not None:
        return Project.model_validate(await get_project(hub.database, row.project, tenant=principal.tenant))
    records.check_version(row, asked.version)
    return await _launch(hub, principal, row)


async def _launch(hub: Hub, principal: Principal, row: WizardSession) -> Project:
    blueprint = blueprint_of(row)
    if problems := list(problems_of(row, blueprint)):
        told = "; ".join(
            f"{item.question}: {item.message}" if item.question else item.message for item in problems
        )
        raise BadInput(told, problems=[item.model_dump() for item in problems])
    made, _ = planned(
        blueprint, effective(row, blueprint), principal, title=row.title, project=_project_of(row)
    )
    await permit_launch(hub, principal, made)
    launched, fresh = await records.launch_session(hub.database, row.id, principal, made, version=row.version)
    if fresh:
        await hub.drivers.start_surely(launched.id, "launch")
    return Project.model_validate(launched)


def _project_of(row: WizardSession) -> str:
    """The id of the project that the session becomes as it is now: two clicks ask for the same one."""
    return "prj_" + hashlib.sha256(f"session {row.id} {row.version}".encode()).hexdigest()[:20]

"""Links to answer by: looking shows the question and changes nothing, only the form answers, once.

Programs that look at links in messages before people do cannot answer by that.
"""

import asyncio
from typing import Any
from urllib.parse import parse_qs

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from blocks.agreement import lacking, votes_of
from blocks.errors import BadInput, Conflict, Forbidden, NotFound, SomaError
from blocks.keys import SigningKey
from blocks.questions.links import is_genuine, link_id
from blocks.records.answer_links import find_link, principal_named, release_link, use_link
from blocks.records.approvals import bound_to, decide_approval, get_approval
from blocks.records.notice_tables import AnswerLink
from blocks.records.projects import get_project
from blocks.records.tables import Approval, now
from ui.gateway.answer_page import message_page, question_page
from ui.gateway.hub import CurrentHub, Hub

router = APIRouter(prefix="/v1/answers", tags=["approvals"])
LONGEST = 50_000
"""Bytes of a form."""


class LinkUnknown(NotFound):
    """This is no link of this hub, or not all of it: copy it whole from the message."""


class LinkOver(SomaError):
    """This link is over. Ask for the question again, or answer with `soma approve`."""

    status = 410


@router.get("/{token}", response_class=HTMLResponse)
async def look(token: str, hub: CurrentHub) -> HTMLResponse:
    """The question, with everything that will be done; looking answers nothing."""
    try:
        link, approval = await _open(hub, token)
        project = await get_project(hub.database, approval.project)
    except SomaError as error:
        return _told(error)
    given = votes_of(approval.votes, bound_to(approval))
    missing = lacking(approval.requirements, given, approval.requested_by)
    return question_page(link, approval, project, missing)


@router.post("/{token}", response_class=HTMLResponse)
async def answer(token: str, request: Request, hub: CurrentHub) -> HTMLResponse:
    """Record the answer of the person for whom the link was made; a link answers once."""
    try:
        link, _ = await _open(hub, token)
        form = await _form(request)
        decided = await _answer(hub, link, form)
    except SomaError as error:
        return _told(error)
    if decided.state != "pending":
        await hub.drivers.start_surely(decided.project, decided.id)
    state = decided.state.replace("_", " ")
    more = "Others have to agree as well." if decided.state == "pending" else f"The question is {state}."
    return message_page("Thank you", f"Your answer is taken. {more}", 200)


async def _answer(hub: Hub, link: AnswerLink, form: dict[str, Any]) -> Approval:
    person = await principal_named(hub.database, link.tenant, link.person)
    await use_link(hub.database, link.id)
    try:
        return await decide_approval(
            hub.database, link.approval, by=person, digest=link.action_digest, via="link", **form
        )
    except (BadInput, Forbidden):
        await release_link(hub.database, link.id)
        raise


async def _open(hub: Hub, token: str) -> tuple[AnswerLink, Approval]:
    """The link of the token and its question, if it can still be answered."""
    name = link_id(token)
    link = await find_link(hub.database, name) if name else None
    key = await asyncio.to_thread(SigningKey.ensure, hub.settings.keys_path)
    if link is None or not is_genuine(key, link, token):
        raise LinkUnknown
    if link.used_at is not None:
        raise LinkOver("This link was used already; each answers once.")
    if link.expires_at <= now():
        raise LinkOver
    approval = await get_approval(hub.database, link.approval, tenant=link.tenant)
    if approval.state != "pending":
        by = f" by {approval.decided_by}" if approval.decided_by else ""
        raise Conflict(
            f"This question was already {approval.state.replace('_', ' ')}{by}. Nothing was changed."
        )
    if bound_to(approval) != link.action_digest:
        raise LinkOver(
            "Somebody has changed what is asked about since; look at it again with `soma approvals`."
        )
    return link, approval


async def _form(request: Request) -> dict[str, Any]:
    body = await request.body()
    if len(body) > LONGEST:
        raise BadInput("the form is too large")
    try:
        given = parse_qs(body.decode(), keep_blank_values=True, max_num_fields=10)
    except ValueError:
        raise BadInput("this is not what the form sends") from None
    verdict, comment = (given.get(name, [""])[0] for name in ("verdict", "comment"))
    if verdict not in {"approve", "reject", "changes"}:
        raise BadInput("choose one of the answers")
    if len(comment) > 4000:
        raise BadInput("the comment is longer than 4,000 characters")
    return {"verdict": verdict, "comment": comment}


def _told(error: SomaError) -> HTMLResponse:
    titles = {404: "No such link", 409: "Already answered", 410: "This link is over", 403: "Not for you"}
    mend = error.fields.get("mend")
    text = f"{error.message}; {mend}" if mend else error.message
    return message_page(titles.get(error.status, "That did not work"), text, error.status)

"""Tokens for the runs of agents on other machines, which have no key to make their own."""

import hmac

from fastapi import APIRouter, Request, Response

from blocks.errors import NotFound, Unauthenticated
from blocks.records.ledger import attempt_of
from blocks.records.looking import read_nodes
from blocks.records.mandates import is_current
from blocks.records.projects import get_project
from blocks.signing_in.claims import PATH
from blocks.signing_in.passport import agent_token
from capsules.mandates import mandate_of, principal_of
from capsules.plan import planned_node
from ui.gateway.hub import CurrentHub
from ui.wire import Asked, Said

door = APIRouter(tags=["signing in"])
REFUSAL = "this attempt is not at work, or is not held by whoever asks"


class Held(Asked):
    """A run that says by what it holds its attempt."""

    attempt: str
    holder: str


class Passed(Said):
    """The token of an agent, for some minutes."""

    token: str


@door.post(PATH)
async def pass_agent(held: Held, request: Request, response: Response, hub: CurrentHub) -> Passed:
    """A token for the agent of an attempt that is at work: what it may do is read from the plan."""
    attempt = await attempt_of(hub.database, held.attempt)
    if attempt is None or not hmac.compare_digest((attempt.holder or "").encode(), held.holder.encode()):
        raise Unauthenticated(REFUSAL)
    try:
        project = await get_project(hub.database, attempt.project)
    except NotFound:
        raise Unauthenticated(REFUSAL) from None
    (line,) = await read_nodes(hub.database, project.id, {attempt.node})
    node = planned_node(project.plan, line)
    mandate = mandate_of(node, attempt)
    if not held.holder or not await is_current(hub.database, project.tenant, mandate):
        raise Unauthenticated(REFUSAL)
    response.headers["Cache-Control"] = "no-store"
    key = request.app.state.token_key
    return Passed(token=agent_token(key, principal_of(project, node), mandate))

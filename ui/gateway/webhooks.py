"""Webhooks: a signed request from outside starts a blueprint. The signature stands in for a token.

An address that does not exist and a signature that does not fit are answered alike, so that nobody can find
out which triggers there are.
"""

import json
from http import HTTPStatus
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse
from pydantic import ValidationError

from blocks.errors import BadInput, Conflict, NotFound, SomaError
from blocks.keys import SigningKey
from blocks.records.deliveries import Receipt, project_of, receive
from blocks.records.tables import now
from blocks.records.trigger_tables import Trigger
from blocks.records.triggers import get_trigger
from blocks.triggers.signatures import SignatureWrong, secret_of, verify
from capsules.answers import check_answers
from ui.gateway.hub import CurrentHub, Hub
from ui.wire_triggers import Message, Received

router = APIRouter(prefix="/v1/hooks", tags=["triggers"])
NOBODYS = "trg_nobody"
"""Stands for a trigger that does not exist; its secret fits no signature that anybody can make."""


class WrongMediaType(BadInput):
    """An event is JSON: send it as `Content-Type: application/json`."""

    status = 415


class AlreadyDelivered(Conflict):
    """This event was delivered before and has acted; an event acts once."""


class DeliveryRefused(BadInput):
    """The event was taken in, and the trigger cannot start anything with it."""


@router.post("/{trigger}", status_code=202, response_model=Received)
async def deliver(trigger: str, request: Request, hub: CurrentHub) -> Response:
    """Take a signed event in, once; the project that it starts has the id that is answered."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        raise WrongMediaType
    body = await request.body()
    found = await _webhook(hub, trigger)
    known, salt = (found.id, found.salt or "") if found is not None else (NOBODYS, "")
    secret = secret_of(SigningKey.ensure(hub.settings.keys_path), known, salt)
    event_id = verify(secret, request.headers, body)
    if found is None:
        raise SignatureWrong
    if not found.active:
        raise Conflict("the trigger is paused and takes no events in; send it again later")
    event = {"kind": "webhook", "id": event_id, "at": now().isoformat(), "body": _said(body)}
    async with hub.database.session() as session:
        receipt = await receive(session, found, f"webhook:{event_id}", event, check=check_answers)
    return _answer(request, receipt)


async def _webhook(hub: Hub, trigger: str) -> Trigger | None:
    try:
        found = await get_trigger(hub.database, trigger) if trigger.isascii() and len(trigger) < 100 else None
    except NotFound:
        return None
    return found if found is not None and found.kind == "webhook" else None


def _answer(request: Request, receipt: Receipt) -> Response:
    delivery = receipt.delivery
    told = Received(
        delivery=delivery.id,
        state=delivery.state,
        reason=delivery.reason,
        project=project_of(delivery.id) if delivery.state in {"received", "started"} else None,
    )
    fields = told.model_dump(exclude={"reason"})
    if not receipt.fresh:
        raise AlreadyDelivered(**fields)
    request.app.state.triggering.wake()
    if delivery.state == "refused":
        raise DeliveryRefused(delivery.reason, **fields)
    return JSONResponse(told.model_dump(mode="json"), HTTPStatus.ACCEPTED)


def _said(body: bytes) -> Any:  # any JSON value
    """The event's body; what the hub could not keep is no event."""
    try:
        return Message(data=json.loads(body, parse_constant=_not_json)).data
    except ValidationError as error:
        raise Malformed("; ".join(item["msg"] for item in error.errors())) from None
    except (ValueError, RecursionError) as error:
        raise Malformed(f"the body is not JSON: {error}") from None


class Malformed(SomaError):
    """The body is not JSON."""

    status = 400
    exit_code = 2


def _not_json(constant: str) -> Any:
    raise ValueError(f"{constant} is no JSON")

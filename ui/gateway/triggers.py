"""Triggers over HTTP: made, looked at, paused, resumed, tried and removed."""

import secrets
from typing import Any

from fastapi import APIRouter, Request

from blocks.errors import BadInput, Unavailable
from blocks.identity import Principal
from blocks.keys import SigningKey
from blocks.records import deliveries
from blocks.records import triggers as records
from blocks.records.tables import now
from blocks.records.trigger_tables import Trigger as Row
from blocks.triggers.filters import check_condition
from blocks.triggers.signatures import new_salt, secret_of
from blocks.triggers.templates import check_template, speaks_of_event
from capsules.answers import check_answers
from capsules.blueprint import get_blueprint
from ui.gateway.auth import CurrentPrincipal
from ui.gateway.hub import CurrentHub, Hub
from ui.gateway.triggering import Triggering
from ui.wire_triggers import Delivery, MadeTrigger, NewTrigger, TestEvent, Trigger, TriggerDetail

router = APIRouter(prefix="/v1/triggers", tags=["triggers"])


@router.post("", status_code=201)
async def add_trigger(
    asked: NewTrigger, request: Request, hub: CurrentHub, principal: CurrentPrincipal
) -> MadeTrigger:
    """A new trigger, at work at once; a webhook's secret is told here and nowhere else."""
    _check(asked)
    ((kind, source),) = asked.sources().items()
    told = source.model_dump(exclude_none=True)
    row = Row(
        tenant=principal.tenant,
        name=asked.name,
        kind=kind,
        blueprint=asked.blueprint,
        inputs=asked.inputs,
        source={**told, "anchor": now().isoformat()} if "interval" in told else told,
        condition=asked.condition,
        catch_up=asked.catch_up,
        salt=new_salt() if kind == "webhook" else None,
        created_by=principal.name,
    )
    made = await records.create_trigger(hub.database, row, by=principal)
    if kind == "schedule":
        made = await _scheduled(hub, _work(request), made, principal)
    return _told(hub, made)


@router.get("")
async def list_triggers(hub: CurrentHub, principal: CurrentPrincipal) -> list[Trigger]:
    """The tenant's triggers by name."""
    found = await records.list_triggers(hub.database, tenant=principal.tenant)
    return [Trigger.model_validate(trigger) for trigger in found]


@router.get("/{trigger}")
async def show_trigger(trigger: str, hub: CurrentHub, principal: CurrentPrincipal) -> TriggerDetail:
    """One trigger, by id or name, with its newest events and what became of them."""
    found = await records.get_trigger(hub.database, trigger, tenant=principal.tenant)
    lately = await deliveries.list_deliveries(hub.database, found.id)
    shown = Trigger.model_validate(found)
    return TriggerDetail(
        **shown.model_dump(), deliveries=[Delivery.model_validate(delivery) for delivery in lately]
    )


@router.delete("/{trigger}", status_code=204)
async def remove_trigger(
    trigger: str, request: Request, hub: CurrentHub, principal: CurrentPrincipal
) -> None:
    """End a trigger; what it started goes on."""
    found = await records.get_trigger(hub.database, trigger, tenant=principal.tenant)
    await records.remove_trigger(hub.database, found.id, by=principal)
    _work(request).wake()


@router.post("/{trigger}/pause")
async def pause_trigger(
    trigger: str, request: Request, hub: CurrentHub, principal: CurrentPrincipal
) -> Trigger:
    """Let the trigger start nothing until it is resumed; events meanwhile are not kept for later."""
    return await _switched(trigger, request, hub, principal, active=False)


@router.post("/{trigger}/resume")
async def resume_trigger(
    trigger: str, request: Request, hub: CurrentHub, principal: CurrentPrincipal
) -> Trigger:
    """Let the trigger be at work again."""
    return await _switched(trigger, request, hub, principal, active=True)


@router.post("/{trigger}/renew")
async def renew_secret(trigger: str, hub: CurrentHub, principal: CurrentPrincipal) -> MadeTrigger:
    """A new secret for a webhook; the old one is worth nothing from now on."""
    found = await records.get_trigger(hub.database, trigger, tenant=principal.tenant)
    if found.kind != "webhook":
        raise BadInput(f"the trigger {found.name!r} is no webhook, so it has no secret")
    changed = await records.change_trigger(
        hub.database, found.id, "secret renewed", by=principal, salt=new_salt()
    )
    return _told(hub, changed)


@router.post("/{trigger}/test", status_code=202)
async def try_trigger(
    trigger: str, asked: TestEvent, request: Request, hub: CurrentHub, principal: CurrentPrincipal
) -> Delivery:
    """Hand the trigger an event that is made up; it acts as for a real one."""
    found = await records.get_trigger(hub.database, trigger, tenant=principal.tenant)
    known = f"test:{secrets.token_hex(8)}"
    event = {"kind": found.kind, "id": known, "at": now().isoformat(), "by": principal.name, **asked.event}
    async with hub.database.session() as session:
        receipt = await deliveries.receive(session, found, known, event, check=check_answers)
    _work(request).wake()
    return Delivery.model_validate(receipt.delivery)


async def _switched(
    trigger: str, request: Request, hub: Hub, principal: Principal, *, active: bool
) -> Trigger:
    found = await records.get_trigger(hub.database, trigger, tenant=principal.tenant)
    event = "resumed" if active else "paused"
    changed = await records.change_trigger(hub.database, found.id, event, by=principal, active=active)
    if changed.deployment is not None:
        await _work(request).runs.pause(changed.deployment, paused=not active)
    return Trigger.model_validate(changed)


async def _scheduled(hub: Hub, work: Triggering, row: Row, principal: Principal) -> Row:
    """Give Prefect the schedule: at once, or when it is back; what it does not take is no trigger."""
    try:
        row.deployment = await work.runs.schedule(row)
    except BadInput:
        await records.remove_trigger(hub.database, row.id, by=principal)
        raise
    except Unavailable:
        return row
    await records.note_deployment(hub.database, row.id, row.deployment)
    return row


def _check(asked: NewTrigger) -> None:
    """What is wrong with the trigger is told now, not when the first event comes."""
    get_blueprint(asked.blueprint)
    check_template(asked.inputs)
    if not speaks_of_event(asked.inputs):
        check_answers(asked.blueprint, asked.inputs)
    if asked.condition:
        check_condition(asked.condition)


def _told(hub: Hub, row: Row) -> MadeTrigger:
    shown: dict[str, Any] = Trigger.model_validate(row).model_dump()
    if row.salt is None:
        return MadeTrigger(**shown)
    secret = secret_of(SigningKey.ensure(hub.settings.keys_path), row.id, row.salt)
    return MadeTrigger(**shown, secret=secret, path=f"/v1/hooks/{row.id}")


def _work(request: Request) -> Triggering:
    work: Triggering = request.app.state.triggering
    return work

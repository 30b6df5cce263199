"""From a run of the deployment `run-blueprint` to a project: planned once, however often the run starts.

The project's id follows from what it is planned for: a delivery of a trigger, or the flow run itself. So a
run that was killed and starts again, and two runs for one event, find the project that is there.
"""

import hashlib
from collections.abc import Mapping
from datetime import UTC
from typing import Any

from prefect.client.schemas import State
from prefect.client.schemas.objects import FlowRun
from prefect.context import FlowRunContext
from prefect.states import Completed, Failed

from blocks.errors import Conflict, NotFound, SomaError
from blocks.records.deliveries import end_delivery, get_delivery, note_run, project_of, receive
from blocks.records.plan_once import create_project_once
from blocks.records.projects import get_project
from blocks.records.tables import Project, new_id
from blocks.records.tenants import ensure_tenant
from blocks.records.trigger_tables import Delivery, Trigger
from blocks.records.triggers import get_trigger
from blocks.triggers.fanning import project_event
from blocks.triggers.origins import LABELS, depth_of, too_deep
from blocks.triggers.templates import fill
from capsules.answers import check_answers
from capsules.blueprint import get_blueprint
from capsules.driver.catching_up import missed
from capsules.environment import Environment, environment


class NotStarted(Conflict):
    """Nothing is started: the trigger is paused, was removed, or does not take this event."""


def not_started(reason: SomaError) -> State:
    """The state that says in Prefect why nothing was started; a wrong input is a failure, a pause is none."""
    made = Completed if isinstance(reason, NotStarted) else Failed
    return made(name="NotStarted", message=reason.message)


def ended_as(state: State) -> State:
    """The state of the project's run, said once more: a run shows its own reason, not that of a child."""
    return State(type=state.type, name=state.name, message=state.message)


async def plan_project(
    blueprint: str,
    inputs: Mapping[str, Any],
    *,
    trigger: str | None = None,
    delivery: str | None = None,
    event: Mapping[str, Any] | None = None,
) -> str:
    """Plan what this run is for and return the project's id; `NotStarted` says why there is none."""
    async with environment() as opened:
        if delivery is None and trigger is not None:
            delivery = (await _scheduled(opened, trigger)).id
        if delivery is not None:
            return (await _delivered(opened, *await get_delivery(opened.database, delivery))).id
        return (await _by_itself(opened, blueprint, inputs, event)).id


async def _scheduled(opened: Environment, name: str) -> Delivery:
    """The delivery of this moment of a schedule."""
    try:
        trigger = await get_trigger(opened.database, name)
    except NotFound:
        raise NotStarted(f"the trigger {name!r} was removed") from None
    if not trigger.active:
        raise NotStarted(
            f"the trigger {trigger.name!r} is paused", mend=f"soma triggers resume {trigger.name}"
        )
    run = _flow_run()
    if run is not None and (reason := await missed(run, trigger.catch_up)) is not None:
        raise NotStarted(reason)
    due = run.expected_start_time if run is not None else None
    at = due.astimezone(UTC).isoformat(timespec="seconds") if due is not None else ""
    known = (
        f"at:{at}" if run is not None and run.auto_scheduled else f"run:{run.id if run else new_id('run')}"
    )
    event = {"kind": "schedule", "id": known, "at": at}
    async with opened.database.session() as session:
        receipt = await receive(session, trigger, known, event, check=check_answers)
    if run is not None and receipt.fresh:
        await note_run(opened.database, receipt.delivery.id, str(run.id), tries=1)
    return receipt.delivery


async def _delivered(opened: Environment, delivery: Delivery, trigger: Trigger) -> Project:
    if delivery.state not in {"received", "started"}:
        raise NotStarted(delivery.reason)
    if not trigger.active and delivery.state == "received":
        raise NotStarted(
            f"the trigger {trigger.name!r} is paused", mend=f"soma triggers resume {trigger.name}"
        )
    try:
        made, lines = _planned(trigger.blueprint, delivery.inputs)
    except SomaError as error:  # the blueprint has changed since the event was taken in
        await end_delivery(opened.database, delivery.id, "refused", error.message)
        raise NotStarted(error.message) from None
    made.id = project_of(delivery.id)
    made.tenant, made.requested_by, made.origin = trigger.tenant, trigger.created_by, delivery.origin
    return await create_project_once(opened.database, made, lines)


async def _by_itself(
    opened: Environment, blueprint: str, inputs: Mapping[str, Any], event: Mapping[str, Any] | None
) -> Project:
    """A run of Prefect's UI, of a schedule in `prefect.yaml`, or of an automation, which tells an event."""
    run = _flow_run()
    origin: dict[str, Any] = {"kind": "schedule" if run and run.auto_scheduled else "run"}
    if event is not None:
        before = await _told_of(opened, event)
        filled = fill(inputs, {**(project_event(before) if before else {}), **_without_project(event)})
        inputs, origin = filled.inputs, _of_automation(before, filled.outside)
    made, lines = _planned(blueprint, inputs)
    made.tenant, made.origin = opened.settings.tenant, origin
    made.requested_by = f"prefect:{run.id if run else None}"
    if run is not None:
        made.id = "prj_" + hashlib.sha256(f"run {run.id}".encode()).hexdigest()[:20]
    await ensure_tenant(opened.database, made.tenant)
    return await create_project_once(opened.database, made, lines)


async def _told_of(opened: Environment, event: Mapping[str, Any]) -> Project | None:
    """The project that the event names, as its id or as Prefect's resource."""
    named = str(event.get("project") or "").removeprefix("soma.project.")
    return await get_project(opened.database, named, tenant=opened.settings.tenant) if named else None


def _without_project(event: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in event.items() if name != "project"}


def _of_automation(before: Project | None, outside: list[str]) -> dict[str, Any]:
    """Where an automation's project comes from; a chain of projects that start one another is bounded."""
    earlier = before.origin if before is not None else None
    chain = [*((earlier or {}).get("chain") or ()), "automation"]
    origin = {"kind": "automation", "depth": depth_of(earlier) + 1, "chain": chain}
    if (reason := too_deep(origin)) is not None:
        raise NotStarted(reason)
    origin["project"] = before.id if before is not None else None
    return {**origin, "untrusted": outside, "labels": list(LABELS["prefect"])}


def _planned(blueprint: str, inputs: Mapping[str, Any]) -> tuple[Project, list[dict[str, Any]]]:
    """A project that still lacks whose it is, and the lines of its ledger."""
    recipe = get_blueprint(blueprint)
    plan = recipe.plan(dict(inputs))
    made = Project(
        tenant="",
        title=recipe.title,
        blueprint=recipe.name,
        inputs=recipe.complete(dict(inputs)),
        plan=plan.model_dump(mode="json"),
        plan_digest=plan.digest,
        requested_by="",
    )
    return made, plan.lines()


def _flow_run() -> FlowRun | None:
    context = FlowRunContext.get()
    return context.flow_run if context is not None else None

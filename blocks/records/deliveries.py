"""Deliveries: an event is taken in once for each trigger, and starts one project at most."""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import update
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from blocks.errors import BadInput, NotFound, SomaError
from blocks.records.database import Database
from blocks.records.tables import Project, new_id, now
from blocks.records.text import escaped, storable
from blocks.records.trigger_tables import Delivery, DeliveryState, Trigger
from blocks.triggers.filters import fulfils
from blocks.triggers.origins import origin_of, too_deep, untrusted
from blocks.triggers.templates import fill

LOOK = timedelta(seconds=20)
"""How long one who starts a delivery has it for himself; then another may look at it."""
Check = Callable[[str, dict[str, Any]], None]
"""Raises `BadInput` when the blueprint of that name does not take these inputs."""


@dataclass(frozen=True, kw_only=True)
class Receipt:
    """What became of an event."""

    delivery: Delivery
    fresh: bool
    """False when the event had been taken in before; it acts once."""


async def receive(
    session: AsyncSession,
    trigger: Trigger,
    event_id: str,
    event: Mapping[str, Any],
    *,
    check: Check,
    before: Mapping[str, Any] | None = None,
) -> Receipt:
    """Take the event in, in the caller's transaction; one whose inputs will not do is kept as refused.

    `before` is the origin of the project that the event came from.
    """
    delivery = _judged(trigger, event, check, before)
    row = {**delivery.model_dump(), "event": event_id}
    row["reason"] = row["reason"] and storable(row["reason"])
    taken = insert(Delivery).values(**row).on_conflict_do_nothing(index_elements=["trigger", "event"])
    made = (await session.exec(taken.returning(col(Delivery.id)))).first()
    same = select(Delivery).where(Delivery.trigger == trigger.id, Delivery.event == event_id)
    return Receipt(delivery=(await session.exec(same)).one(), fresh=made is not None)


def _judged(
    trigger: Trigger, event: Mapping[str, Any], check: Check, before: Mapping[str, Any] | None
) -> Delivery:
    """What the event comes to, before anything is kept."""
    origin = origin_of(trigger, before)
    made = Delivery(id=new_id("dlv"), trigger=trigger.id, event="", origin=origin)
    made.origin = {**origin, "delivery": made.id}
    try:
        if not fulfils(trigger.condition, event):
            return _ended(made, "ignored", f"the condition {trigger.condition!r} was not met")
        if (reason := too_deep(origin)) is not None:
            return _ended(made, "refused", reason)
        filled = fill(trigger.inputs, event)
        made.inputs = filled.inputs
        made.origin = untrusted(
            made.origin, trigger.kind, [] if trigger.kind == "schedule" else filled.outside
        )
        _check_keepable(filled.inputs)
        check(trigger.blueprint, filled.inputs)
    except SomaError as error:
        made.inputs = {}
        return _ended(made, "refused", error.message)
    except Exception as error:  # noqa: BLE001  # one event that nobody foresaw must not hold up all others
        made.inputs = {}
        return _ended(made, "refused", f"unexpected {type(error).__name__}: {error}")
    return made


def _check_keepable(inputs: Mapping[str, Any]) -> None:
    text = json.dumps(inputs, ensure_ascii=False)
    if escaped(text) != text or "\\u0000" in text:
        raise BadInput("the event has control characters or half a character in a text")


def _ended(delivery: Delivery, state: DeliveryState, reason: str) -> Delivery:
    delivery.state, delivery.reason, delivery.ended_at = state, reason, now()
    return delivery


def project_of(delivery: str) -> str:
    """The id that the delivery's project has or will have: one delivery can make no second one."""
    return "prj_" + hashlib.sha256(f"delivery {delivery}".encode()).hexdigest()[:20]


async def get_delivery(database: Database, delivery: str) -> tuple[Delivery, Trigger]:
    """The delivery and its trigger, or `NotFound`."""
    query = select(Delivery, Trigger).join(Trigger, col(Trigger.id) == col(Delivery.trigger))
    async with database.session() as session:
        found = (await session.exec(query.where(Delivery.id == delivery))).first()
    if found is None:
        raise NotFound(f"there is no delivery {delivery!r}")
    return found[0], found[1]


async def list_deliveries(database: Database, trigger: str, *, limit: int = 20) -> list[Delivery]:
    """The trigger's newest deliveries first."""
    query = select(Delivery).where(Delivery.trigger == trigger)
    async with database.session() as session:
        return list(await session.exec(query.order_by(col(Delivery.received_at).desc()).limit(limit)))


async def take_due(database: Database, *, limit: int = 20) -> list[Delivery]:
    """Deliveries that are to be started or looked at; for a while nobody else takes them."""
    due = (
        select(Delivery.id)
        .where(Delivery.state == "received", col(Delivery.next_at) <= now())
        .order_by(col(Delivery.next_at))
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    change = update(Delivery).where(col(Delivery.id).in_(due)).values(next_at=now() + LOOK)
    async with database.session() as session:
        return list((await session.exec(change.returning(Delivery))).scalars())


async def note_run(database: Database, delivery: str, flow_run: str, *, tries: int) -> None:
    """The delivery has this flow run, which is to plan and drive its project."""
    await _change(database, delivery, flow_run=flow_run, tries=tries, next_at=now() + LOOK)


async def end_delivery(database: Database, delivery: str, state: DeliveryState, reason: str) -> None:
    """The delivery has come to nothing, for this reason."""
    await _change(database, delivery, state=state, reason=storable(reason), ended_at=now())


async def note_project(session: AsyncSession, project: Project) -> None:
    """The project is planned: said in the same transaction."""
    delivery = (project.origin or {}).get("delivery")
    await session.exec(update(Delivery).where(col(Delivery.id) == delivery).values(project=project.id))


async def note_started(database: Database, project: Project) -> None:
    """The project is launched, so its delivery has done what it came for; harmless for any other project."""
    delivery = (project.origin or {}).get("delivery")
    change = update(Delivery).where(col(Delivery.id) == delivery, col(Delivery.state) == "received")
    async with database.session() as session:
        await session.exec(change.values(state="started", ended_at=now()))


async def note_launched(database: Database) -> None:
    """Deliveries whose projects were launched by one who then died before he could say so are started."""
    launched = select(Project.id).where(col(Project.launched_at).is_not(None))
    change = update(Delivery).where(col(Delivery.project).in_(launched), col(Delivery.state) == "received")
    async with database.session() as session:
        await session.exec(change.values(state="started", ended_at=now()))


async def _change(database: Database, delivery: str, **changes: Any) -> None:
    async with database.session() as session:
        await session.exec(update(Delivery).where(col(Delivery.id) == delivery).values(**changes))

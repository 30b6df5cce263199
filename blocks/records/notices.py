"""The outbox of what people are told: written with its cause, and sent at least once."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import update
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from blocks.records.database import Database
from blocks.records.notice_tables import Delivery, Notice
from blocks.records.tables import new_id, now

KINDS = ("asked", "reminder", "escalated", "decided", "ended")
HELD = timedelta(seconds=60)
"""How long one sender has a delivery for itself; one that dies meanwhile leaves it to the next."""
FIRST, LONGEST = timedelta(seconds=2), timedelta(minutes=30)
"""The pause after the first failure; each next is twice as long, up to the longest."""
PATIENCE = timedelta(days=3)
"""After this long a delivery is given up."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Address:
    """One address of one route, without the address itself."""

    route: str
    digest: str


def add_notice(
    session: AsyncSession,
    kind: str,
    tenant: str,
    project: str,
    *,
    approval: str | None = None,
    **data: Any,
) -> None:
    """Write the notice in the caller's transaction, so that it is told exactly when its cause stands."""
    session.add(Notice(kind=kind, tenant=tenant, project=project, approval=approval, data=data))


async def notices_to_spread(database: Database, limit: int = 50) -> list[Notice]:
    """Notices whose addresses are not known yet, oldest first."""
    query = select(Notice).where(col(Notice.spread_at).is_(None)).order_by(col(Notice.at)).limit(limit)
    async with database.session() as session:
        return list(await session.exec(query))


async def spread(database: Database, notice: str, addresses: Iterable[Address]) -> None:
    """Write one delivery for each address; harmless to repeat, and to do in two processes at once."""
    rows = [
        {"id": new_id("dlv"), "notice": notice, "route": item.route, "address": item.digest}
        | {"state": "pending", "tries": 0, "next_at": now()}
        for item in addresses
    ]
    async with database.session() as session:
        if rows:
            await session.exec(insert(Delivery).values(rows).on_conflict_do_nothing())
        await session.exec(update(Notice).where(col(Notice.id) == notice).values(spread_at=now()))


async def take_due(database: Database, limit: int = 20) -> list[tuple[Delivery, Notice]]:
    """Deliveries whose time has come, held for the caller; nobody else gets them meanwhile."""
    due = (
        select(Delivery.id)
        .where(Delivery.state == "pending", col(Delivery.next_at) <= now())
        .order_by(col(Delivery.next_at))
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    change = update(Delivery).where(col(Delivery.id).in_(due)).values(next_at=now() + HELD)
    async with database.session() as session:
        found = list((await session.exec(change.returning(Delivery))).scalars())
        wanted = {item.notice for item in found}
        query = select(Notice).where(col(Notice.id).in_(wanted))
        notices = {notice.id: notice for notice in await session.exec(query)} if wanted else {}
    return [(item, notices[item.notice]) for item in found]


async def settle_delivery(database: Database, delivery: str, state: str, error: str | None = None) -> None:
    """Record that nothing more is to be done about the delivery."""
    values: dict[str, Any] = {"state": state, "error": error}
    if state == "sent":
        values |= {"sent_at": now(), "tries": Delivery.tries + 1}
    async with database.session() as session:
        await session.exec(update(Delivery).where(col(Delivery.id) == delivery).values(**values))


async def put_off(database: Database, delivery: Delivery, notice: Notice, error: str) -> str:
    """Record a failure: it is tried again after a pause, or given up when it has been tried for long."""
    tries = delivery.tries + 1
    pause = min(FIRST * 2 ** min(tries - 1, 16), LONGEST)
    state = "given_up" if now() - notice.at > PATIENCE else "pending"
    change = update(Delivery).where(col(Delivery.id) == delivery.id)
    async with database.session() as session:
        await session.exec(change.values(tries=tries, next_at=now() + pause, error=error[:500], state=state))
    return state


async def list_deliveries(
    database: Database, tenant: str, *, project: str | None = None, limit: int = 100
) -> list[tuple[Delivery, Notice]]:
    """The newest deliveries of the tenant, each with what it tells."""
    query = (
        select(Delivery, Notice)
        .join(Notice, col(Notice.id) == col(Delivery.notice))
        .where(Notice.tenant == tenant)
        .order_by(col(Notice.at).desc(), col(Delivery.route))
        .limit(limit)
    )
    if project is not None:
        query = query.where(Notice.project == project)
    async with database.session() as session:
        return [(delivery, notice) for delivery, notice in await session.exec(query)]

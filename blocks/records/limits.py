"""Concurrency limits: how many attempts that take a place of one may be at work at once.

A place is taken in the transaction that opens an attempt, under a lock of the limit's row, and is free at the
very moment when the attempt ends: what is counted are the attempts themselves, so nothing can be out of step.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import ColumnElement, and_, any_, delete, func, literal, or_
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from blocks.errors import BadInput, NotFound, SomaError
from blocks.records.database import Database
from blocks.records.patience import patient
from blocks.records.tables import Attempt, Limit, PlaceRequest, Project, now
from blocks.records.tenants import ensure_tenant

KINDS = ("tenant", "capsule", "resource")
PATIENCE = timedelta(seconds=5)
"""How long somebody in the queue who does not ask again keeps those behind waiting."""
_NAME = re.compile(r"(tenant|capsule|resource):([A-Za-z0-9][A-Za-z0-9._-]{0,119})")


class NoPlace(SomaError):
    """Every place of a concurrency limit is taken, or others are to have the next one."""

    status = 409


@dataclass(frozen=True, kw_only=True)
class Places:
    """A limit and how it is used."""

    name: str
    most: int
    taken: int
    waiting: int
    """How many projects stand in its queue."""


async def take_places(session: AsyncSession, project: Project, names: Sequence[str]) -> list[str]:
    """Take a place of each of these limits, for an attempt that is opened in the same transaction.

    Returns what the attempt keeps in `limits`. Raises `NoPlace`, whose `limit` says of which there is none.
    """
    query = select(Limit).where(Limit.tenant == project.tenant, col(Limit.name).in_(names))
    for limit in await session.exec(query.order_by(col(Limit.name)).with_for_update()):
        free = limit.most - await _taken(session, limit)
        if free <= 0 or free <= await _ahead(session, limit, project):
            raise NoPlace(f"waits for a place of {limit.name!r}, which has {limit.most}", limit=limit.name)
        mine = col(PlaceRequest.project) == project.id
        await session.exec(delete(PlaceRequest).where(mine, *_queue(limit)))
    return [_kept(project.tenant, name) for name in names]


@patient
async def stand_in_line(database: Database, project: str, tenant: str, name: str, priority: int) -> None:
    """Have the project keep its turn for a place: the higher priority first, then who has waited longest."""
    row = insert(PlaceRequest).values(
        name=name, tenant=tenant, project=project, priority=priority, since=func.now(), seen_at=func.now()
    )
    again = row.on_conflict_do_update(
        index_elements=["name", "tenant", "project"], set_={"seen_at": func.now(), "priority": priority}
    )
    async with database.session() as session:
        await session.exec(again)


@patient
async def leave_lines(database: Database, project: str) -> None:
    """The project asks for no place any more."""
    async with database.session() as session:
        await session.exec(delete(PlaceRequest).where(col(PlaceRequest.project) == project))


@patient
async def set_limit(database: Database, *, tenant: str, name: str, most: int) -> Places:
    """Let at most so many attempts have a place of it; those that have one keep it."""
    if _NAME.fullmatch(name) is None:
        kinds = ", ".join(f"{kind}:NAME" for kind in KINDS)
        raise BadInput(f"{name!r} is no name of a limit; one is {kinds}")
    if not 0 <= most <= 1_000_000:
        raise BadInput(f"a limit is a number from 0 to 1,000,000, not {most}")
    await ensure_tenant(database, tenant)
    row = insert(Limit).values(name=name, tenant=tenant, most=most)
    async with database.session() as session:
        await session.exec(row.on_conflict_do_update(index_elements=["name", "tenant"], set_={"most": most}))
    return next(limit for limit in await list_limits(database, tenant=tenant) if limit.name == name)


@patient
async def list_limits(database: Database, *, tenant: str) -> list[Places]:
    """The tenant's limits by name, each with how many of its places are taken now."""
    async with database.session() as session:
        found = await session.exec(select(Limit).where(Limit.tenant == tenant).order_by(col(Limit.name)))
        return [
            Places(
                name=limit.name,
                most=limit.most,
                taken=await _taken(session, limit),
                waiting=await _waiting(session, limit),
            )
            for limit in found.all()
        ]


@patient
async def remove_limit(database: Database, *, tenant: str, name: str) -> None:
    """Let any number be at work again."""
    async with database.session() as session:
        limit = await session.get(Limit, (name, tenant))
        if limit is None:
            raise NotFound(f"there is no limit {name!r}; `soma limits` lists them")
        await session.exec(delete(PlaceRequest).where(*_queue(limit)))
        await session.delete(limit)


def _kept(tenant: str, name: str) -> str:
    return f"{tenant}/{name}"


async def _taken(session: AsyncSession, limit: Limit) -> int:
    query = select(func.count()).select_from(Attempt)
    live = col(Attempt.state).in_(("queued", "running"))
    query = query.where(live, any_(col(Attempt.limits)) == _kept(limit.tenant, limit.name))
    return (await session.exec(query)).one()


async def _ahead(session: AsyncSession, limit: Limit, project: Project) -> int:
    """How many other projects are to have a place before this one."""
    own = await session.get(PlaceRequest, (limit.name, limit.tenant, project.id), populate_existing=True)
    since = own.since if own is not None else now()
    earlier = or_(
        col(PlaceRequest.priority) > project.priority,
        and_(col(PlaceRequest.priority) == project.priority, col(PlaceRequest.since) < since),
    )
    query = select(func.count()).select_from(PlaceRequest)
    query = query.where(*_queue(limit), col(PlaceRequest.project) != project.id, earlier, _is_alive())
    return (await session.exec(query)).one()


async def _waiting(session: AsyncSession, limit: Limit) -> int:
    query = select(func.count()).select_from(PlaceRequest).where(*_queue(limit), _is_alive())
    return (await session.exec(query)).one()


def _queue(limit: Limit) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return col(PlaceRequest.name) == limit.name, col(PlaceRequest.tenant) == limit.tenant


def _is_alive() -> ColumnElement[bool]:
    return col(PlaceRequest.seen_at) > func.now() - literal(PATIENCE)

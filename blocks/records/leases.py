"""Leases: which processes work for the hub, each alive as long as it says so to the database.

A process that is declared dead is dead for good, whatever it does later: it cannot renew its lease, so it
learns of it and stops, and what it was at work on is given to others. All times are the database's.
"""

import os
import socket
import sys
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

from sqlalchemy import ColumnElement, delete, func, literal, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import aliased
from sqlmodel import col, select

from blocks.records.database import Database
from blocks.records.patience import patient
from blocks.records.tables import Attempt, Holder, Project

RENEW = """
UPDATE holders SET expires_at = now() + make_interval(secs => $2)
WHERE id = $1 AND lost IS NULL RETURNING 1
"""
"""What a process says to stay alive; no row comes back to one that was declared dead."""


@dataclass(frozen=True, kw_only=True)
class Watched:
    """A live attempt beside the process that works at it, as seen at one moment."""

    attempt: Attempt
    holder: Holder | None
    over: bool
    """Whether the holder's lease has run out."""
    left: float
    """Seconds until the lease runs out; negative when it is over, 0 without a holder."""

    @property
    def death(self) -> str | None:
        """How it is known that nobody works at a claimed attempt any more; None while somebody may."""
        if self.attempt.state != "running" or self.attempt.holder is None:
            return None
        if self.holder is None:
            return "its process ended and left it unfinished"
        return death_of(self.holder, self.left if self.over else None)


@patient
async def add_holder(database: Database, holder: Holder, seconds: float) -> None:
    """Enter a process among the living, for this long at first."""
    values = holder.model_dump(exclude={"expires_at", "started_at"})
    row = insert(Holder).values(**values, started_at=func.now(), expires_at=_in(seconds))
    async with database.session() as session:
        await session.exec(row.on_conflict_do_nothing())  # entered already when only the answer was lost


@patient
async def remove_holder(database: Database, holder: str) -> None:
    """Let a process go that has ended its work; one that was declared dead stays until that is told."""
    async with database.session() as session:
        await session.exec(delete(Holder).where(col(Holder.id) == holder, col(Holder.lost).is_(None)))


@patient
async def bury(database: Database, holder: str, why: str, *, if_over: float | None = None) -> bool:
    """Declare a process dead, so that it can do nothing more; whether it is dead now.

    With `if_over`, the seconds that a lease lasts, only if its lease is over at this very moment.
    """
    change = update(Holder).where(col(Holder.id) == holder, col(Holder.lost).is_(None))
    if if_over is not None:
        change = change.where(_over(if_over))
    async with database.session() as session:
        await session.exec(change.values(lost=why, expires_at=func.now()))
        found = await session.get(Holder, holder, populate_existing=True)
    return found is None or found.lost is not None


@patient
async def forget(database: Database, holders: list[str]) -> None:
    """Remove processes whose death was told to everybody who has to know."""
    async with database.session() as session:
        await session.exec(delete(Holder).where(col(Holder.id).in_(holders)))


@patient
async def dying_holders(database: Database, seconds: float) -> list[tuple[Holder, float | None]]:
    """The processes that may be dead: those whose lease is over, with how long (seconds), and our host's."""
    over = _over(seconds)
    query = select(Holder, over, _left()).where(col(Holder.lost).is_(None), over | (Holder.host == here()))
    async with database.session() as session:
        return [(holder, left if is_over else None) for holder, is_over, left in await session.exec(query)]


@patient
async def living_holders(database: Database) -> list[Holder]:
    """The processes with a flow run that were not declared dead."""
    query = select(Holder).where(col(Holder.lost).is_(None), col(Holder.flow_run).is_not(None))
    async with database.session() as session:
        return list(await session.exec(query))


@patient
async def lost_holders(database: Database) -> list[tuple[Holder, float]]:
    """The processes that were declared dead and are not forgotten, each with the seconds since then."""
    query = select(Holder, -_left()).where(col(Holder.lost).is_not(None)).order_by(col(Holder.expires_at))
    async with database.session() as session:
        return [(holder, since) for holder, since in await session.exec(query)]


@patient
async def watch_attempts(database: Database, project: str, seconds: float) -> list[Watched]:
    """The project's live attempts in processes of their own, each beside its holder; one query."""
    query = (
        select(Attempt, Holder, _over(seconds), _left())
        .join(Holder, col(Holder.id) == col(Attempt.holder), isouter=True)
        .where(
            Attempt.project == project,
            col(Attempt.state).in_(("queued", "running")),
            Attempt.runtime != "inline",
        )
    )
    async with database.session() as session:
        return [
            Watched(attempt=attempt, holder=holder, over=bool(over), left=float(left or 0))
            for attempt, holder, over, left in await session.exec(query)
        ]


@patient
async def orphaned_attempts(database: Database) -> list[tuple[Attempt, str]]:
    """The attempts of processes that were declared dead, where no driver is alive to look after them."""
    driver = aliased(Holder)
    query = (
        select(Attempt, Holder.lost)
        .join(Holder, col(Holder.id) == col(Attempt.holder))
        .join(Project, col(Project.id) == col(Attempt.project))
        .join(driver, (col(driver.id) == col(Project.holder)) & col(driver.lost).is_(None), isouter=True)
        .where(Attempt.state == "running", col(Holder.lost).is_not(None), col(driver.id).is_(None))
    )
    async with database.session() as session:
        return [(attempt, str(lost)) for attempt, lost in await session.exec(query)]


@patient
async def living_driver(database: Database, project: str, seconds: float) -> Holder | None:
    """The process that drives the project, unless it is known to be dead."""
    query = (
        select(Holder, _over(seconds), _left())
        .join(Project, col(Project.holder) == col(Holder.id))
        .where(Project.id == project)
    )
    async with database.session() as session:
        found = (await session.exec(query)).first()
    if found is None:
        return None
    holder, over, left = found
    why = death_of(holder, left if over else None)
    return (
        holder if why is None or not await bury(database, holder.id, why, **_terms(over, seconds)) else None
    )


def death_of(holder: Holder, overdue: float | None) -> str | None:
    """How it is known that the process is dead; `overdue` is what its lease has left, if that is over."""
    if holder.lost is not None:
        return holder.lost
    who = f"its process (pid {holder.pid} on {holder.host.partition('#')[0]})"
    if holder.host == here() and not _exists(holder.pid):
        return f"{who} is gone"
    if overdue is not None:
        return f"{who} let its lease run out {-overdue:.0f} s ago: it is dead, stuck or cut off"
    return None


def _terms(over: bool, seconds: float) -> dict[str, Any]:  # noqa: FBT001  # a flag that was read
    return {"if_over": seconds} if over else {}


@cache
def here() -> str:
    """This machine, and which of its process tables: a container has one of its own."""
    marks = [_read("/proc/sys/kernel/random/boot_id"), _link("/proc/self/ns/pid")]
    return f"{socket.gethostname()}#{sha256(' '.join(marks).encode()).hexdigest()[:8]}"


def _exists(pid: int) -> bool:
    """Whether there is such a process on this machine; one that has ended and was not yet buried is none."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True  # somebody else's
    status = _read(f"/proc/{pid}/stat") if sys.platform == "linux" else ""
    return status.rpartition(")")[2].split()[:1] not in (["Z"], ["X"])


def _read(path: str) -> str:
    try:
        return Path(path).read_text()
    except OSError:
        return ""


def _link(path: str) -> str:
    try:
        return str(Path(path).readlink())
    except OSError:
        return ""


def _in(seconds: float) -> ColumnElement[Any]:
    return func.now() + literal(timedelta(seconds=seconds))


def _over(seconds: float) -> ColumnElement[bool]:
    """Whether the lease is over, and the database has been up for long enough to have been told so."""
    return (col(Holder.expires_at) < func.now()) & (
        func.pg_postmaster_start_time() < func.now() - literal(timedelta(seconds=seconds))
    )


def _left() -> ColumnElement[Any]:
    return func.extract("epoch", col(Holder.expires_at) - func.now())

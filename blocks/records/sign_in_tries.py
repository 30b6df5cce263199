"""How often signing in failed: counted before the password is looked at, so that many at once do not pass."""

import hashlib
from datetime import timedelta

from sqlalchemy import case, delete, func, or_
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col, select

from blocks.errors import TooManyTries
from blocks.records.database import Database
from blocks.records.tables import now
from blocks.records.user_tables import SignInTries

WINDOW = timedelta(minutes=15)
"""After so long without a failure they are forgotten."""
LONGEST_WAIT = 60
"""Seconds: whoever is attacked can still sign in within a minute."""


async def count_try(database: Database, what: str, *, free: int) -> None:
    """Count a try, or raise `TooManyTries` with the seconds to wait; `free` tries have none.

    Each failure after those doubles the wait, up to a minute. A try that succeeds is taken back by `forgive`.
    """
    key, moment = _key(what), now()
    fresh = insert(SignInTries).values(key=key, failures=1, at=moment)
    row = SignInTries.__table__.c  # type: ignore[attr-defined]  # SQLModel sets it
    failures = case((row.at < moment - WINDOW, 1), else_=row.failures + 1)
    wait = func.least(LONGEST_WAIT, func.power(2, func.least(failures - free, 10)))
    blocked = case((failures > free, moment + func.make_interval(0, 0, 0, 0, 0, 0, wait)), else_=None)
    counted = fresh.on_conflict_do_update(
        index_elements=["key"],
        set_={"failures": failures, "at": moment, "blocked_until": blocked},
        where=or_(row.blocked_until.is_(None), row.blocked_until <= moment),
    ).returning(row.key)
    async with database.session() as session:
        if (await session.exec(counted)).first() is not None:
            return
        until = (
            await session.exec(select(SignInTries.blocked_until).where(SignInTries.key == key))
        ).one_or_none()
    left = max(1, round((until - moment).total_seconds())) if until else 1
    raise TooManyTries(f"there were too many tries; wait {left} s", retry_after=left)


async def forgive(database: Database, what: str) -> None:
    """Forget the failures: it was the right person after all. Old ones of others go with them."""
    old = or_(col(SignInTries.key) == _key(what), col(SignInTries.at) < now() - WINDOW)
    async with database.session() as session:
        await session.exec(delete(SignInTries).where(old))


def _key(what: str) -> str:
    return hashlib.sha256(what.encode("utf-8", "surrogatepass")).hexdigest()

"""Settling after an action: what it has really cost, or what must be presumed when nobody can tell."""

from datetime import timedelta

from sqlalchemy import and_, exists, or_
from sqlmodel import col, select

from blocks.budgets.accounts import Account
from blocks.budgets.amounts import Amounts
from blocks.budgets.reserving import moved
from blocks.budgets.rows import bounded, locked_accounts, locked_charges, scope_of
from blocks.records.budget_tables import BudgetCharge
from blocks.records.database import Database
from blocks.records.patience import patient
from blocks.records.tables import Attempt, now

LIVE = ("queued", "running")
LONGEST = timedelta(hours=1)
"""After this long, an action outside of any attempt that has told nothing counts as lost."""
MOST_AT_ONCE = 1000


async def settle(
    database: Database, key: str, used: Amounts | None = None, *, token: int | None = None
) -> tuple[Account, ...]:
    """Record what the action has cost; of a kind that `used` does not name, what was reserved.

    Told twice, the larger counts; but whoever reserved it may put right what was only presumed. What a
    younger attempt has taken over is left to that one.
    """
    return await _close(database, key, used or {}, token=token)


@patient
async def release(database: Database, key: str, *, token: int | None = None) -> tuple[Account, ...]:
    """Give back what was reserved for an action that has not happened; what is settled stays."""
    async with bounded(database) as session:
        held = [row for row in await locked_charges(session, key) if row.state == "reserved"]
        held = [row for row in held if not _older(token, row)]
        if not held:
            return ()
        accounts = await locked_accounts(session, scope_of(held[0]), [row.kind for row in held])
        back = {row.kind: -row.reserved for row in held}
        for row in held:
            row.state, row.ended_at = ("settled" if row.settled else "released"), now()
        return moved(accounts, reserved=back)


async def paid(database: Database, key: str) -> dict[str, int]:
    """What has been reserved or settled under the key so far."""
    query = select(BudgetCharge).where(BudgetCharge.id == key, BudgetCharge.state != "released")
    async with database.session() as session:
        return {row.kind: max(row.reserved, row.settled) for row in await session.exec(query)}


async def settle_orphans(database: Database) -> int:
    """Settle what nobody will: charges whose attempt has ended or was lost, at what was reserved for them.

    Returns how many there were.
    """
    found = 0
    for key in await orphans(database):
        found += bool(await _close(database, key, {}, presumed=True))
    return found


async def orphans(database: Database) -> list[str]:
    """The keys of open charges that no living attempt answers for."""
    living = exists().where(col(Attempt.id) == col(BudgetCharge.attempt), col(Attempt.state).in_(LIVE))
    nobody = and_(col(BudgetCharge.attempt).is_(None), col(BudgetCharge.created_at) < now() - LONGEST)
    query = select(BudgetCharge.id).where(
        BudgetCharge.state == "reserved",
        or_(nobody, and_(col(BudgetCharge.attempt).is_not(None), ~living)),
    )
    async with database.session() as session:
        return list(await session.exec(query.distinct().limit(MOST_AT_ONCE)))


@patient
async def _close(
    database: Database,
    key: str,
    used: Amounts,
    *,
    token: int | None = None,
    presumed: bool = False,
) -> tuple[Account, ...]:
    async with bounded(database) as session:
        held = [row for row in await locked_charges(session, key) if not _older(token, row)]
        if presumed:
            held = [row for row in held if row.state == "reserved"]
        if not held:
            return ()
        accounts = await locked_accounts(session, scope_of(held[0]), [row.kind for row in held])
        back = {row.kind: -row.reserved if row.state == "reserved" else 0 for row in held}
        more = {row.kind: _settled(row, used, token=token) - row.settled for row in held}
        for row in held:
            row.presumed = presumed or (row.presumed and row.kind not in used)
            row.settled += more[row.kind]
            row.state, row.ended_at = "settled", row.ended_at or now()
        return moved(accounts, reserved=back, spent=more)


def _settled(row: BudgetCharge, used: Amounts, *, token: int | None) -> int:
    """What the charge costs now that this much is told of it."""
    told = used.get(row.kind)
    if row.state == "reserved":
        return row.settled + row.reserved if told is None else max(told, row.settled)
    if told is None:
        return row.settled
    own = row.presumed and row.token == token
    return told if own else max(told, row.settled)


def _older(token: int | None, row: BudgetCharge) -> bool:
    """Whether an attempt that has lost the charge to a younger one speaks."""
    return token is not None and row.token is not None and token < row.token

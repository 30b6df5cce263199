"""Reserving before an action happens: along the whole chain or not at all, and never beyond a limit."""

from collections.abc import Sequence

from sqlalchemy.dialects.postgresql import insert
from sqlmodel.ext.asyncio.session import AsyncSession

from blocks.budgets.accounts import Account, Answer, Charge, exceeded
from blocks.budgets.amounts import Amounts
from blocks.budgets.rows import bounded, locked_accounts, locked_charges, open_accounts, scope_of, shown
from blocks.errors import Conflict
from blocks.records.budget_tables import BudgetAccount, BudgetCharge
from blocks.records.database import Database
from blocks.records.patience import patient
from blocks.records.tables import now


class _NotSo(Exception):  # ends a transaction; nobody outside sees it
    """Nothing is to be kept of this transaction."""

    def __init__(self, answer: Answer | None) -> None:
        self.answer = answer
        """None where accounts are missing."""
        super().__init__()


@patient
async def reserve(database: Database, charge: Charge) -> Answer:
    """Reserve the amounts in every account of the chain, or say which limits are in the way.

    A key that is reserved already passes to the attempt that asks now, at the larger of both amounts. One
    that is settled is not charged again, but for what it now asks beyond that.
    """
    while True:
        try:
            async with bounded(database) as session:
                return await _reserve(session, charge)
        except _NotSo as found:
            if found.answer is not None:
                return found.answer
        await open_accounts(database, charge)


async def _reserve(session: AsyncSession, charge: Charge) -> Answer:
    held = await claimed(session, charge)
    accounts = await locked_accounts(session, charge.scope, charge.amounts)
    if len(accounts) < len(charge.amounts) * len(charge.scope.owners()):
        raise _NotSo(None)
    wanted = {row.kind: _still_wanted(row, charge.amounts) for row in held}
    before = tuple(map(shown, accounts))
    over = () if charge.lifted else exceeded(before, wanted)
    if over:
        raise _NotSo(Answer(accounts=before, over=over))
    for row in held:
        _renew(row, charge, wanted[row.kind])
    return Answer(accounts=moved(accounts, reserved=wanted))


async def claimed(session: AsyncSession, charge: Charge) -> list[BudgetCharge]:
    """The charge's rows, new ones with nothing reserved where it has none yet; locked."""
    rows = [
        {
            "id": charge.key,
            "kind": kind,
            "tenant": charge.scope.tenant,
            "project": charge.scope.project,
            "node": charge.scope.node,
            "action": charge.action,
            "state": "reserved",
            "reserved": 0,
            "settled": 0,
            "presumed": False,
            "attempt": charge.attempt,
            "token": charge.token,
            "created_at": now(),
        }
        for kind in sorted(charge.amounts)
    ]
    await session.exec(insert(BudgetCharge).values(rows).on_conflict_do_nothing())
    found = [row for row in await locked_charges(session, charge.key) if row.kind in charge.amounts]
    if any(scope_of(row) != charge.scope for row in found):
        raise Conflict(f"the charge {charge.key!r} belongs to other accounts")
    return found


def moved(
    accounts: Sequence[BudgetAccount],
    *,
    reserved: Amounts | None = None,
    spent: Amounts | None = None,
) -> tuple[Account, ...]:
    """Move the locked accounts by these amounts of each kind, and show them."""
    for account in accounts:
        account.reserved += (reserved or {}).get(account.kind, 0)
        account.spent += (spent or {}).get(account.kind, 0)
    return tuple(map(shown, accounts))


def _still_wanted(row: BudgetCharge, amounts: Amounts) -> int:
    """What is to be reserved on top of what this key has been charged."""
    had = {"reserved": row.reserved, "settled": max(row.reserved, row.settled), "released": 0}
    return max(0, amounts[row.kind] - had[row.state])


def _renew(row: BudgetCharge, charge: Charge, wanted: int) -> None:
    """An open charge belongs to the attempt that asks now, unless a younger one has asked before."""
    if row.state != "reserved" and wanted == 0:
        return
    if row.state != "reserved":
        row.state, row.reserved, row.ended_at = "reserved", 0, None
    row.reserved += wanted
    if charge.token is None or row.token is None or charge.token >= row.token:
        row.attempt, row.token = charge.attempt, charge.token

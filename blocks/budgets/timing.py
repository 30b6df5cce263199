"""Charging time as it goes on: what has passed is settled, and a slice of what comes is reserved."""

from collections.abc import Iterable

from sqlmodel.ext.asyncio.session import AsyncSession

from blocks.budgets.accounts import Account, Charge
from blocks.budgets.reserving import claimed, moved
from blocks.budgets.rows import bounded, locked_accounts, open_missing, shown
from blocks.records.database import Database
from blocks.records.patience import patient

KIND = "seconds"
Told = tuple[int, tuple[Account, ...]]
"""How much of the next slice was granted, and how the accounts stand then."""


@patient
async def tell_time(database: Database, charge: Charge, used: int) -> Told:
    """Settle what the attempt has used in all and reserve its next slice, or what the limits leave of it.

    An attempt that dies is charged what it told last and the slice that it had reserved. When nothing is
    granted, the time is used up, or the attempt was given up and its charge settled.
    """
    await open_missing(database, charge)
    async with bounded(database) as session:
        return await _tell(session, charge, used)


async def _tell(session: AsyncSession, charge: Charge, used: int) -> Told:
    (row,) = await claimed(session, charge)
    accounts = await locked_accounts(session, charge.scope, [KIND])
    if row.state != "reserved":
        return 0, tuple(map(shown, accounts))
    more, before = max(0, used - row.settled), row.reserved
    after = [shown(account).moved(reserved=-before, spent=more) for account in accounts]
    granted = charge.amounts[KIND] if charge.lifted else least_left(after, charge.amounts[KIND])
    row.settled, row.reserved = row.settled + more, granted
    return granted, moved(accounts, reserved={KIND: granted - before}, spent={KIND: more})


def least_left(accounts: Iterable[Account], most: int) -> int:
    """What all the limits leave of `most`; never less than nothing."""
    return max(0, min([most, *(account.left for account in accounts if account.left is not None)]))

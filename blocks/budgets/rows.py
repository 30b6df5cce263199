"""The rows of accounts and charges, locked in one order for everybody, so that nobody waits in a circle.

Charges come before accounts, and accounts are locked by kind and then from the tenant down. Missing accounts
are made in a transaction of their own, which holds nothing else.
"""

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager

from sqlalchemy import func, tuple_
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import DBAPIError
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession
from sqlmodel.sql.expression import SelectOfScalar

from blocks.budgets.accounts import Account, Charge, Scope, level_of
from blocks.budgets.amounts import kind_of
from blocks.errors import Unavailable
from blocks.records.budget_tables import BudgetAccount, BudgetCharge
from blocks.records.database import Database

PATIENCE = "10s"
"""How long a transaction waits for a lock, or may stand still with locks: a frozen process frees its own."""


STUCK = frozenset({"55P03", "25P03"})
"""PostgreSQL's words for both."""


@asynccontextmanager
async def bounded(database: Database) -> AsyncIterator[AsyncSession]:
    """A transaction that neither waits nor is waited for without end."""
    limits = select(
        func.set_config("lock_timeout", PATIENCE, True),  # noqa: FBT003  # PostgreSQL's own signature
        func.set_config("idle_in_transaction_session_timeout", PATIENCE, True),  # noqa: FBT003  # the same
    )
    try:
        async with database.session() as session:
            await session.exec(limits)
            yield session
    except DBAPIError as error:
        if getattr(error.orig, "sqlstate", None) in STUCK:
            raise Unavailable(f"the budget's accounts were locked for longer than {PATIENCE}") from error
        raise


def accounts_query(scope: Scope, kinds: Iterable[str] | None = None) -> SelectOfScalar[BudgetAccount]:
    """The accounts of the chain, in the order in which they are locked."""
    query = select(BudgetAccount).where(
        BudgetAccount.tenant == scope.tenant,
        tuple_(col(BudgetAccount.project), col(BudgetAccount.node)).in_(scope.owners().values()),
    )
    if kinds is not None:
        query = query.where(col(BudgetAccount.kind).in_(list(kinds)))
    return query.order_by(col(BudgetAccount.kind), col(BudgetAccount.project), col(BudgetAccount.node))


async def locked_accounts(session: AsyncSession, scope: Scope, kinds: Iterable[str]) -> list[BudgetAccount]:
    """The accounts of the chain, locked until the transaction ends."""
    query = accounts_query(scope, kinds).with_for_update()
    return list(await session.exec(query.execution_options(populate_existing=True)))


async def locked_charges(session: AsyncSession, key: str) -> list[BudgetCharge]:
    """What is charged under the key, locked until the transaction ends."""
    query = select(BudgetCharge).where(BudgetCharge.id == key).order_by(col(BudgetCharge.kind))
    return list(await session.exec(query.with_for_update().execution_options(populate_existing=True)))


async def open_accounts(database: Database, charge: Charge) -> None:
    """Make the accounts of the chain that are missing, with their first limits."""
    rows = [
        {
            "tenant": charge.scope.tenant,
            "kind": kind,
            "project": project,
            "node": node,
            "most": charge.limits.get((level, kind)),
            "reserved": 0,
            "spent": 0,
        }
        for kind in sorted(charge.amounts)
        for level, (project, node) in charge.scope.owners().items()
    ]
    async with bounded(database) as session:
        await session.exec(insert(BudgetAccount).values(rows).on_conflict_do_nothing())


async def open_missing(database: Database, charge: Charge) -> None:
    """The same, where a look says that some are missing."""
    async with database.session() as session:
        found = (await session.exec(accounts_query(charge.scope, charge.amounts))).all()
    if len(found) < len(charge.amounts) * len(charge.scope.owners()):
        await open_accounts(database, charge)


def shown(row: BudgetAccount) -> Account:
    """The row as a value that no later change of the row reaches."""
    return Account(
        level=level_of(row.project, row.node),
        kind=kind_of(row.kind),
        most=row.most,
        reserved=row.reserved,
        spent=row.spent,
    )


def scope_of(row: BudgetCharge) -> Scope:
    return Scope(tenant=row.tenant, project=row.project, node=row.node)

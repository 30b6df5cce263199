"""Limits of accounts, as people set them, and how the accounts stand."""

from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col, select

from blocks.audit.entries import entry
from blocks.budgets.accounts import Account, Scope
from blocks.budgets.amounts import kind_of
from blocks.budgets.rows import accounts_query, shown
from blocks.identity import Principal
from blocks.records.audit import append
from blocks.records.budget_tables import BudgetAccount
from blocks.records.database import Database
from blocks.records.patience import patient


async def set_limit(
    database: Database, scope: Scope, kind: str, most: int | None, *, by: Principal
) -> Account:
    """Set the limit, in millionths, of the account of the scope's last level; None takes it away.

    A limit below what is spent is valid: nothing more is reserved then.
    """
    *_, (project, node) = scope.owners().values()
    row = {"tenant": scope.tenant, "kind": kind_of(kind), "project": project, "node": node}
    change = insert(BudgetAccount).values({**row, "most": most, "reserved": 0, "spent": 0})
    change = change.on_conflict_do_update(constraint="budget_accounts_pkey", set_={"most": most})
    async with database.session() as session:
        account: BudgetAccount = (await session.exec(change.returning(BudgetAccount))).scalar_one()
        found = shown(account)
        said = {"event": "limit", "by": by.name, "of": kind, "project": project or None, "node": node or None}
        await append(session, [entry("budget", scope.tenant, **said, millionths=most)])
    return found


@patient
async def chain(database: Database, scope: Scope) -> tuple[Account, ...]:
    """The accounts of the scope's chain that exist, from one look."""
    async with database.session() as session:
        return tuple(map(shown, await session.exec(accounts_query(scope))))


async def accounts_of(database: Database, tenant: str, project: str = "") -> list[BudgetAccount]:
    """The tenant's own accounts, or those of one project and its nodes."""
    query = select(BudgetAccount).where(BudgetAccount.tenant == tenant, BudgetAccount.project == project)
    async with database.session() as session:
        return list(await session.exec(query.order_by(col(BudgetAccount.node), col(BudgetAccount.kind))))

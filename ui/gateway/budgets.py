"""What tenants, projects and nodes may use up, and have."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Annotated

from fastapi import APIRouter, Query

from blocks.budgets.accounts import Account, Scope
from blocks.budgets.amounts import UNIT, exact
from blocks.budgets.limits import accounts_of, set_limit
from blocks.budgets.rows import shown
from blocks.errors import BadInput, NotFound
from blocks.records.looking import read_nodes
from blocks.records.projects import get_project
from blocks.records.tables import Project
from ui.gateway.auth import CurrentPrincipal
from ui.gateway.hub import CurrentHub
from ui.wire_budgets import BudgetAccount, LimitAsked

router = APIRouter(prefix="/v1/budgets", tags=["budgets"])


@router.get("")
async def show_budgets(
    hub: CurrentHub,
    principal: CurrentPrincipal,
    project: Annotated[str | None, Query(max_length=100)] = None,
) -> list[BudgetAccount]:
    """The tenant's own accounts, or those of a project and of its nodes that have used something up."""
    found = await get_project(hub.database, project, tenant=principal.tenant) if project else None
    rows = await accounts_of(hub.database, principal.tenant, found.id if found else "")
    accounts = [_said(shown(row), row.project, row.node) for row in rows]
    return [*(_planned(found, accounts) if found else ()), *accounts]


@router.put("")
async def set_budget(asked: LimitAsked, hub: CurrentHub, principal: CurrentPrincipal) -> BudgetAccount:
    """Set a limit, or take it away; it holds for every charge from now on."""
    if asked.node and not asked.project:
        raise BadInput("a node belongs to a project; name the project as well")
    if asked.project:
        await get_project(hub.database, asked.project, tenant=principal.tenant)
    if asked.project and asked.node:
        name = asked.node.partition("#")[0]
        if not await read_nodes(hub.database, asked.project, {name}):
            raise NotFound(f"project {asked.project!r} has no node {name!r}")
    scope = Scope(tenant=principal.tenant, project=asked.project or "", node=asked.node or "")
    most = None if asked.limit is None else exact(asked.limit)
    account = await set_limit(hub.database, scope, asked.kind, most, by=principal)
    return _said(account, scope.project, scope.node)


def _planned(project: Project, known: list[BudgetAccount]) -> Iterator[BudgetAccount]:
    """The limits that the plan gave to the project and that nothing was charged to so far."""
    charged = {account.kind for account in known if account.level == "project"}
    for kind, most in (project.plan.get("budget") or {}).items():
        if kind not in charged:
            yield _said(Account(level="project", kind=kind, most=exact(most)), project.id, "")


def _said(account: Account, project: str, node: str) -> BudgetAccount:
    return BudgetAccount(
        level=account.level,
        project=project or None,
        node=node or None,
        kind=account.kind,
        limit=None if account.most is None else _decimal(account.most),
        reserved=_decimal(account.reserved),
        spent=_decimal(account.spent),
        left=None if account.left is None else _decimal(account.left),
    )


def _decimal(amount: int) -> Decimal:
    return Decimal(amount) / UNIT

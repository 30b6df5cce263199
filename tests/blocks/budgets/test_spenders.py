"""Fifty spenders in ten processes, killed with -9 at random: the sums are exact, and no limit is passed."""

import asyncio
import os
import random
import signal
import sys
import time
from pathlib import Path
from typing import Any

from sqlmodel import select

from blocks.budgets.accounts import Scope
from blocks.budgets.amounts import UNIT
from blocks.budgets.limits import accounts_of, set_limit
from blocks.budgets.settling import settle_orphans
from blocks.identity import Principal
from blocks.records.budget_tables import BudgetAccount, BudgetCharge
from blocks.records.database import Database

sys.path.insert(0, str(Path(__file__).parent))

import spender  # it lies beside this file, and tests are no packages

WORKERS, SPENDERS, CALLS = 10, 5, 4
KILLS = 20
LIMITS = {"tokens": 700, "tool_calls": 150}
"""Of two hundred calls and about a thousand tokens that are wanted."""


def start(url: str, tenant: str, worker: int, token: int) -> int:
    """The pid of a new process of the worker; forked, so that ten of them are cheap."""
    pid = os.fork()
    if pid:
        return pid
    try:
        asyncio.run(spender.work(url, tenant, f"n{worker}", token, spenders=SPENDERS, calls=CALLS))
    except BaseException:  # the parent's tests must not go on in the child
        os._exit(1)
    os._exit(0)


def storm(url: str, tenant: str, dice: random.Random) -> int:
    """Run all workers to their ends, killing one after the other; returns how many were killed at work."""
    living = {start(url, tenant, worker, 1): (worker, 1) for worker in range(WORKERS)}
    killed = 0
    while living:
        time.sleep(dice.uniform(0.01, 0.1))
        if killed < KILLS:
            os.kill(dice.choice(list(living)), signal.SIGKILL)
        for pid in list(living):
            done, status = os.waitpid(pid, os.WNOHANG)
            if not done:
                continue
            worker, token = living.pop(pid)
            assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0
            if os.WIFSIGNALED(status):
                killed += 1
                living[start(url, tenant, worker, token + 1)] = (worker, token + 1)
    return killed


async def rows(database: Database, tenant: str) -> tuple[list[BudgetAccount], list[BudgetCharge]]:
    async with database.session() as session:
        charges = list(await session.exec(select(BudgetCharge).where(BudgetCharge.tenant == tenant)))
    owned = await accounts_of(database, tenant, f"prj-{tenant}")
    return [*await accounts_of(database, tenant), *owned], charges


def holds(accounts: list[BudgetAccount], charges: list[BudgetCharge]) -> None:
    """Each account is exactly the sum of its charges, at every level, and within its limit."""
    for account in accounts:
        own = [
            row
            for row in charges
            if row.kind == account.kind
            and account.project in {"", row.project}
            and account.node in {"", row.node}
        ]
        assert account.reserved == sum(row.reserved for row in own if row.state == "reserved")
        assert account.spent == sum(row.settled for row in own)
        assert account.most is None or account.spent + account.reserved <= account.most


def test_fifty_spenders_that_die_at_random_keep_the_sum_exact(run, tenant, books_url):
    """Same keys again after every kill: charged once, never beyond a limit, nothing left reserved."""
    admin = Principal(tenant=tenant, name="ada")

    async def limit(database: Database) -> None:
        for kind, most in LIMITS.items():
            await set_limit(database, Scope(tenant=tenant), kind, most * UNIT, by=admin)

    async def close(database: Database) -> Any:
        accounts, charges = await rows(database, tenant)
        holds(accounts, charges)
        await settle_orphans(database)
        return await rows(database, tenant)

    run(limit)
    killed = storm(books_url, tenant, random.Random(tenant))
    accounts, charges = run(close)

    holds(accounts, charges)
    assert killed >= KILLS
    assert not [row for row in charges if row.state == "reserved"]
    assert not [account for account in accounts if account.reserved]
    assert len({row.id for row in charges}) <= WORKERS * SPENDERS * CALLS
    whole = {account.kind: account.spent for account in accounts if not account.project}
    assert whole["tool_calls"] > 100 * UNIT  # much was let through

"""What a worker does that spends from one budget and may die at any moment; forked by `test_spenders.py`.

It makes the same calls under the same keys, however often it is started.
"""

import asyncio
import random

from blocks.budgets.accounts import Charge, Scope
from blocks.budgets.amounts import UNIT
from blocks.budgets.reserving import reserve
from blocks.budgets.settling import release, settle
from blocks.records.database import Database


async def spend(database: Database, tenant: str, worker: str, token: int, calls: int) -> None:
    """Make the spender's calls one after the other, each with costs that its key alone decides."""
    scope = Scope(tenant=tenant, project=f"prj-{tenant}", node=worker.partition(".")[0])
    for number in range(calls):
        key = f"{tenant}-{worker}-{number}"
        said = random.Random(key)
        amounts = {"tokens": said.randint(1, 9) * UNIT, "tool_calls": UNIT}
        attempt = f"att-{tenant}-{worker.partition('.')[0]}-{token}"
        charge = Charge(key=key, scope=scope, amounts=amounts, attempt=attempt, token=token)
        if (await reserve(database, charge)).over:
            continue
        if said.random() < 0.1:
            await release(database, key, token=token)
            continue
        await settle(database, key, {"tokens": said.randint(0, amounts["tokens"])}, token=token)


async def work(url: str, tenant: str, worker: str, token: int, *, spenders: int, calls: int) -> None:
    """Spend with so many spenders at once, each of so many calls, until all are done."""
    database = Database(url, pool_size=spenders)
    names = [f"{worker}.{number}" for number in range(spenders)]
    await asyncio.gather(*(spend(database, tenant, name, token, calls) for name in names))
    await database.close()

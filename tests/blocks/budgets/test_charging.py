"""Reserving and settling on a real PostgreSQL: never beyond a limit, once for each key."""

import asyncio
from typing import Any

import pytest
from sqlmodel import select

from blocks.budgets.accounts import Account, Answer, Charge, Scope
from blocks.budgets.amounts import UNIT
from blocks.budgets.limits import accounts_of, chain, set_limit
from blocks.budgets.reserving import reserve
from blocks.budgets.settling import release, settle, settle_orphans
from blocks.identity import Principal
from blocks.records.audit_tables import AuditRecord
from blocks.records.database import Database

ADMIN = Principal(tenant="any", name="ada")


def charge(tenant: str, key: str = "k", calls: int = 1, **more: Any) -> Charge:
    scope = more.pop("scope", Scope(tenant=tenant, project=f"prj-{tenant}", node="a"))
    return Charge(key=f"{tenant}-{key}", scope=scope, amounts={"tool_calls": calls * UNIT}, **more)


def standing(accounts: tuple[Account, ...]) -> dict[str, tuple[int, int]]:
    """Reserved and spent of each level, in whole units."""
    return {item.level: (item.reserved // UNIT, item.spent // UNIT) for item in accounts}


def test_a_charge_moves_the_whole_chain(run, tenant):
    """What is reserved and then settled stands in the tenant's, the project's and the node's account."""

    async def work(database: Database) -> list[dict[str, tuple[int, int]]]:
        asked = charge(tenant, calls=5)
        reserved = await reserve(database, asked)
        settled = await settle(database, asked.key, {"tool_calls": 3 * UNIT})
        return [standing(reserved.accounts), standing(settled), standing(await chain(database, asked.scope))]

    levels = ("tenant", "project", "node")
    after = dict.fromkeys(levels, (0, 3))
    assert run(work) == [dict.fromkeys(levels, (5, 0)), after, after]


@pytest.mark.parametrize("level", ["tenant", "project", "node"])
def test_the_smallest_limit_of_the_chain_holds(run, tenant, level):
    """A limit at any level keeps the charge out, and nothing of it stays reserved."""

    async def work(database: Database) -> tuple[Answer, Answer, Any]:
        asked = charge(tenant, calls=2, limits={(level, "tool_calls"): 3 * UNIT})
        first = await reserve(database, asked)
        second = await reserve(database, charge(tenant, "other", calls=2))
        return first, second, standing(await chain(database, asked.scope))

    first, second, after = run(work)
    assert not first.over
    assert [str(item) for item in second.over] == [f"{level}.tool_calls"]
    assert f"the {level}'s 3 tool calls do not allow 2 more (2 used or reserved)" == second.over[0].reason
    assert after == dict.fromkeys(("tenant", "project", "node"), (2, 0))


def test_a_key_is_charged_once(run, tenant):
    """Asked for again while reserved or after it was settled, the same key costs nothing more."""

    async def work(database: Database) -> Any:
        asked = charge(tenant, limits={("node", "tool_calls"): UNIT})
        answers = [await reserve(database, asked), await reserve(database, asked)]
        await settle(database, asked.key)
        answers.append(await reserve(database, asked))
        await settle(database, asked.key)
        return [answer.over for answer in answers], standing(await chain(database, asked.scope))

    overs, after = run(work)
    assert overs == [(), (), ()]
    assert after == dict.fromkeys(("tenant", "project", "node"), (0, 1))


def test_a_key_that_asks_for_more_later_pays_the_rest(run, tenant):
    """What was settled under a key is not free for a larger amount under the same key."""

    async def work(database: Database) -> Any:
        await reserve(database, charge(tenant, calls=1))
        await settle(database, f"{tenant}-k")
        larger = await reserve(database, charge(tenant, calls=5))
        await settle(database, f"{tenant}-k")
        return standing(larger.accounts)["node"], standing(await chain(database, charge(tenant).scope))[
            "node"
        ]

    assert run(work) == ((4, 1), (0, 5))


def test_what_is_released_can_be_reserved_by_others_and_again(run, tenant):
    """An action that did not happen leaves room, and may still happen later."""

    async def work(database: Database) -> Any:
        asked = charge(tenant, limits={("tenant", "tool_calls"): UNIT})
        await reserve(database, asked)
        await release(database, asked.key)
        other = await reserve(database, charge(tenant, "other"))
        await release(database, f"{tenant}-other")
        again = await reserve(database, asked)
        return other.over, again.over, standing(again.accounts)["tenant"]

    assert run(work) == ((), (), (1, 0))


def test_what_people_lifted_goes_beyond_and_is_shown(run, tenant):
    """A lifted charge passes its limit, and the account says honestly that it stands beyond it."""

    async def work(database: Database) -> tuple[Answer, int | None]:
        asked = charge(tenant, calls=2, limits={("project", "tool_calls"): UNIT}, lifted=True)
        answer = await reserve(database, asked)
        (_, project, _) = await chain(database, asked.scope)
        return answer, project.left

    answer, left = run(work)
    assert answer.over == ()
    assert left == -UNIT


def test_a_lost_charge_is_settled_at_what_was_reserved(run, tenant):
    """Nobody can tell what a call of a lost attempt has cost: the reservation counts, once."""

    async def work(database: Database) -> Any:
        asked = charge(tenant, calls=4, attempt="att_gone", token=3)
        await reserve(database, asked)
        settled = await settle_orphans(database)
        after = standing(await chain(database, asked.scope))["node"]
        retried = charge(tenant, calls=4, attempt="att_next", token=5)
        await reserve(database, retried)
        await settle(database, retried.key, {"tool_calls": UNIT}, token=5)
        return settled >= 1, after, standing(await chain(database, asked.scope))["node"]

    assert run(work) == (True, (0, 4), (0, 4))


def test_who_was_only_thought_lost_may_still_tell(run, tenant):
    """The very attempt that reserved puts right what was presumed of it."""

    async def work(database: Database) -> Any:
        asked = charge(tenant, calls=4, attempt="att_slow", token=3)
        await reserve(database, asked)
        await settle_orphans(database)
        await settle(database, asked.key, {"tool_calls": UNIT}, token=3)
        return standing(await chain(database, asked.scope))["node"]

    assert run(work) == (0, 1)


def test_an_older_attempt_says_nothing_of_a_charge_it_has_lost(run, tenant):
    """Fencing: neither release nor settlement of the older one touches the younger one's reservation."""

    async def work(database: Database) -> Any:
        await reserve(database, charge(tenant, calls=2, attempt="att_old", token=3))
        young = charge(tenant, calls=2, attempt="att_new", token=8)
        await reserve(database, young)
        await release(database, young.key, token=3)
        await settle(database, young.key, {"tool_calls": 9 * UNIT}, token=3)
        between = standing(await chain(database, young.scope))["node"]
        await settle(database, young.key, {"tool_calls": UNIT}, token=8)
        return between, standing(await chain(database, young.scope))["node"]

    assert run(work) == ((2, 0), (0, 1))


def test_limits_are_set_by_people_and_recorded(run, tenant):
    """A limit holds from the next charge on, and the audit log knows who set it."""

    async def work(database: Database) -> Any:
        scope = Scope(tenant=tenant)
        await set_limit(database, scope, "tool_calls", UNIT, by=ADMIN)
        asked = charge(tenant, calls=2)
        refused = await reserve(database, asked)
        await set_limit(database, scope, "tool_calls", None, by=ADMIN)
        passed = await reserve(database, asked)
        async with database.session() as session:
            query = select(AuditRecord).where(AuditRecord.tenant == tenant, AuditRecord.kind == "budget")
            recorded = len((await session.exec(query)).all())
        return (
            [str(item) for item in refused.over],
            passed.over,
            recorded,
            await accounts_of(database, tenant),
        )

    over, passed, recorded, accounts = run(work)
    assert (over, passed, recorded) == (["tenant.tool_calls"], (), 2)
    assert [(row.project, row.kind, row.most) for row in accounts] == [("", "tool_calls", None)]


def test_many_at_once_never_pass_the_limit(run, tenant):
    """Of forty that ask at the same moment for several kinds, as many pass as the limit has room for."""

    async def work(database: Database) -> Any:
        limits = {("tenant", "tokens"): 1000 * UNIT, ("project", "money"): 7 * UNIT}

        def one(number: int) -> Charge:
            scope = Scope(tenant=tenant, project=f"prj-{tenant}", node=f"n{number % 3}")
            amounts = {"tokens": 10 * UNIT, "money": UNIT}
            return Charge(key=f"{tenant}-{number}", scope=scope, amounts=amounts, limits=limits)

        answers = await asyncio.gather(*(reserve(database, one(number)) for number in range(40)))
        rows = await accounts_of(database, tenant)
        return sum(not answer.over for answer in answers), {row.kind: row.reserved for row in rows}

    passed, reserved = run(work)
    assert passed == 7
    assert reserved == {"money": 7 * UNIT, "tokens": 70 * UNIT}

"""Whatever happens in whatever order, the accounts are those of a few lines of plain Python."""

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Iterator
from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sqlmodel import select

from blocks.budgets.accounts import Charge, Scope
from blocks.budgets.amounts import UNIT
from blocks.budgets.limits import set_limit
from blocks.budgets.reserving import reserve
from blocks.budgets.settling import release, settle, settle_orphans
from blocks.identity import Principal
from blocks.records.budget_tables import BudgetAccount
from blocks.records.database import Database
from blocks.records.tenants import ensure_tenant

PROJECTS, NODES = ("p", "q"), ("a", "b")
KEYS = st.sampled_from(["k1", "k2"])
AMOUNTS = st.integers(min_value=1, max_value=6)
LIMITS = st.one_of(st.none(), st.integers(min_value=0, max_value=12))
LEVELS = st.sampled_from(["tenant", "project", "node"])


class Plain:
    """The whole of the model: charges in a dictionary, accounts as sums over them."""

    def __init__(self) -> None:
        self.limits: dict[tuple[str, ...], int | None] = {}
        self.charges: dict[str, dict[str, Any]] = {}

    def accounts(self, place: tuple[str, ...]) -> tuple[int, int]:
        """Reserved and spent below the place, which is (), (project,) or (project, node)."""
        own = [charge for charge in self.charges.values() if charge["place"][: len(place)] == place]
        held = sum(charge["reserved"] for charge in own if charge["state"] == "reserved")
        return held, sum(charge["settled"] for charge in own)

    def reserve(self, key: str, place: tuple[str, ...], amount: int) -> bool:
        fresh = {"place": place, "state": "released", "reserved": 0, "settled": 0, "presumed": False}
        charge = self.charges.get(key, fresh)
        had = {"reserved": charge["reserved"], "settled": max(charge["reserved"], charge["settled"])}
        wanted = max(0, amount - had.get(charge["state"], 0))
        for length in range(3):
            limit = self.limits.get(place[:length])
            if wanted and limit is not None and sum(self.accounts(place[:length])) + wanted > limit:
                return False
        if charge["state"] == "reserved":
            charge["reserved"] += wanted
        elif wanted:
            charge |= {"state": "reserved", "reserved": wanted}
        self.charges[key] = charge
        return True

    def settle(self, key: str, used: int | None, *, presumed: bool = False) -> None:
        charge = self.charges.get(key)
        if charge is None or (presumed and charge["state"] != "reserved"):
            return
        if charge["state"] == "reserved":
            whole = charge["settled"] + charge["reserved"]
            settled = whole if used is None else max(used, charge["settled"])
        elif charge["presumed"] and used is not None:
            settled = used
        else:
            settled = max(used or 0, charge["settled"])
        still = presumed or (charge["presumed"] and used is None)
        charge |= {"state": "settled", "settled": settled, "presumed": still}

    def release(self, key: str) -> None:
        charge = self.charges.get(key)
        if charge is not None and charge["state"] == "reserved":
            charge["state"] = "settled" if charge["settled"] else "released"


class Accounts(RuleBasedStateMachine):
    """Does the same to the tables and to the model."""

    url: ClassVar[str]
    runner: ClassVar[asyncio.Runner]
    database: ClassVar[Database]

    def __init__(self) -> None:
        super().__init__()
        self.plain = Plain()
        self.tenant = f"m-{secrets.token_hex(5)}"
        self.ask(ensure_tenant(self.database, self.tenant))
        self.places: dict[str, tuple[str, ...]] = {}

    def ask(self, work: Awaitable[Any]) -> Any:
        async def whole() -> Any:
            return await work

        return self.runner.run(whole())

    def scope(self, place: tuple[str, ...]) -> Scope:
        names = [f"{self.tenant}-{name}" if not number else name for number, name in enumerate(place)]
        return Scope(tenant=self.tenant, **dict(zip(("project", "node"), names, strict=False)))

    @rule(
        key=KEYS,
        project=st.sampled_from(PROJECTS),
        node=st.sampled_from(NODES),
        amount=AMOUNTS,
    )
    def reserve(self, key: str, project: str, node: str, amount: int) -> None:
        place = self.places.setdefault(key, (project, node))
        charge = Charge(
            key=f"{self.tenant}-{key}",
            scope=self.scope(place),
            amounts={"tokens": amount * UNIT},
            attempt=f"gone-{self.tenant}",
        )
        answer = self.ask(reserve(self.database, charge))
        assert (not answer.over) == self.plain.reserve(key, place, amount)

    @rule(key=KEYS, used=st.one_of(st.none(), st.integers(min_value=0, max_value=9)))
    def settle(self, key: str, used: int | None) -> None:
        told = {} if used is None else {"tokens": used * UNIT}
        self.ask(settle(self.database, f"{self.tenant}-{key}", told))
        self.plain.settle(key, used)

    @rule(key=KEYS)
    def release(self, key: str) -> None:
        self.ask(release(self.database, f"{self.tenant}-{key}"))
        self.plain.release(key)

    @precondition(lambda self: any(item["state"] == "reserved" for item in self.plain.charges.values()))
    @rule()
    def die(self) -> None:
        """No attempt lives any more."""
        self.ask(settle_orphans(self.database))
        for key in self.plain.charges:
            self.plain.settle(key, None, presumed=True)

    @rule(level=LEVELS, project=st.sampled_from(PROJECTS), node=st.sampled_from(NODES), limit=LIMITS)
    def limit(self, level: str, project: str, node: str, limit: int | None) -> None:
        place = {"tenant": (), "project": (project,), "node": (project, node)}[level]
        by = Principal(tenant=self.tenant, name="ada")
        most = None if limit is None else limit * UNIT
        self.ask(set_limit(self.database, self.scope(place), "tokens", most, by=by))
        self.plain.limits[place] = limit

    @invariant()
    def every_account_is_that_of_the_model(self) -> None:
        for row in self.ask(self.accounts()):
            place = tuple(name for name in (row.project.removeprefix(f"{self.tenant}-"), row.node) if name)
            assert (row.reserved // UNIT, row.spent // UNIT) == self.plain.accounts(place), place

    async def accounts(self) -> list[BudgetAccount]:
        async with self.database.session() as session:
            query = select(BudgetAccount).where(BudgetAccount.tenant == self.tenant)
            return list(await session.exec(query))


@pytest.fixture
def machine(books_url: str) -> Iterator[type[Accounts]]:
    with asyncio.Runner() as runner:
        Accounts.runner, Accounts.database = runner, Database(books_url, pool_size=1)
        yield Accounts
        runner.run(Accounts.database.close())


def test_accounts_do_what_the_model_does(machine: Callable[[], Accounts]) -> None:
    """Reserve, settle, release, die and limit in any order: the same answers and the same sums."""
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=15, stateful_step_count=14, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )

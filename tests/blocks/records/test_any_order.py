"""The ledger under any order of what drivers, runs and reapers do: nothing counts twice, nothing is lost."""

import asyncio
import secrets
from collections import Counter
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import text

from blocks.errors import StaleAttempt
from blocks.records import ledger, projects, tenants
from blocks.records.database import Database, upgrade

pytestmark = pytest.mark.slow

NODES = ("a",)


class AnyOrder(RuleBasedStateMachine):
    """Actors that know nothing of each other; each is refused or heard, and what was heard stays."""

    url = ""
    fences = Bundle("fences")
    attempts = Bundle("attempts")

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.Runner()
        self.database = Database(self.url, pool_size=1)
        self.tokens: list[int] = []
        self.fence = 0
        self.over: set[str] = set()
        """Attempts that failed or were given up: nothing more is heard of them."""
        self.said: dict[tuple[str, int], str] = {}
        self.project = self.loop.run(self._project())

    async def _project(self) -> str:
        await tenants.ensure_tenant(self.database, "default")
        line = {"title": "A", "capsule": "a", "version": "1.0.0"}
        project = await projects.create_project(
            self.database,
            tenant="default",
            title="Try",
            blueprint="try",
            inputs={},
            plan={},
            plan_digest="sha256:0",
            nodes=[{"node": name, **line} for name in NODES],
            requested_by="ann",
        )
        await projects.mark_launched(self.database, project.id, tenant="default")
        return project.id

    def attempted(self, work: Any) -> Any:
        """What came of it; None when it was refused as late."""
        try:
            return self.loop.run(work)
        except StaleAttempt:
            return None

    @initialize(target=fences)
    def a_driver_begins(self) -> int:
        return self.a_driver_takes_over()

    @rule(target=fences, seldom=st.integers(0, 3))
    def another_driver_takes_over(self, seldom: int) -> Any:
        return self.a_driver_takes_over() if seldom == 0 else multiple()

    def a_driver_takes_over(self) -> int:
        taken = projects.take_over(self.database, self.project, driver_run=None)
        self.fence = self.attempted(taken).fence
        return self.fence

    @rule(target=attempts, node=st.sampled_from(NODES))
    def the_driver_opens(self, node: str) -> Any:
        """As drivers do, only at a node that waits."""
        lines = {line.node: line for line in self.loop.run(ledger.list_nodes(self.database, self.project))}
        return multiple(self.opened(node, self.fence)) if lines[node].state == "waiting" else multiple()

    @rule(fence=fences, node=st.sampled_from(NODES))
    def a_superseded_driver_opens(self, fence: int, node: str) -> None:
        assert fence == self.fence or self.opened(node, fence) is None

    def opened(self, node: str, fence: int) -> Any:
        return self.attempted(
            ledger.open_attempt(self.database, self.project, node, fence=fence, runtime="process")
        )

    @rule(attempt=attempts, holder=st.sampled_from(["one", "two"]))
    def a_run_claims(self, attempt: Any, holder: str) -> None:
        found = self.attempted(ledger.start_attempt(self.database, attempt.id, flow_run=None, holder=holder))
        if found is not None and found.token not in self.tokens:
            assert found.token > max(self.tokens, default=0)
            self.tokens.append(found.token)

    @rule(attempt=attempts, result=st.sampled_from(["x", "y"]))
    def a_run_completes(self, attempt: Any, result: str) -> None:
        key = (attempt.node, attempt.generation)
        try:
            self.loop.run(
                ledger.finish_attempt(self.database, attempt.id, "completed", result={"sha256": result})
            )
        except StaleAttempt:
            return
        assert attempt.id not in self.over
        assert self.said.setdefault(key, f"{attempt.id} {result}") == f"{attempt.id} {result}"

    @rule(attempt=attempts, again=st.booleans())
    def a_run_fails(self, attempt: Any, again: bool) -> None:
        finish = ledger.finish_attempt(self.database, attempt.id, "failed", reason="no", again=again)
        try:
            self.loop.run(finish)
        except StaleAttempt:
            return
        self.over.add(attempt.id)

    @rule(attempt=attempts, again=st.booleans())
    def somebody_gives_it_up(self, attempt: Any, again: bool) -> None:
        given_up = self.attempted(ledger.give_up_attempt(self.database, attempt.id, "dead", again=again))
        assert attempt.id not in self.over or not given_up
        self.over |= {attempt.id} if given_up else set()

    @rule(node=st.sampled_from(NODES), seldom=st.integers(0, 3))
    def a_person_has_it_done_anew(self, node: str, seldom: int) -> None:
        """What a rerun does to the line: the next generation, with what was at work given up."""
        if seldom:
            return

        async def anew() -> None:
            async with self.database.session() as session:
                where = f"project = '{self.project}' AND node = '{node}'"
                live = "state IN ('queued', 'running')"
                await session.exec(text(f"UPDATE attempts SET state = 'cancelled' WHERE {where} AND {live}"))
                change = "state = 'waiting', result = NULL, generation = generation + 1"
                await session.exec(text(f"UPDATE nodes SET {change} WHERE {where}"))

        self.loop.run(anew())

    @invariant()
    def one_result_a_generation_and_it_is_the_one_that_was_heard(self) -> None:
        attempts = self.loop.run(ledger.list_attempts(self.database, self.project))
        done = Counter((item.node, item.generation) for item in attempts if item.state == "completed")
        assert all(count == 1 for count in done.values())
        for line in self.loop.run(ledger.list_nodes(self.database, self.project)):
            heard = self.said.get((line.node, line.generation))
            assert (line.state == "completed") == (heard is not None)
            if heard is not None:
                assert line.result == {"sha256": heard.split()[1]}
            live = [
                item for item in attempts if item.node == line.node and item.state in {"queued", "running"}
            ]
            assert len(live) == (line.state in {"queued", "running"})

    def teardown(self) -> None:
        self.loop.run(self.database.close())
        self.loop.close()


@pytest.fixture(scope="module")
def url(postgres_url: str) -> str:
    address = postgres_url.replace("/postgres?", f"/any_{secrets.token_hex(4)}?")
    asyncio.run(upgrade(address))
    return address


def test_in_any_order_each_generation_of_a_node_has_one_result_at_most(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Claims, finishes, give-ups, takeovers and reruns by several actors, two hundred steps of them."""
    monkeypatch.setattr(AnyOrder, "url", url)
    run_state_machine_as_test(
        AnyOrder,
        settings=settings(
            max_examples=8,
            stateful_step_count=25,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )

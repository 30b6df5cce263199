"""What an attempt may use up: its accounts as they stand when it begins, kept up while it goes on."""

import asyncio
import logging
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager, suppress
from typing import Any

from blocks.budgets.accounts import Place, Scope
from blocks.budgets.amounts import UNIT, exact, kind_of
from blocks.budgets.limits import chain
from blocks.constitution.decisions import Decision
from blocks.context import RunContext
from blocks.errors import PolicyDenied
from blocks.records.tables import Attempt, Project
from blocks.spending import Spending
from capsules.environment import Environment
from capsules.plan import PlanNode

SLICE = 10.0
"""Seconds that a run reserves ahead: what a run that dies is charged at most for time that it did not use."""
EVERY = 5.0
"""Seconds between two looks at the accounts, at which the time is told and new limits are seen."""
GRACE = 0.5
"""Seconds beyond its last slice that a run may go on: its own time limits come first."""

logger = logging.getLogger(__name__)


async def spending_of(
    opened: Environment, project: Project, node: PlanNode, attempt: Attempt | None
) -> Spending:
    """The accounts of the attempt's tenant, project and node, from one look at the records."""
    name = node.id
    if attempt is not None and attempt.generation > 1:
        name = f"{name}#{attempt.generation}"
    scope = Scope(tenant=project.tenant, project=project.id, node=name)
    limits: dict[Place, int] = {
        ("project", kind_of(kind)): exact(most) for kind, most in (project.plan.get("budget") or {}).items()
    }
    limits |= {("node", kind_of(kind)): exact(most) for kind, most in node.authority.budget.items()}
    return Spending(
        scope,
        till=opened.till,
        attempt=attempt.id if attempt else None,
        token=attempt.token if attempt else None,
        limits=limits,
        accounts=await chain(opened.database, scope),
    )


class Clock:
    """The time of one attempt: told to the accounts, and at its end when they are."""

    def __init__(self, context: RunContext) -> None:
        self._spending = context.meter
        self._bounds = asyncio.timeout(None)
        self.own = self._spending.takes_time()
        self._granted = 0.0
        self._out = False
        self._lifted = False

    async def tell(self) -> None:
        """Tell the accounts how much time was used, and reserve more."""
        granted, _ = await asyncio.wrap_future(self._spending.tell_time(SLICE, lifted=self._lifted))
        self._granted = granted / UNIT

    async def within(self, decision: Decision, body: Coroutine[Any, Any, Any]) -> Any:
        """The body's result, or `PolicyDenied` once the time that anybody gave it is used up.

        Where people have agreed that it goes on beyond its limits, it does.
        """
        if not self.own:
            return await body
        self._lifted = any(item.at_limit and item.verdict == "approve" for item in decision.articles)
        try:
            async with self._bounds:
                return await self._kept(body)
        except TimeoutError:
            if not self._out:
                raise
            over = next((item for item in self._spending.excess({}) if item.account.kind == "seconds"), None)
            reason = over.reason if over else "its time is used up"
            raise PolicyDenied(
                f"article budget: {reason}", article="budget", reason=reason, stage="capsule.start"
            ) from None

    async def _kept(self, body: Coroutine[Any, Any, Any]) -> Any:
        keeping = asyncio.create_task(self._keep())
        try:
            return await body
        finally:
            keeping.cancel()
            with suppress(asyncio.CancelledError):
                await keeping

    async def _keep(self) -> None:
        """Go on telling, and end the body when no more time is granted."""
        while True:
            await asyncio.sleep(min(EVERY, self._granted + GRACE))
            try:
                await self.tell()
                await asyncio.wrap_future(self._spending.look())
            except Exception:
                logger.exception("the time of %s cannot be told", self._spending.scope.node)
                continue
            if self._granted <= 0:
                self._out = True
                self._bounds.reschedule(asyncio.get_running_loop().time())
                return


@asynccontextmanager
async def timed(context: RunContext) -> AsyncIterator[Clock]:
    """Charge the time that the block takes, and see limits that are set meanwhile.

    A capsule that another one calls runs on the time of that one, which tells it.
    """
    clock = Clock(context)
    if not clock.own:
        yield clock
        return
    await clock.tell()
    try:
        yield clock
    finally:
        await asyncio.wrap_future(context.meter.end_time())

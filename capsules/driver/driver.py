"""The driver: a re-entrant loop over the ledger that starts what is ready until nothing is left to do.

Whatever kills it, another one that starts later goes on from what was recorded. It holds a lock in
PostgreSQL while it lives and a fence number in every write, so two of them cannot both decide.
"""

import asyncio
import time
from dataclasses import replace
from typing import Any

from prefect.logging import get_run_logger

from blocks.context import running
from blocks.errors import ApprovalNeeded, PolicyDenied, SomaError
from blocks.records.approvals import agreed_actions
from blocks.records.ledger import (
    give_up_attempt,
    list_attempts,
    list_nodes,
    open_attempt,
    settle_node,
)
from blocks.records.projects import move_project, rest_project
from blocks.records.tables import Attempt, NodeState, Project, ProjectState
from capsules.binding import bind
from capsules.driver.asking import answer, ask_for_constitution
from capsules.driver.facts import collect_deliverables, facts_for, planned_context, step_facts
from capsules.driver.health import find_dead
from capsules.driver.standing import Standing
from capsules.driver.starting import run_deployed, run_inline
from capsules.environment import Environment
from capsules.history import with_history
from capsules.plan import Plan, PlanNode
from tasks.governed import decide

LOOK = 0.1
"""Seconds between looks at the ledger while runs in other processes are at work."""
CHECK = 2.0
"""Seconds between looks for runs that died."""
MOST_LOSSES = 5
"""How often the run of a node may die under it before the node counts as failed."""


class Driver:
    """Drives one project; made anew each time that its flow starts."""

    def __init__(self, opened: Environment, project: Project) -> None:
        self.opened = opened
        self.database = opened.database
        self.project = project
        self.fence = project.fence
        self.plan = Plan.model_validate(project.plan)
        self.inline: dict[asyncio.Task[str], Attempt] = {}
        self.deployed: dict[str, str] = {}
        """The flow run of each attempt that is at work in another process, by attempt id."""
        self.checked = time.monotonic()
        self.log = get_run_logger()

    async def drive(self) -> tuple[ProjectState, str | None]:
        """Go on until the project has ended or only people can move it; return its state and the reason."""
        try:
            await self._take_stock()
            while True:
                standing = await self._standing()
                if await self._advance(standing):
                    continue
                if standing.ended():
                    await self._see_out()
                    return await self._end(standing)
                if not standing.busy() and not self.inline:
                    reason = f"waits for an answer on {', '.join(standing.waiting_for_people())}"
                    if await rest_project(self.database, self.project.id, fence=self.fence, reason=reason):
                        return "awaiting_approval", reason
                await self._wait()
        finally:
            for task in self.inline:
                task.cancel()
            await asyncio.gather(*self.inline, return_exceptions=True)

    async def _standing(self) -> Standing:
        lines = await list_nodes(self.database, self.project.id)
        return Standing(plan=self.plan, lines={line.node: line for line in lines})

    async def _take_stock(self) -> None:
        """Find what an earlier driver left: its inline runs died with it, the others may be at work."""
        standing = await self._standing()
        for attempt in await list_attempts(self.database, self.project.id):
            if attempt.state not in {"queued", "running"}:
                continue
            if attempt.runtime == "inline":
                await self._lose(attempt, "its driver died")
            else:
                node = self.plan.node(attempt.node)
                await self._deploy(node, attempt, self._inputs(node, standing))

    async def _advance(self, standing: Standing) -> bool:
        """Start or settle what can be; whether anything was."""
        moved = False
        for node, reason in list(standing.blocked()):
            moved = await self._settle(node, "skipped", reason) or moved
        for node in list(standing.ready()):
            moved = await self._begin(node, standing) or moved
        return moved

    async def _begin(self, node: PlanNode, standing: Standing) -> bool:
        """Ask people and the constitution about a ready node, and start it; whether its state moved."""
        if node.approval is not None or standing.state(node.id) == "awaiting_approval":
            said = await answer(self.opened, self.project, node, standing)
            if said.verdict == "wait":
                return await self._settle(node, "awaiting_approval", said.reason)
            if said.verdict == "no":
                return await self._settle(node, "denied", said.reason)
        try:
            await self._decide(node)
        except PolicyDenied as denied:
            return await self._settle(node, "denied", denied.message)
        except ApprovalNeeded as needed:
            await ask_for_constitution(self.opened, self.project, node, needed)
            return await self._settle(node, "awaiting_approval", needed.message)
        await self._start(node, self._inputs(node, standing))
        return True

    async def _start(self, node: PlanNode, inputs: dict[str, Any]) -> None:
        attempt = await open_attempt(
            self.database, self.project.id, node.id, fence=self.fence, runtime=node.runtime
        )
        self.log.info("%s: attempt %d, %s", node.id, attempt.number, node.runtime)
        if node.runtime == "inline":
            self.inline[asyncio.create_task(run_inline(node, attempt, inputs))] = attempt
        else:
            await self._deploy(node, attempt, inputs)

    async def _deploy(self, node: PlanNode, attempt: Attempt, inputs: dict[str, Any]) -> None:
        try:
            self.deployed[attempt.id] = await run_deployed(node, attempt, inputs)
        except SomaError as error:
            await self._lose(attempt, error.message, again=False)

    def _inputs(self, node: PlanNode, standing: Standing) -> dict[str, Any]:
        facts = facts_for(self.opened, self.project, node, standing)
        inputs: dict[str, Any] = bind(node.inputs, standing.results(), facts)
        return inputs

    async def _decide(self, node: PlanNode) -> None:
        context = planned_context(self.opened, self.project, node)
        agreed = await agreed_actions(self.database, self.project.id)
        with running(await with_history(self.opened, replace(context, approved=agreed))):
            await decide("plan.node", node.capsule, step_facts(node))

    async def _settle(self, node: PlanNode, state: NodeState, reason: str | None) -> bool:
        if moved := await settle_node(
            self.database, self.project.id, node.id, state, fence=self.fence, reason=reason
        ):
            self.log.info("%s: %s: %s", node.id, state.replace("_", " "), reason)
        return moved

    async def _lose(self, attempt: Attempt, reason: str, *, again: bool = True) -> None:
        """Give up an attempt whose run can no longer end it; its node is tried again within bounds."""
        attempts = await list_attempts(self.database, self.project.id)
        losses = sum(item.node == attempt.node and item.state == "lost" for item in attempts)
        again = again and losses < MOST_LOSSES
        self.deployed.pop(attempt.id, None)
        if await give_up_attempt(self.database, attempt.id, reason, again=again):
            self.log.warning("%s: attempt %d was lost: %s", attempt.node, attempt.number, reason)

    async def _wait(self) -> None:
        """Sleep until something may have changed; then look after inline runs and for dead ones."""
        if self.inline:
            done, _ = await asyncio.wait(
                self.inline, timeout=LOOK if self.deployed else 1.0, return_when=asyncio.FIRST_COMPLETED
            )
            for task in done:
                await self._reap(task)
        else:
            await asyncio.sleep(LOOK)
        if self.deployed and time.monotonic() - self.checked > CHECK:
            self.checked = time.monotonic()
            for attempt, reason in await find_dead(self.opened, self.project.id, self.deployed):
                await self._lose(attempt, reason)

    async def _see_out(self) -> None:
        """Let inline runs whose nodes have ended tell Prefect so; cancelled, they would show as crashed."""
        if self.inline:
            done, _ = await asyncio.wait(self.inline)
            for task in done:
                await self._reap(task)

    async def _reap(self, task: "asyncio.Task[str]") -> None:
        """An inline run has ended; if it did so without telling the ledger, its attempt has failed."""
        attempt = self.inline.pop(task)
        error = task.exception()
        reason = f"{type(error).__name__}: {error}" if error is not None else task.result()
        await self._lose(attempt, reason, again=attempt.number < self.plan.node(attempt.node).attempts)

    async def _end(self, standing: Standing) -> tuple[ProjectState, str | None]:
        state, reason = standing.verdict()
        await self.opened.audit.flush()
        await move_project(
            self.database,
            self.project.id,
            fence=self.fence,
            state=state,
            reason=reason,
            deliverables=await collect_deliverables(self.opened, self.plan, standing),
        )
        return state, reason

"""The driver: a re-entrant loop over the ledger that starts what is ready until nothing is left to do.

Whatever kills it, another one that starts later goes on from what was recorded. It holds a lock in
PostgreSQL while it lives and a fence number in every write, so two of them cannot both decide.
"""

import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from prefect.logging import get_run_logger

from blocks.context import running
from blocks.errors import ApprovalNeeded, PolicyDenied
from blocks.records.agreements import agreed_actions, wanted_changes
from blocks.records.ledger import settle_node
from blocks.records.looking import START, answered_nodes, changed_nodes, live_attempts, read_nodes
from blocks.records.projects import move_project, rest_project
from blocks.records.tables import NodeState, Project, ProjectState
from capsules.binding import bind
from capsules.driver.asking import answer, approved_inputs, ask_for_constitution
from capsules.driver.facts import collect_deliverables, facts_for, planned_context, step_facts
from capsules.driver.standing import STARTABLE, Standing
from capsules.driver.work import Work
from capsules.environment import Environment
from capsules.history import with_history
from capsules.intake import facts_in
from capsules.plan import Plan, PlanNode
from tasks.governed import decide

CHANGES = "changes"
"""The fact that tells a node what people asked for when they sent it back."""
GLANCE = 1.0
"""Seconds between looks for what people and other processes have changed in the ledger."""


class Driver:
    """Drives one project; made anew each time that its flow starts."""

    def __init__(self, opened: Environment, project: Project) -> None:
        self.opened = opened
        self.database = opened.database
        self.project = project
        self.fence = project.fence
        self.plan = Plan.model_validate(project.plan)
        self.standing = Standing(self.plan, [])
        self.work = Work(opened, project)
        self.seen = START
        """What the ledger was last looked through up to."""
        self.glanced = time.monotonic()
        self.log = get_run_logger()

    async def drive(self) -> tuple[ProjectState, str | None]:
        """Go on until the project has ended or only people can move it; return its state and the reason."""
        try:
            await self._take_stock()
            while True:
                await self._advance()
                if self.standing.ended():
                    await self.work.see_out()
                    return await self._end()
                if (rest := await self._rest()) is not None:
                    return rest
                await self._wait()
        finally:
            await self.work.abandon()

    async def _take_stock(self) -> None:
        """Find what an earlier driver left: its inline runs died with it, the others may be at work."""
        lines, self.seen = await changed_nodes(self.database, self.project.id, START)
        self.standing = Standing(self.plan, lines)
        for attempt in await live_attempts(self.database, self.project.id):
            if attempt.runtime == "inline":
                await self.work.lose(attempt, "its driver died")
            else:
                node = self.standing.nodes[attempt.node]
                changed = await approved_inputs(self.opened, self.project, node, self.standing)
                await self.work.deploy(node, attempt, await self._inputs(node, changed))
        await self._glance()

    async def _advance(self) -> None:
        """Settle all that can be, and start as much as there is room for, the most urgent first."""
        queues = self.standing.queues
        while True:
            while (blocked := queues.next_blocked()) is not None:
                await self._settle(blocked[0], "skipped", blocked[1])
            name = queues.next_ready(
                inline=self.work.has_room(inline=True), deployed=self.work.has_room(inline=False)
            )
            if name is None:
                return
            if self.standing.state(name) in STARTABLE:
                await self._begin(self.standing.nodes[name])

    async def _begin(self, node: PlanNode) -> None:
        """Ask people and the constitution about a ready node, and start it."""
        changed: Mapping[str, Any] = {}
        line = self.standing.lines[node.id]
        if node.approval is not None or line.state == "awaiting_approval" or line.attempt:
            said = await answer(self.opened, self.project, node, self.standing)
            if said.verdict == "wait":
                return await self._settle(node.id, "awaiting_approval", said.reason)
            if said.verdict == "no":
                return await self._settle(node.id, "denied", said.reason)
            changed = said.inputs
        try:
            await self._decide(node)
        except PolicyDenied as denied:
            return await self._settle(node.id, "denied", denied.message)
        except ApprovalNeeded as needed:
            await ask_for_constitution(self.opened, self.project, node, needed)
            return await self._settle(node.id, "awaiting_approval", needed.message)
        await self.work.start(node, await self._inputs(node, changed))
        return await self._read({node.id})

    async def _inputs(self, node: PlanNode, changed: Mapping[str, Any]) -> dict[str, Any]:
        """What the node is started with: as planned, but for what people have changed."""
        facts = facts_for(self.opened, self.project, node, self.standing)
        if CHANGES in facts_in(node.inputs):
            facts[CHANGES] = await wanted_changes(self.database, self.project.id, node.id)
        inputs: dict[str, Any] = bind(node.inputs, self.standing.results(), facts)
        return {**inputs, **changed}

    async def _decide(self, node: PlanNode) -> None:
        context = planned_context(self.opened, self.project, node)
        agreed = await agreed_actions(self.database, self.project.id)
        with running(await with_history(self.opened, replace(context, approved=agreed))):
            await decide("plan.node", node.capsule, step_facts(node))

    async def _settle(self, name: str, state: NodeState, reason: str | None) -> None:
        """Record a node's state without an attempt."""
        if await settle_node(self.database, self.project.id, name, state, fence=self.fence, reason=reason):
            self.log.info("%s: %s: %s", name, state.replace("_", " "), reason)
        await self._read({name})

    async def _read(self, names: set[str]) -> None:
        if names:
            self.standing.put(*await read_nodes(self.database, self.project.id, names))

    async def _glance(self) -> None:
        """Look through the ledger for what others have changed, and for answers of people."""
        self.glanced = time.monotonic()
        lines, self.seen = await changed_nodes(self.database, self.project.id, self.seen)
        self.standing.put(*lines)
        if self.standing.waiting_for_people():
            self.standing.reconsider(*await answered_nodes(self.database, self.project.id))

    async def _wait(self) -> None:
        """Sleep until something may have changed, and look at it."""
        await self._read(await self.work.wait())
        await self._read(await self.work.tidy(self.standing) | await self.work.check())
        if time.monotonic() - self.glanced > GLANCE:
            await self._glance()

    async def _rest(self) -> tuple[ProjectState, str | None] | None:
        """Leave the project to people if nothing can be done without them."""
        if self.standing.busy() or self.work.inline or not (people := self.standing.waiting_for_people()):
            return None
        reason = f"waits for an answer on {', '.join(people)}"
        if await rest_project(self.database, self.project.id, fence=self.fence, reason=reason):
            return "awaiting_approval", reason
        await self._glance()
        return None

    async def _end(self) -> tuple[ProjectState, str | None]:
        state, reason = self.standing.verdict()
        await self.opened.audit.flush()
        await move_project(
            self.database,
            self.project.id,
            fence=self.fence,
            state=state,
            reason=reason,
            deliverables=await collect_deliverables(self.opened, self.standing),
        )
        return state, reason

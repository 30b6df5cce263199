"""The driver: a re-entrant loop over the ledger that starts what is ready until nothing is left to do.

Whatever kills it, another one that starts later goes on from what was recorded. It holds a lock in
PostgreSQL while it lives and a fence number in every write, so two of them cannot both decide.
"""

import time
from collections.abc import Coroutine, Mapping
from datetime import datetime, timedelta
from typing import Any

from prefect.logging import get_run_logger

from blocks.errors import Overtaken
from blocks.records.agreements import wanted_changes
from blocks.records.ledger import list_nodes, settle_node
from blocks.records.limits import NoPlace, leave_lines, stand_in_line
from blocks.records.looking import START, answered_nodes, changed_nodes, live_attempts, read_nodes
from blocks.records.projects import move_project, rest_project
from blocks.records.tables import NodeRecord, NodeState, Project, ProjectState, now
from blocks.records.waking import wake_project
from capsules.binding import bind
from capsules.children import CannotExpand
from capsules.driver.asking import approved_inputs
from capsules.driver.expanding import Expanding
from capsules.driver.facts import collect_deliverables, facts_for
from capsules.driver.obeying import Obeying
from capsules.driver.permitting import permit
from capsules.driver.places import Starved, limits_of
from capsules.driver.standing import STARTABLE, Standing
from capsules.driver.work import Work
from capsules.environment import Environment
from capsules.intake import facts_in
from capsules.plan import Plan, PlanNode

CHANGES = "changes"
"""The fact that tells a node what people asked for when they sent it back."""
GLANCE = 1.0
"""Seconds between looks for what people and other processes have changed in the ledger."""
NAP = timedelta(seconds=20)
"""A project that only waits for a moment further away than this holds no process until then."""


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
        self.obeying = Obeying(opened, project, self.plan, self.work)
        self.expanding = Expanding(opened, project)
        self.starved = Starved()
        self.seen = START
        """What the ledger was last looked through up to."""
        self.glanced = time.monotonic()
        self.log = get_run_logger()

    async def drive(self) -> tuple[ProjectState, str | None]:
        """Go on until the project has ended or only people can move it; return its state and the reason."""
        try:
            await self._take_stock()
            while True:
                if await self.obeying.heed(self.standing):
                    await self._read_all()
                try:
                    left = await self._go_on()
                except Overtaken:
                    self.obeying.hand.doubt()
                else:
                    if left is not None:
                        return left
                    await self._wait()
        finally:
            await self.work.abandon()
            self.obeying.leave()

    async def _take_stock(self) -> None:
        """Find what an earlier driver left: its inline runs died with it, the others may be at work."""
        await wake_project(self.database, self.project.id, fence=self.fence)
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
        self.standing.wake()
        while True:
            while (blocked := queues.next_blocked()) is not None:
                await self._settle(blocked[0], "skipped", blocked[1])
            if (parent := queues.next_parent()) is not None:
                await self._go_on_with(self.standing.nodes[parent])
                continue
            name = queues.next_ready(
                inline=self.work.has_room(inline=True), deployed=self.work.has_room(inline=False)
            )
            if name is None:
                return
            if self.standing.state(name) in STARTABLE:
                await self._begin(self.standing.nodes[name])

    async def _begin(self, node: PlanNode) -> None:
        """Start a ready node, or make what it is a template of, if nothing and nobody is against it."""
        limits = [] if node.each is not None else limits_of(node, self.project.tenant)
        if (limit := self.starved.behind(node, limits)) is not None:
            return self.starved.add(limit, node, self.standing.lines[node.id].position)
        said = await permit(self.opened, self.project, node, self.standing)
        if said.state is not None:
            return await self._settle(node.id, said.state, said.reason)
        if node.each is not None:
            return await self._become(node, self.expanding.map_over(node, self.standing))
        try:
            await self.work.start(node, await self._inputs(node, said.inputs), limits, self.standing.lines)
        except NoPlace as full:
            await self._stand_in_line(full.limit)
            return self.starved.add(full.limit, node, self.standing.lines[node.id].position)
        self.standing.reconsider(*self.starved.release(*limits))
        return await self._read({node.id})

    async def _go_on_with(self, node: PlanNode) -> None:
        """Make what an expanded node asks for; or, when all that has ended, say how the node itself ends."""
        reference = self.standing.results().get(node.id)
        if node.expand is not None and not self.standing.families.unfolded(node.id) and reference is not None:
            return await self._become(node, self.expanding.unfold(node, reference))
        state, reason, result = await self.expanding.gather(node, self.standing)
        return await self._settle(node.id, state, reason, result)

    async def _become(self, node: PlanNode, making: Coroutine[Any, Any, list[NodeRecord]]) -> None:
        try:
            lines = await making
        except CannotExpand as error:
            return await self._settle(node.id, "failed", error.message)
        self.log.info("%s: becomes %d nodes", node.id, len(lines) - 1)
        self.standing.families.unfold(node.id)
        return await self._take_in(lines)

    async def _inputs(self, node: PlanNode, changed: Mapping[str, Any]) -> dict[str, Any]:
        """What the node is started with: as planned, but for what people have changed."""
        facts = facts_for(self.opened, self.project, node, self.standing)
        if CHANGES in facts_in(node.inputs):
            facts[CHANGES] = await wanted_changes(self.database, self.project.id, node.id)
        inputs: dict[str, Any] = bind(node.inputs, self.standing.results(), facts)
        return {**inputs, **changed}

    async def _settle(
        self, name: str, state: NodeState, reason: str | None, result: dict[str, Any] | None = None
    ) -> None:
        """Record a node's state without an attempt."""
        if await settle_node(
            self.database,
            self.project.id,
            name,
            state,
            fence=self.fence,
            reason=reason,
            result=result,
            heard=self.project,
        ):
            self.log.info("%s: %s%s", name, state.replace("_", " "), f": {reason}" if reason else "")
        await self._read({name})

    async def _read(self, names: set[str]) -> None:
        if names:
            await self._take_in(await read_nodes(self.database, self.project.id, names))

    async def _take_in(self, lines: list[NodeRecord]) -> None:
        """Keep what the ledger says; read all of it anew when something is done anew."""
        if not self.standing.put(*lines):
            await self._read_all()

    async def _read_all(self) -> None:
        """Read the whole ledger anew."""
        self.starved = Starved()
        self.standing = Standing(self.plan, await list_nodes(self.database, self.project.id))

    async def _glance(self) -> None:
        """Look through the ledger for what others have changed, for answers of people and for free places."""
        self.glanced = time.monotonic()
        lines, self.seen = await changed_nodes(self.database, self.project.id, self.seen)
        await self._take_in(lines)
        if self.standing.waiting_for_people():
            self.standing.reconsider(*await answered_nodes(self.database, self.project.id))
        for limit in self.starved.limits():
            await self._stand_in_line(limit)
        self.standing.reconsider(*self.starved.release(*self.starved.limits()))

    async def _stand_in_line(self, limit: str) -> None:
        project = self.project
        await stand_in_line(self.database, project.id, project.tenant, limit, project.priority)

    async def _wait(self) -> None:
        """Sleep until something may have changed, and look at it."""
        await self._read(await self.work.wait())
        await self._read(await self.work.tidy(self.standing) | await self.work.check())
        if time.monotonic() - self.glanced > GLANCE:
            await self._glance()

    async def _go_on(self) -> tuple[ProjectState, str | None] | None:
        """Start what can be, and leave the project if nothing can be done now."""
        if not self.obeying.paused:
            await self._advance()
        return await self._leave()

    async def _leave(self) -> tuple[ProjectState, str | None] | None:
        """Leave the project when it has ended, is paused, or waits for people or for a moment."""
        if not self.standing.ended():
            idle = not self.standing.busy() and not self.work.inline
            return await (self.obeying.pause() if self.obeying.paused and idle else self._rest())
        if undoing := await self.obeying.take_back(self.standing):
            await self._take_in(undoing)
            return None
        await self.work.see_out()
        return await self._end()

    async def _rest(self) -> tuple[ProjectState, str | None] | None:
        """Leave the project to people, or until a moment comes, if nothing can be done before."""
        people, due = self.standing.waiting_for_people(), self.standing.queues.next_due
        if self.standing.busy() or self.work.inline or self.starved.limits() or not (people or due):
            return None
        if due is not None and due - now() < NAP:
            return None
        reason = _why(people, due)
        project, fence = self.project, self.fence
        if await rest_project(
            self.database, project.id, fence=fence, reason=reason, wake_at=due, heard=project
        ):
            return "awaiting_approval" if due is None else "waiting", reason
        self.obeying.hand.doubt()
        await self._glance()
        return None

    async def _end(self) -> tuple[ProjectState, str | None] | None:
        """Record how the project has ended; None when somebody has just wanted something of it."""
        state, reason = self.obeying.verdict(self.standing)
        await self.opened.audit.flush()
        await leave_lines(self.database, self.project.id)
        if await move_project(
            self.database,
            self.project.id,
            fence=self.fence,
            state=state,
            reason=reason,
            deliverables=await collect_deliverables(self.opened, self.standing),
            heard=self.project,
        ):
            return state, reason
        self.obeying.hand.doubt()
        return None


def _why(people: list[str], due: datetime | None) -> str:
    """What a resting project waits for."""
    asked = f"waits for an answer on {', '.join(people)}" if people else "waits"
    return asked if due is None else f"{asked} to try again at {due:%Y-%m-%d %H:%M:%S} UTC"

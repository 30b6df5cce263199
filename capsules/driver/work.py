"""What is at work for one project: inline runs in this process, and runs that workers have."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from typing import Any

from prefect.logging import get_run_logger

from blocks.dead_runs import was_cancelled
from blocks.driver_runs import Drivers
from blocks.errors import SomaError, Unavailable
from blocks.records.ledger import MOST_LOSSES, give_up_attempt, open_attempt
from blocks.records.looking import count_ended
from blocks.records.tables import Attempt, NodeRecord, Project
from capsules.attempt import Handed
from capsules.driver.health import Health
from capsules.driver.overdue import end_overdue, overdue
from capsules.driver.standing import AT_WORK, Standing
from capsules.driver.starting import run_deployed, run_inline, run_of
from capsules.environment import Environment
from capsules.inline_calls import Lanes
from capsules.plan import PlanNode
from capsules.references import sources

LOOK = 0.1
"""Seconds between looks at the nodes that runs in other processes are at work on."""
CHECK = 2.0
"""Seconds between looks for runs that died."""
CANCELLED = "its run was cancelled in Prefect"
LAST_WORD = 10.0
"""Seconds that inline runs have to stop when their driver leaves them."""
MOST_DEPLOYED = 32
"""How many runs of one project may be with workers at once; the rest keep their order of urgency here."""


class Work:
    """The attempts that this driver has started and that have not ended."""

    def __init__(self, opened: Environment, project: Project) -> None:
        self.opened = opened
        self.database = opened.database
        self.project = project
        self.inline: dict[asyncio.Task[str], Attempt] = {}
        self.deployed: dict[str, str] = {}
        """The flow run of each attempt that is at work in another process, by attempt id."""
        self.ended: list[tuple[Attempt, str, int]] = []
        """Inline attempts whose runs have ended: what they said, and how often their nodes may be tried."""
        self.nodes: dict[str, PlanNode] = {}
        """The node of each attempt, by attempt id."""
        self.lanes = Lanes()
        self.prefect = Drivers(opened.settings.prefect_api_url)
        self.health = Health(opened, project.id)
        self.checked = time.monotonic()
        self.log = get_run_logger()

    def has_room(self, *, inline: bool) -> bool:
        """Whether one more node may be started."""
        if inline:
            return len(self.inline) < self.opened.settings.max_inline
        return len(self.deployed) < MOST_DEPLOYED

    async def start(
        self, node: PlanNode, inputs: dict[str, Any], limits: Sequence[str], lines: Mapping[str, NodeRecord]
    ) -> None:
        """Open the next attempt at the node, and let it run; `NoPlace` when one of its limits is full.

        `lines` are those of the project's nodes, by name.
        """
        attempt = await open_attempt(
            self.database,
            self.project.id,
            node.id,
            fence=self.project.fence,
            runtime=node.runtime,
            limits=limits,
            heard=self.project,
        )
        self.nodes[attempt.id] = node
        if node.runtime == "inline":  # not logged: its run is seen in Prefect at once
            given = {name: lines[name] for name in sources(node.inputs) if name in lines}
            handed = Handed(attempt=attempt.id, project=self.project, node=node, lines=given)
            self.inline[asyncio.create_task(run_inline(handed, attempt, inputs, self.lanes))] = attempt
        else:
            self.log.info("%s: attempt %d, %s", node.id, attempt.number, node.runtime)
            await self.deploy(node, attempt, inputs)

    async def deploy(self, node: PlanNode, attempt: Attempt, inputs: dict[str, Any]) -> None:
        """Hand the attempt to a worker; doing so again finds the run that was made before."""
        self.nodes[attempt.id] = node
        known = await run_of(attempt) if attempt.fence != self.project.fence else None
        try:
            self.deployed[attempt.id] = known or await run_deployed(
                node, attempt, inputs, tenant=self.project.tenant
            )
        except SomaError as error:
            await self.lose(attempt, error.message, again=False)

    async def lose(self, attempt: Attempt, reason: str, *, again: bool = True) -> None:
        """Give up an attempt whose run can no longer end it; its node is tried again within bounds."""
        again = again and await count_ended(self.database, attempt, "lost") < MOST_LOSSES
        self.forget(attempt.id)
        if await give_up_attempt(self.database, attempt.id, reason, again=again):
            self.log.warning("%s: attempt %d was lost: %s", attempt.node, attempt.number, reason)

    def forget(self, attempt: str) -> None:
        self.deployed.pop(attempt, None)
        self.nodes.pop(attempt, None)

    async def wait(self) -> set[str]:
        """Sleep until something may have changed; the names of the nodes to look at."""
        if not self.inline:
            await asyncio.sleep(LOOK)
            return self._deployed_nodes()
        pause = LOOK if self.deployed else CHECK / 2
        done, _ = await asyncio.wait(self.inline, timeout=pause, return_when=asyncio.FIRST_COMPLETED)
        return {self._reap(task) for task in done} | self._deployed_nodes()

    async def tidy(self, standing: Standing) -> set[str]:
        """Inline runs that ended without telling the ledger have failed; the names of their nodes."""
        silent = []
        while self.ended:
            attempt, reason, most = self.ended.pop()
            line = standing.lines[attempt.node]
            if line.state in AT_WORK and line.attempt == attempt.number:
                before = await count_ended(self.database, attempt, "lost")
                await self.lose(attempt, reason, again=before + 1 < most)
                silent.append(attempt.node)
        return set(silent)

    async def check(self) -> set[str]:
        """Now and then, give up what died in other processes; the names of the nodes of those."""
        if not self.deployed or time.monotonic() - self.checked < CHECK:
            return set()
        self.checked = time.monotonic()
        dead = await self.health.dead(self.deployed)
        for attempt, reason in dead:
            await self._close(attempt, reason)
        late = await overdue(self.database, self.project.id, self._with_workers())
        for attempt in late:
            node, run = self.nodes[attempt.id], attempt.flow_run or self.deployed.get(attempt.id)
            self.forget(attempt.id)
            await end_overdue(self.database, self.prefect, attempt, node, run)
        return {attempt.node for attempt, _ in dead} | {attempt.node for attempt in late}

    def _with_workers(self) -> dict[str, PlanNode]:
        return {attempt: self.nodes[attempt] for attempt in self.deployed if attempt in self.nodes}

    async def _close(self, attempt: Attempt, reason: str) -> None:
        """Give up an attempt whose run is dead: it was lost, unless somebody has cancelled it in Prefect."""
        run = attempt.flow_run or self.deployed.get(attempt.id)
        try:
            cancelled = run is not None and await was_cancelled(self.prefect, run)
        except Unavailable:
            return  # the next look may tell
        if cancelled:
            self.forget(attempt.id)
            await give_up_attempt(self.database, attempt.id, CANCELLED, again=False, state="cancelled")
        else:
            await self.lose(attempt, reason)

    async def see_out(self) -> None:
        """Let inline runs whose nodes have ended tell Prefect so; cancelled, they would show as crashed."""
        while self.inline:
            done, _ = await asyncio.wait(self.inline)
            for task in done:
                self._reap(task)

    async def abandon(self) -> None:
        """Stop the inline runs, which record nothing and are found by the next driver; let go of Prefect."""
        for task in self.inline:
            task.cancel()
        done, _ = await asyncio.wait(self.inline, timeout=LAST_WORD) if self.inline else (set(), set())
        for task in done:
            task.cancelled() or task.exception()  # looked at, so that asyncio does not complain
        await self.prefect.close()

    def _reap(self, task: "asyncio.Task[str]") -> str:
        """Keep how an inline run ended until the ledger was looked at; the name of its node."""
        attempt = self.inline.pop(task)
        node = self.nodes.pop(attempt.id)
        error = asyncio.CancelledError("its run was cancelled") if task.cancelled() else task.exception()
        reason = f"{type(error).__name__}: {error}" if error is not None else task.result()
        self.ended.append((attempt, reason, node.policy.attempts))
        return attempt.node

    def _deployed_nodes(self) -> set[str]:
        return {node.id for node in self._with_workers().values()}

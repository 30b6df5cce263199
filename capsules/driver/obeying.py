"""Obeying: what a driver does about people's wishes while it drives."""

from collections.abc import Mapping

from prefect.context import FlowRunContext

from blocks.records.ledger import give_up_attempt
from blocks.records.obeying import cancel_nodes, pause_project
from blocks.records.projects import move_project
from blocks.records.tables import NodeRecord, Project, ProjectState
from capsules.driver.control import Hand
from capsules.driver.ending import end_this_process, end_work
from capsules.driver.standing import Standing
from capsules.driver.undoing import outcome, take_back
from capsules.driver.work import Work
from capsules.environment import Environment
from capsules.plan import UNDOING, Plan


class Obeying:
    """Follows the wishes of people for the driver of one project."""

    def __init__(self, opened: Environment, project: Project, plan: Plan, work: Work) -> None:
        self.opened = opened
        self.project = project
        self.plan = plan
        self.work = work
        self.hand = Hand(opened.database, project, work.prefect, _own_run())
        self._given_up = False
        """Whether what was at work has been ended because the project is cancelled."""
        self._stuck = 0

    @property
    def paused(self) -> bool:
        """Whether nothing new may begin."""
        return self.hand.want == "pause"

    async def heed(self, standing: Standing) -> bool:
        """Learn what people want and end what they do not want; whether the ledger is to be read anew."""
        news = await self.hand.look(self._runs(standing))
        for run, why in news.cancelled.items():
            await self._cancel_run(run, self._runs(standing)[run], why)
        if self.hand.want != "cancel" or self._given_up:
            return news.changed or bool(news.cancelled)
        self._given_up = True
        await self._give_up()
        return True

    async def pause(self) -> tuple[ProjectState, str | None] | None:
        """Record that nothing is at work any more; None when something else is wanted by now."""
        database, project = self.opened.database, self.project
        reason = await pause_project(database, project.id, fence=project.fence, heard=project)
        if reason is None:
            self.hand.doubt()
            return None
        return "paused", reason

    async def take_back(self, standing: Standing) -> list[NodeRecord]:
        """Begin to undo what completed nodes did, where the plan wants that now that all has ended."""
        return await take_back(self.opened, self.project, standing, cancelled=self.hand.want == "cancel")

    def verdict(self, standing: Standing) -> tuple[ProjectState, str | None]:
        """The state in which the ended project is, and why."""
        state, reason = standing.verdict()
        if self.hand.want == "cancel":
            state, reason = "cancelled", self.hand.words
        undone = outcome(standing)
        return state, f"{reason}; {undone}" if reason and undone else reason or undone or None

    def leave(self) -> None:
        """See to it that a process whose inline runs do not stop ends all the same."""
        if self._stuck and _is_deployed():
            end_this_process()

    async def _give_up(self) -> None:
        """End what is at work, close what has not ended, and say that the project is being cancelled."""
        database, project, words = self.opened.database, self.project, self.hand.words
        spare = self.plan.on_cancel == "undo"
        self._stuck += await end_work(
            self.work,
            self.work.prefect,
            words,
            spared=lambda node: spare and node.startswith(UNDOING),
            seconds=self.opened.settings.cancel_seconds,
        )
        await cancel_nodes(database, project.id, fence=project.fence, reason=words, spare=spare)
        await move_project(
            database, project.id, fence=project.fence, state="cancelling", reason=words, heard=project
        )

    async def _cancel_run(self, run: str, node: str, why: str) -> None:
        """Somebody has cancelled the run of one node in Prefect: the node is cancelled, the rest goes on."""
        inline = [(task, attempt) for task, attempt in self.work.inline.items() if attempt.node == node]
        for task, _ in inline:
            task.cancel(why)
        theirs = [attempt for attempt, known in self.work.deployed.items() if known == run]
        for attempt in [*(item.id for _, item in inline), *theirs]:
            self.work.deployed.pop(attempt, None)
            await give_up_attempt(self.opened.database, attempt, why, again=False, state="cancelled")

    def _runs(self, standing: Standing) -> Mapping[str, str]:
        """The flow runs that are at work, each with its node."""
        lines = (standing.lines[node] for node in standing.at_work)
        named = {line.flow_run: line.node for line in lines if line.flow_run is not None}
        nodes = self.work.nodes
        deployed = {run: nodes[attempt].id for attempt, run in self.work.deployed.items() if attempt in nodes}
        return {**named, **deployed}


def _own_run() -> str | None:
    context = FlowRunContext.get()
    return str(context.flow_run.id) if context is not None and context.flow_run is not None else None


def _is_deployed() -> bool:
    context = FlowRunContext.get()
    run = context.flow_run if context is not None else None
    return run is not None and run.deployment_id is not None

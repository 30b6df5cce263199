"""Questions in Prefect: paused runs with a form, on a real server, answered there or elsewhere."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest
from prefect.client.orchestration import get_client
from prefect.flow_engine import run_flow

from blocks.identity import Principal
from blocks.questions.prefect_runs import QuestionRuns
from blocks.records import approvals
from blocks.records.database import Database
from blocks.records.tables import Approval
from blocks.records.unshown import note_shown, unshown
from flows.approval import approval as approval_flow

ANN = Principal(tenant="default", name="ann", roles=frozenset({"approver"}))


class Scene:
    """A question that is shown in Prefect, and what people do there."""

    def __init__(self, database: Database, api: str, asked: Approval) -> None:
        self.database, self.id = database, asked.id
        self.runs = QuestionRuns(api)
        self.http = httpx.AsyncClient(base_url=f"{api}/", timeout=30)

    async def show(self) -> str:
        (asked,) = [item for item in await unshown(self.database) if item.id == self.id]
        run = await self.runs.show(asked)
        assert await self.runs.show(asked) == run  # as after a crash before it was noted
        await note_shown(self.database, asked.id, run)
        return run

    async def resume(self, run: str, **answer: Any) -> tuple[str, str]:
        said = (await self.http.post(f"flow_runs/{run}/resume", json={"run_input": answer})).json()
        return said["status"], str((said.get("details") or {}).get("reason"))

    async def state(self, run: str) -> tuple[str, str]:
        found = (await self.http.get(f"flow_runs/{run}")).json()["state"]
        return found["type"], found["name"]

    async def work(self, run: str) -> str:
        """What a worker does with the resumed run."""
        async with get_client() as client:
            found = await client.read_flow_run(run)
        started: Any = run_flow(approval_flow, flow_run=found, return_type="state")
        ended = await started
        return f"{ended.name}: {ended.message}"

    async def answered(self) -> Approval:
        return await approvals.get_approval(self.database, self.id)


Play = Callable[..., Any]


@pytest.fixture
def play(toybox: Any, prefect_api: str) -> Play:
    """Plays a scene about a question of a project of toys."""
    project = toybox.launch(toybox.node("asks"))

    async def whole(scene: Callable[[Scene], Awaitable[None]], terms: dict[str, Any]) -> None:
        async with get_client() as client:
            flow = await client.create_flow_from_name("approval")
            await client.create_deployment(flow, "hub", parameter_openapi_schema={})
        database = Database(toybox.url)
        async with database.session() as session:
            asked = await approvals.ask(
                session, project, node="asks", question="Go?", details={}, action_digest="d", **terms
            )
        played = Scene(database, prefect_api, asked)
        try:
            await scene(played)
        finally:
            await played.runs.close()
            await played.http.aclose()
            await database.close()

    return lambda scene, **terms: asyncio.run(whole(scene, terms))


def test_a_question_is_answered_in_prefect(play: Play) -> None:
    """It lies paused with its form; what does not fit leaves it so; resumed with an answer it decides."""

    async def scene(shown: Scene) -> None:
        run = await shown.show()
        form = (await shown.http.get(f"flow_runs/{run}/input/approval-schema")).json()
        assert form["properties"]["verdict"]["enum"] == ["approve", "reject", "changes"]
        assert await shown.state(run) == ("PAUSED", "Suspended")
        for wrong in ({"verdict": "maybe"}, {}, {"verdict": "approve", "by": "me"}):
            assert (await shown.resume(run, **wrong))[0] == "REJECT"
        assert await shown.state(run) == ("PAUSED", "Suspended")
        assert (await shown.resume(run, verdict="approve", comment="fine"))[0] == "ACCEPT"
        assert await shown.state(run) == ("SCHEDULED", "Resuming")
        assert await shown.work(run) == "Answered: The answer is taken: approve."
        found = await shown.answered()
        assert (found.state, found.decided_by, found.comment) == ("approved", "prefect", "fine")
        assert (await shown.resume(run, verdict="reject"))[0] == "ABORT"

    play(scene)


def test_what_was_answered_elsewhere_is_ended_honestly(play: Play) -> None:
    """The paused run ends as answered, by whom; a second answer through it is refused politely."""

    async def scene(shown: Scene) -> None:
        run = await shown.show()
        await approvals.decide_approval(shown.database, shown.id, by=ANN, verdict="reject")
        (late,) = await unshown(shown.database)
        assert (await shown.resume(run, verdict="approve"))[0] == "ACCEPT"
        assert not await shown.runs.close_run(late)  # it is at work, and finds out by itself
        assert "was already rejected by ann" in await shown.work(run)
        assert await shown.runs.close_run(late)

    play(scene)


def test_a_paused_run_ends_when_nobody_needs_it(play: Play) -> None:
    """Answered through the gateway, the run does not lie paused for ever."""

    async def scene(shown: Scene) -> None:
        run = await shown.show()
        await approvals.decide_approval(shown.database, shown.id, by=ANN)
        (late,) = await unshown(shown.database)
        assert await shown.runs.close_run(late)
        assert await shown.state(run) == ("COMPLETED", "Answered")

    play(scene)


@pytest.mark.parametrize("terms", [{"who": ["role:approver"]}, {"requester": False}])
def test_prefect_is_nobody_in_particular(play: Play, terms: dict[str, Any]) -> None:
    """Where certain people are to agree, or others than the one who asked, its answer is refused."""

    async def scene(shown: Scene) -> None:
        run = await shown.show()
        await shown.resume(run, verdict="approve")
        assert "it takes people whom the hub knows" in await shown.work(run)
        assert await shown.state(run) == ("CANCELLED", "Refused")
        assert (await shown.answered()).state == "pending"

    play(scene, requirements=[{"quorum": 1, **terms}])

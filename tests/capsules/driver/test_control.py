"""Pausing, resuming, cancelling, deadlines and taking back, with a real driver on a real Prefect server."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from prefect.client.orchestration import get_client
from prefect.states import Cancelling

from blocks.records import control, ledger, projects, reruns
from blocks.records.tables import Project, now
from flows.project import run_project

pytestmark = pytest.mark.slow


def drive(project: Project) -> Any:
    return asyncio.run(run_project(project.id, return_state=True))


def drive_and(toybox: Any, project: Project, word: str, act: Callable[[Any], Awaitable[Any]]) -> Any:
    """Drive, and do something once a body has left the word in the log."""
    return asyncio.run(driven_and(toybox, project, word, act))


async def driven_and(toybox: Any, project: Project, word: str, act: Callable[[Any], Awaitable[Any]]) -> Any:
    driver = asyncio.create_task(run_project(project.id, return_state=True))
    while word not in toybox.log.read_text():
        assert not driver.done(), driver
        await asyncio.sleep(0.05)
    await toybox.aquery(act)
    return await driver


def states(toybox: Any, project: Project) -> dict[str, str]:
    found = toybox.query(lambda database: ledger.list_nodes(database, project.id))
    return {line.node: line.state for line in found}


def stands(toybox: Any, project: Project) -> Project:
    found: Project = toybox.query(lambda database: projects.get_project(database, project.id))
    return found


def wish(project: Project, want: Any, **given: Any) -> Callable[[Any], Awaitable[Any]]:
    return lambda database: control.set_control(database, project.id, want, **{"by": "ann", **given})


def go(log: Path) -> None:
    Path(f"{log}.go").touch()


async def pass_by(database: Any, project: Project) -> None:
    """Let the project's deadline be over."""
    async with database.session() as session:
        found = await session.get_one(Project, project.id)
        found.deadline_at = now() - timedelta(seconds=1)
        session.add(found)


def undone(toybox: Any, name: str, **changes: Any) -> Any:
    """A node that says how it is undone."""
    undo = {"capsule": "note", "inputs": {"word": f"un{name}"}}
    return toybox.node(name, undo=undo, **changes)


async def shown(toybox: Any, project: Project, node: str) -> Any:
    """The state in Prefect of the run of a node."""
    found = await toybox.aquery(lambda database: ledger.list_nodes(database, project.id))
    async with get_client() as client:
        return (await client.read_flow_run(next(line.flow_run for line in found if line.node == node))).state


def test_a_paused_project_lets_running_nodes_finish_and_starts_nothing(toybox: Any, log: Path) -> None:
    """Then it rests without a process; another driver changes nothing until it is resumed."""
    project = toybox.launch(toybox.node("held", "slow"), toybox.node("next", needs=["held"]))

    async def pause(database: Any) -> None:
        await wish(project, "pause", reason="it rains")(database)
        go(log)

    first = drive_and(toybox, project, "slow", pause)
    resting = stands(toybox, project)
    again = drive(project)
    before = states(toybox, project)
    toybox.query(wish(project, "run"))
    last = drive(project)

    assert (first.name, again.name, last.name) == ("Paused", "Paused", "Completed")
    assert (resting.state, resting.reason) == ("paused", "paused by ann: it rains")
    assert before == {"held": "completed", "next": "waiting"}
    assert states(toybox, project) == {"held": "completed", "next": "completed"}
    assert log.read_text().split() == ["slow", "next"]


def test_a_cancelled_project_ends_its_nodes_which_may_clean_up(toybox: Any, log: Path) -> None:
    """What had completed stays so; the run that was broken off shows as cancelled, with the reason."""
    project = toybox.launch(
        toybox.node("done"), toybox.node("held", "clean", needs=["done"]), toybox.node("next", needs=["held"])
    )
    state = drive_and(toybox, project, "clean", wish(project, "cancel", reason="too dear"))
    ended = stands(toybox, project)
    run = asyncio.run(shown(toybox, project, "held"))
    attempts = toybox.query(lambda database: ledger.list_attempts(database, project.id))

    assert state.is_cancelled()
    assert (ended.state, ended.reason) == ("cancelled", "cancelled by ann: too dear")
    assert states(toybox, project) == {"done": "completed", "held": "cancelled", "next": "cancelled"}
    assert log.read_text().split() == ["done", "clean", "cleaned"]
    assert [attempt.state for attempt in attempts] == ["completed", "cancelled"]
    assert (run.name, run.message) == ("Cancelled", "cancelled by ann: too dear")
    assert drive(project).is_cancelled()


def test_a_node_that_does_not_stop_is_left_behind(
    toybox: Any, log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The project is cancelled all the same, and what the node comes to later is not recorded."""
    monkeypatch.setenv("SOMA_CANCEL_SECONDS", "0.5")
    project = toybox.launch(toybox.node("held", "deaf"))

    async def cancel_and_look() -> Any:
        state = await driven_and(toybox, project, "deaf", wish(project, "cancel"))
        go(log)
        await asyncio.sleep(0.3)
        return state

    assert asyncio.run(cancel_and_look()).is_cancelled()
    assert states(toybox, project) == {"held": "cancelled"}


def test_a_deadline_cancels_a_running_project(toybox: Any, log: Path) -> None:
    """The driver keeps it by itself; the reason names it."""
    project = toybox.launch(toybox.node("held", "clean"))
    soon = now() + timedelta(seconds=60)

    async def shorten(database: Any) -> None:
        assert (await control.set_deadline(database, project.id, soon, by="ann")).deadline_at == soon
        await pass_by(database, project)

    state = drive_and(toybox, project, "clean", shorten)
    ended = stands(toybox, project)

    assert state.is_cancelled()
    assert ended.state == "cancelled"
    assert "its deadline" in (ended.reason or "")
    assert log.read_text().split() == ["clean", "cleaned"]


def test_a_resting_project_whose_deadline_passes_is_cancelled_by_the_next_driver(toybox: Any) -> None:
    """It waits for an answer that nobody needs any more: the question is withdrawn."""
    project = toybox.launch(toybox.node("asks", approval={"question": "Go on?"}))
    assert drive(project).name == "AwaitingApproval"

    toybox.query(lambda database: pass_by(database, project))
    assert drive(project).is_cancelled()
    assert states(toybox, project) == {"asks": "cancelled"}


def test_a_failed_project_is_taken_back_in_reverse_order(toybox: Any, log: Path) -> None:
    """Each completed node that says how is undone by a node of its own; the failure stays the end."""
    project = toybox.launch(
        undone(toybox, "one"),
        undone(toybox, "two", needs=["one"]),
        toybox.node("plain", needs=["two"]),
        toybox.node("breaks", "fail", needs=["plain"]),
        on_failure="undo",
    )
    state = drive(project)
    ended = stands(toybox, project)

    assert (state.name, ended.state) == ("Failed", "failed")
    assert log.read_text().split() == ["one", "two", "plain", "fail", "untwo", "unone"]
    assert states(toybox, project)["undo.one"] == "completed"
    assert (ended.reason or "").endswith("; took back two, one")


def test_what_cannot_be_taken_back_is_told_and_the_rest_is(toybox: Any, log: Path) -> None:
    """A failing undo and one whose capsule is missing do not keep the others from running."""
    broken = toybox.node("two", needs=["one"], undo={"capsule": "fail", "inputs": {"word": "x"}})
    missing = toybox.node("three", needs=["two"], undo={"capsule": "no-such-capsule"})
    project = toybox.launch(
        undone(toybox, "one"),
        broken,
        missing,
        toybox.node("held", "clean", needs=["three"]),
        on_cancel="undo",
    )
    drive_and(toybox, project, "clean", wish(project, "cancel"))
    ended = stands(toybox, project)

    assert ended.state == "cancelled"
    assert log.read_text().split() == ["one", "two", "three", "clean", "cleaned", "fail", "fail", "unone"]
    assert "took back one; could not take back three" in (ended.reason or "")
    assert "could not take back two" in (ended.reason or "")


def test_nothing_is_taken_back_unless_the_plan_says_so(toybox: Any, log: Path) -> None:
    """`keep` is the default, on failure as on cancellation."""
    project = toybox.launch(undone(toybox, "one"), toybox.node("breaks", "fail", needs=["one"]))
    drive(project)

    assert log.read_text().split() == ["one", "fail"]
    assert set(states(toybox, project)) == {"one", "breaks"}


def test_a_driver_killed_while_cancelling_is_followed_by_one_that_goes_on(toybox: Any, log: Path) -> None:
    """The second driver ends what the first left, takes back once, and records one end."""
    project = toybox.launch(
        undone(toybox, "one"), toybox.node("held", "slow", needs=["one"]), on_cancel="undo"
    )
    toybox.drive_and_kill(project, until="slow")
    toybox.query(wish(project, "cancel"))
    state = drive(project)

    assert state.is_cancelled()
    assert log.read_text().split() == ["one", "slow", "unone"]
    assert states(toybox, project) == {"one": "completed", "held": "cancelled", "undo.one": "completed"}


def test_a_driver_killed_while_taking_back_is_followed_by_one_that_goes_on(toybox: Any, log: Path) -> None:
    """What was taken back is not taken back again; the undo that was broken off is tried again."""
    slowly = toybox.node("two", needs=["one"], undo={"capsule": "slow", "inputs": {"word": "untwo"}})
    project = toybox.launch(
        undone(toybox, "one"),
        slowly,
        undone(toybox, "three", needs=["two"]),
        toybox.node("breaks", "fail", needs=["three"]),
        on_failure="undo",
    )
    toybox.drive_and_kill(project, until="slow")
    go(log)
    drive(project)
    attempts = toybox.query(lambda database: ledger.list_attempts(database, project.id))

    assert log.read_text().split() == ["one", "two", "three", "fail", "unthree", "slow", "slow", "unone"]
    completed = [
        item.node for item in attempts if item.state == "completed" and item.node.startswith("undo.")
    ]
    assert completed == ["undo.three", "undo.two", "undo.one"]


def test_a_rerun_of_an_ended_project_runs_that_node_and_what_stands_on_it(toybox: Any, log: Path) -> None:
    """With changed inputs; what was recorded elsewhere is not computed again."""
    project = toybox.launch(
        toybox.node("one"),
        toybox.node("two", needs=["one"], inputs={"word": "old"}),
        toybox.node("three", needs=["two"], inputs={"word": {"$from": "two.said"}}),
        toybox.node("apart"),
    )
    drive(project)
    toybox.query(lambda database: reruns.rerun_from(database, project.id, "two", {"word": "new"}, by="ann"))
    state = drive(project)
    attempts = toybox.query(lambda database: ledger.list_attempts(database, project.id))

    assert state.name == "Completed"
    assert sorted(log.read_text().split()) == sorted(["one", "apart", "old", "old", "new", "new"])
    assert {(item.node, item.generation) for item in attempts if item.state == "completed"} == {
        ("one", 1), ("apart", 1), ("two", 1), ("three", 1), ("two", 2), ("three", 2),
    }  # fmt: skip


def test_a_rerun_while_other_nodes_are_at_work_is_seen_by_their_driver(toybox: Any, log: Path) -> None:
    """The node is done anew beside them, by the same driver."""
    project = toybox.launch(toybox.node("one"), toybox.node("held", "slow"))

    async def rerun(database: Any) -> None:
        for _ in range(200):
            if (await ledger.list_nodes(database, project.id))[0].state == "completed":
                break
            await asyncio.sleep(0.05)
        await reruns.rerun_from(database, project.id, "one", by="ann")
        go(log)

    state = drive_and(toybox, project, "slow", rerun)

    assert state.name == "Completed"
    assert sorted(log.read_text().split()) == ["one", "one", "slow"]


def test_a_node_cancelled_in_prefect_is_cancelled_and_the_rest_goes_on(toybox: Any, log: Path) -> None:
    """What tolerates it runs, what needs it is skipped, and it is not tried again."""
    project = toybox.launch(
        toybox.node("held", "clean", attempts=3),
        toybox.node("without", needs=["held"], tolerates=["held"]),
        toybox.node("needs", needs=["held"]),
    )

    async def cancel(database: Any) -> None:
        run = (await ledger.list_nodes(database, project.id))[0].flow_run
        async with get_client() as client:
            await client.set_flow_run_state(run, Cancelling())

    drive_and(toybox, project, "clean", cancel)
    run = asyncio.run(shown(toybox, project, "held"))

    assert states(toybox, project) == {"held": "cancelled", "without": "completed", "needs": "skipped"}
    assert log.read_text().split() == ["clean", "cleaned", "without"]
    assert run.is_cancelled()

"""Reruns and forks, on a real PostgreSQL and on generated plans."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlmodel import select

from blocks.errors import BadInput, Conflict, NotFound
from blocks.records import events, forks, history, ledger, projects, reach, reruns
from blocks.records.database import Database
from blocks.records.tables import NodeRecord, Project

Work = Callable[[Database], Awaitable[Any]]
Run = Callable[[Work], Any]
DIAMOND = {"a": [], "b": ["a"], "c": ["a"], "d": ["b", "c"], "e": []}


async def project_of(
    database: Database,
    needs: dict[str, list[str]] = DIAMOND,
    *,
    state: str = "completed",
    more: tuple[NodeRecord, ...] = (),
    **states: str,
) -> Project:
    """A project in a state, whose nodes have completed with a result named like them, or are as given."""
    made = await projects.create_project(
        database,
        tenant="default",
        title="Try",
        blueprint="try",
        inputs={},
        plan={"nodes": [{"id": node, "needs": wants, "inputs": {"x": 1}} for node, wants in needs.items()]},
        plan_digest="sha256:0",
        nodes=[{"node": node, "title": node, "capsule": "a", "version": "1.0.0"} for node in needs],
        requested_by="ann",
    )
    async with database.session() as session:
        found = await session.get_one(Project, made.id)
        found.state = state
        found.control = {"paused": "pause", "cancelling": "cancel", "cancelled": "cancel"}.get(state, "run")
        found.driver_run, found.deliverables = "run-1", [{"name": "report"}]
        session.add(found)
        for line in more:
            line.project = made.id
            session.add(line)
        for line in await session.exec(select(NodeRecord).where(NodeRecord.project == made.id)):
            line.state, line.attempt = states.get(line.node, "completed"), 1
            line.result = {"path": line.node} if line.state == "completed" else None
            session.add(line)
    return found


def child(name: str, parent: str, *needs: str, **spec: Any) -> NodeRecord:
    document = {"id": name, "needs": list(needs), **spec}
    return NodeRecord(
        project="",
        node=name,
        position=9,
        title=name,
        capsule="a",
        version="1.0.0",
        parent=parent,
        spec=document,
    )


async def lines_of(database: Database, project: str) -> dict[str, NodeRecord]:
    return {line.node: line for line in await ledger.list_nodes(database, project)}


def test_a_rerun_leaves_that_node_and_what_stands_on_it_to_be_done(run: Run) -> None:
    """Generations grow where work is done anew; everything else keeps its result."""

    async def work(database: Database) -> tuple[Any, ...]:
        project = await project_of(database)
        done = await reruns.rerun_from(database, project.id, "b", by="ann", reason="a better b")
        told = await events.events_after(database, project.id)
        return (
            done,
            await projects.get_project(database, project.id),
            await lines_of(database, project.id),
            told,
        )

    done, project, lines, told = run(work)

    assert done.reset == ["b", "d"]
    assert done.idle
    assert (project.state, project.ended_at, project.driver_run, project.deliverables) == (
        "running", None, None, [],
    )  # fmt: skip
    assert {name: line.state for name, line in lines.items()} == {
        "a": "completed", "b": "waiting", "c": "completed", "d": "waiting", "e": "completed",
    }  # fmt: skip
    assert {name: line.generation for name, line in lines.items()} == {"a": 1, "b": 2, "c": 1, "d": 2, "e": 1}
    assert [lines[name].result for name in "abcd"] == [{"path": "a"}, None, {"path": "c"}, None]
    history = {event.node: event.data for event in told if event.kind == "node.reset"}
    assert {name: (was["generation"], was["state"], was["result"]) for name, was in history.items()} == {
        "b": (1, "completed", {"path": "b"}),
        "d": (1, "completed", {"path": "d"}),
    }


def test_changed_inputs_replace_those_of_the_plan_by_name(run: Run) -> None:
    """The node carries its own document from then on; the plan stays what was approved."""

    async def work(database: Database) -> tuple[Any, ...]:
        project = await project_of(database)
        await reruns.rerun_from(database, project.id, "b", {"x": 2, "y": 3}, by="ann")
        after = await projects.get_project(database, project.id)
        return after.plan["nodes"][1], (await lines_of(database, project.id))["b"].spec

    planned, spec = run(work)

    assert planned["inputs"] == {"x": 1}
    assert spec == {"id": "b", "needs": ["a"], "inputs": {"x": 2, "y": 3}}


@pytest.mark.parametrize(
    ("state", "node", "busy", "words"),
    [
        ("planned", "b", {}, "not launched"),
        ("cancelling", "b", {}, "being cancelled"),
        ("running", "b", {"d": "running"}, "d .* is at work"),
        ("running", "a", {"b": "queued", "c": "running"}, "b, c .* are at work"),
        ("completed", "undo.a", {}, "no node"),
        ("completed", "z", {}, "no node 'z'"),
    ],
)
def test_what_cannot_be_done_anew_is_refused_and_left_as_it_is(
    run: Run, state: str, node: str, busy: dict[str, str], words: str
) -> None:
    """The refusal says why; not a line of the ledger has changed."""

    async def work(database: Database) -> None:
        project = await project_of(database, state=state, **busy)
        before = await lines_of(database, project.id)
        with pytest.raises((Conflict, NotFound), match=words):
            await reruns.rerun_from(database, project.id, node, by="ann")
        after = await lines_of(database, project.id)
        assert [line.model_dump() for line in after.values()] == [
            line.model_dump() for line in before.values()
        ]

    run(work)


def test_a_node_elsewhere_may_be_at_work_and_a_paused_project_stays_paused(run: Run) -> None:
    """Only what is to be done anew must not be at work; going on is another wish."""

    async def work(database: Database) -> tuple[Any, ...]:
        going = await project_of(database, state="running", e="running")
        first = await reruns.rerun_from(database, going.id, "b", by="ann")
        paused = await project_of(database, state="paused")
        second = await reruns.rerun_from(database, paused.id, "b", by="ann")
        return first, second, await projects.get_project(database, paused.id)

    first, second, paused = run(work)

    assert (first.idle, second.idle) == (False, False)
    assert (paused.state, paused.control) == ("paused", "pause")


def test_nodes_made_at_run_time_go_with_their_maker(run: Run) -> None:
    """They are made again when it is done anew; a child done anew only opens its maker again."""

    async def work(database: Database) -> tuple[Any, ...]:
        needs = {"a": [], "map": ["a"], "end": ["map"]}

        def children() -> tuple[NodeRecord, ...]:
            return child("map.0", "map", "a"), child("map.1", "map", "a")

        whole = await project_of(database, needs, more=children())
        await reruns.rerun_from(database, whole.id, "a", by="ann")
        one = await project_of(database, needs, more=children())
        await reruns.rerun_from(database, one.id, "map.1", by="ann")
        return await lines_of(database, whole.id), await lines_of(database, one.id)

    whole, one = run(work)

    assert {name: line.state for name, line in whole.items()} == dict.fromkeys(("a", "map", "end"), "waiting")
    assert {name: line.state for name, line in one.items()} == {
        "a": "completed", "map": "expanded", "map.0": "completed", "map.1": "waiting", "end": "waiting",
    }  # fmt: skip


def test_what_was_taken_back_is_done_anew_and_so_is_what_a_cancelled_project_never_came_to(run: Run) -> None:
    """A rerun of a cancelled project does not build on effects that are gone."""

    async def work(database: Database) -> Any:
        needs = {"a": [], "b": [], "c": ["b"], "d": []}
        undoing = child("undo.a", "a")
        project = await project_of(
            database, needs, state="cancelled", c="cancelled", d="failed", more=(undoing,)
        )
        await reruns.rerun_from(database, project.id, "d", by="ann")
        return await lines_of(database, project.id)

    lines = run(work)

    assert {name: line.state for name, line in lines.items()} == {
        "a": "waiting", "b": "completed", "c": "waiting", "d": "waiting",
    }  # fmt: skip


@st.composite
def plans(draw: st.DrawFn) -> tuple[dict[str, list[str]], str]:
    """A DAG of up to 12 nodes and one of them."""
    count = draw(st.integers(1, 12))
    names = [f"n{number}" for number in range(count)]
    needs = {
        name: sorted(draw(st.sets(st.sampled_from(names[:place]), max_size=4))) if place else []
        for place, name in enumerate(names)
    }
    return needs, draw(st.sampled_from(names))


@given(plans())
def test_exactly_a_node_and_its_descendants_are_reached(plan: tuple[dict[str, list[str]], str]) -> None:
    """A node is reached if and only if some way along `needs` leads from it to the start."""
    needs, start = plan

    def stands_on_it(node: str) -> bool:
        return node == start or any(stands_on_it(need) for need in needs[node])

    touched = reach.reach(needs, {}, [start])

    assert touched.reset == {node for node in needs if stands_on_it(node)}
    assert not touched.reopened | touched.dropped


def test_a_fork_takes_over_what_had_completed(run: Run) -> None:
    """From a node on everything is to be done, with its inputs changed; the first project stays as it is."""

    async def work(database: Database) -> tuple[Any, ...]:
        project = await project_of(database, state="failed", c="failed", d="skipped")
        fork = await forks.prepare_fork(
            database, project.id, tenant="default", by="bob", node="b", inputs={"x": 5}
        )
        made = await forks.record_fork(database, fork, by="bob")
        before = await projects.get_project(database, project.id)
        return before, await projects.get_project(database, made.id), await lines_of(database, made.id), fork

    before, made, lines, fork = run(work)

    assert (before.state, made.state, made.requested_by) == ("failed", "planned", "bob")
    assert made.origin == {"kind": "fork", "project": before.id, "node": "b", "at": None, "inputs": ["x"]}
    assert fork.carried == ["a", "e"]
    assert {name: line.state for name, line in lines.items()} == {
        "a": "completed", "b": "waiting", "c": "waiting", "d": "waiting", "e": "completed",
    }  # fmt: skip
    assert lines["a"].result == {"path": "a"}
    assert lines["b"].spec["inputs"] == {"x": 5}


def test_a_fork_of_an_earlier_point_takes_over_what_was_recorded_until_then(run: Run) -> None:
    """Results that a rerun put away are found again; what came later is not taken over."""

    async def work(database: Database) -> tuple[Any, ...]:
        project = await project_of(database, {"a": [], "b": ["a"]}, state="running")
        points = []
        for node in "ab":
            async with database.session() as session:
                events.add_event(session, project.id, "node.state", node, {"state": "completed"})
            points.append((await events.events_after(database, project.id))[-1].id)
        await reruns.rerun_from(database, project.id, "a", by="ann")
        found = []
        for point in (0, *points, 10**9):
            fork = await forks.prepare_fork(database, project.id, tenant="default", by="bob", at=point)
            found.append({line.node: line.result for line in fork.lines if line.result})
        return tuple(found)

    assert run(work) == ({}, {"a": {"path": "a"}}, {"a": {"path": "a"}, "b": {"path": "b"}}, {})


def test_a_fork_of_the_point_before_a_rerun_has_the_inputs_and_results_of_then(run: Run) -> None:
    """The number that the history of a node gives is that point."""

    async def work(database: Database) -> tuple[Any, ...]:
        project = await project_of(database, {"a": [], "b": ["a"]})
        async with database.session() as session:
            for node in "ab":
                events.add_event(session, project.id, "node.state", node, {"state": "completed"})
        await reruns.rerun_from(database, project.id, "a", {"x": 7}, by="ann")
        past = await history.node_history(database, project.id, "b", tenant="default")
        point = past.former[0]["event"] - 1
        fork = await forks.prepare_fork(database, project.id, tenant="default", by="bob", at=point)
        return fork.carried, [line.spec for line in fork.lines]

    assert run(work) == (["a", "b"], [None, None])


def test_a_fork_that_makes_no_sense_is_refused(run: Run) -> None:
    """An unknown node, another tenant's project, inputs of nothing."""

    async def work(database: Database) -> None:
        project = await project_of(database)
        with pytest.raises(NotFound, match="no node 'z'"):
            await forks.prepare_fork(database, project.id, tenant="default", by="bob", node="z")
        with pytest.raises(NotFound, match="no project"):
            await forks.prepare_fork(database, project.id, tenant="others", by="bob")
        with pytest.raises(BadInput, match="from which node"):
            await forks.prepare_fork(database, project.id, tenant="default", by="bob", inputs={"x": 1})

    run(work)

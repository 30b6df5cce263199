"""The driver over the ledger, with inline capsules on a real Prefect server."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from prefect.client.orchestration import get_client

from blocks.identity import Principal
from blocks.records import approvals, ledger, projects
from blocks.records.tables import Project
from blocks.results import ResultStore
from blocks.settings import load_settings
from flows.project import run_project

pytestmark = pytest.mark.slow


def person(name: str) -> Principal:
    return Principal(tenant="default", name=name, roles=frozenset({"approver"}))


def drive(project: Project) -> Any:
    return asyncio.run(run_project(project.id, return_state=True))


def lines(toybox: Any, project: Project) -> dict[str, str]:
    found = toybox.query(lambda database: ledger.list_nodes(database, project.id))
    return {line.node: line.state for line in found}


def said(toybox: Any, project: Project, node: str) -> str:
    found = toybox.query(lambda database: ledger.list_nodes(database, project.id))
    reference = next(line.result for line in found if line.node == node)
    return str(ResultStore(load_settings().results_path).fetch(reference)["said"])


def test_nodes_run_in_the_order_of_their_needs_and_hand_on_results(toybox: Any, log: Path) -> None:
    """A node's inputs are what the nodes it needs gave, by reference."""
    project = toybox.launch(
        toybox.node("first"),
        toybox.node("second", needs=["first"], inputs={"word": {"$from": "first.said"}}),
    )
    state = drive(project)

    assert state.name == "Completed"
    assert lines(toybox, project) == {"first": "completed", "second": "completed"}
    assert log.read_text().split() == ["first", "first"]


def test_driving_a_finished_project_again_runs_no_body(toybox: Any, log: Path) -> None:
    """Starting a driver twice does no harm."""
    project = toybox.launch(toybox.node("only"))
    drive(project)
    state = drive(project)

    assert (state.name, log.read_text().split()) == ("Completed", ["only"])


def test_a_failing_node_is_tried_as_often_as_its_plan_says_and_fails_the_project(
    toybox: Any, log: Path
) -> None:
    """What needs a failed node is skipped, and the reason is passed on."""
    project = toybox.launch(toybox.node("bad", "fail", attempts=3), toybox.node("after", needs=["bad"]))
    state = drive(project)

    assert (state.name, log.read_text().split().count("fail")) == ("Failed", 3)
    assert "the toy is broken" in state.message
    assert lines(toybox, project) == {"bad": "failed", "after": "skipped"}


def test_a_join_goes_on_without_what_it_tolerates_and_is_told_so(toybox: Any) -> None:
    """A tolerated failure is left out of the inputs and named in `refused`."""
    project = toybox.launch(
        toybox.node("good"),
        toybox.node("bad", "fail"),
        toybox.node(
            "both",
            "join",
            needs=["good", "bad"],
            tolerates=["bad"],
            inputs={
                "words": {"good": {"$from": "good.said"}, "bad": {"$from": "bad.said"}},
                "refused": {"$fact": "refused"},
            },
        ),
    )
    state = drive(project)

    assert state.name == "Completed"
    assert said(toybox, project, "both") == "good|bad"


def test_a_forbidden_tool_stops_exactly_its_node_and_prefect_says_why(
    toybox: Any, log: Path, constitution: Path
) -> None:
    """The node is denied, its flow run is named PolicyDenied with article and reason, others go on."""
    constitution.write_text(
        constitution.read_text().replace(
            "articles: []",
            "articles:\n"
            "  - id: T-1\n    principle: P1\n    title: No fingers\n    stages: [tool.call]\n"
            "    actions: [toy.finger]\n    verdict: deny\n    severity: high\n"
            "    reason: fingers leave marks\n    remedy: use a glove\n",
        )
    )
    project = toybox.launch(toybox.node("free"), toybox.node("caught", "touch", attempts=3))
    state = drive(project)
    run = asyncio.run(flow_run_of(toybox, project, "caught"))

    assert state.name == "PolicyDenied"
    assert lines(toybox, project) == {"free": "completed", "caught": "denied"}
    assert "touched" not in log.read_text()
    assert run.state.name == "PolicyDenied"
    assert "T-1" in run.state.message
    assert "fingers leave marks" in run.state.message


async def flow_run_of(toybox: Any, project: Project, node: str) -> Any:
    found = await toybox.aquery(lambda database: ledger.list_nodes(database, project.id))
    async with get_client() as client:
        return await client.read_flow_run(next(line.flow_run for line in found if line.node == node))


def test_a_project_rests_while_people_think_and_goes_on_when_they_have(toybox: Any, log: Path) -> None:
    """The driver ends while an approval waits; the one started after the answer runs what is left."""
    project = toybox.launch(
        toybox.node("before"),
        toybox.node("after", needs=["before"], approval={"question": "Go on?"}),
    )
    first = drive(project)
    question = toybox.query(lambda database: approvals.list_approvals(database, project=project.id))[0]
    waiting = toybox.query(lambda database: projects.get_project(database, project.id))
    again = drive(project)
    toybox.query(
        lambda database: approvals.decide_approval(database, question.id, approved=True, by=person("ann"))
    )
    last = drive(project)

    assert [first.name, again.name, last.name] == ["AwaitingApproval", "AwaitingApproval", "Completed"]
    assert (waiting.state, question.question) == ("awaiting_approval", "Go on?")
    assert len(toybox.query(lambda database: approvals.list_approvals(database, project=project.id))) == 1
    assert log.read_text().split() == ["before", "after"]


def test_a_rejection_denies_the_node_with_the_comment(toybox: Any, log: Path) -> None:
    """What people refuse does not run, and the project tells who said no and why."""
    project = toybox.launch(toybox.node("asks", approval={"question": "Go on?"}))
    drive(project)
    question = toybox.query(lambda database: approvals.list_approvals(database, project=project.id))[0]
    toybox.query(
        lambda database: approvals.decide_approval(
            database, question.id, approved=False, by=person("bob"), comment="too early"
        )
    )
    state = drive(project)

    assert state.name == "PolicyDenied"
    assert "bob said no: too early" in state.message
    assert log.read_text() == ""


def test_a_capsule_called_by_itself_passes_the_guard_too(toybox: Any, log: Path, constitution: Path) -> None:
    """A call, a copy with options and the bare function are all refused under a denying constitution."""
    constitution.write_text(constitution.read_text().replace("default: allow", "default: deny"))
    flow = toybox.flow("note")
    ways: list[Callable[[], Any]] = [
        lambda: flow(word="x"),
        lambda: flow.with_options(name="other")(word="x"),
        lambda: flow.fn(word="x"),
        lambda: type(flow).__mro__[1](flow.fn)(word="x"),
    ]
    for way in ways:
        with pytest.raises(Exception, match="article"):
            asyncio.run(way())

    assert log.read_text() == ""


def test_wrong_inputs_fail_the_node_with_a_readable_reason(toybox: Any, log: Path) -> None:
    """A value of the wrong type is named with its place; the body does not run."""
    project = toybox.launch(toybox.node("odd", inputs={"word": {"not": "text"}}))
    state = drive(project)

    assert state.name == "Failed"
    assert "word" in state.message
    assert log.read_text() == ""


def test_an_inline_run_that_died_with_its_driver_is_tried_again_and_finished_ones_are_not(
    toybox: Any, log: Path
) -> None:
    """A new driver goes on from what was recorded."""
    project = toybox.launch(toybox.node("done"), toybox.node("held", "slow", needs=["done"]))
    toybox.drive_and_kill(project, until="slow")
    Path(f"{log}.go").touch()
    state = drive(project)
    attempts = toybox.query(lambda database: ledger.list_attempts(database, project.id))

    assert state.name == "Completed"
    assert log.read_text().split() == ["done", "slow", "slow"]
    assert [(attempt.node, attempt.state) for attempt in attempts] == [
        ("done", "completed"),
        ("held", "lost"),
        ("held", "completed"),
    ]


def test_what_other_nodes_did_counts_as_history(toybox, constitution):
    """A second node's call is refused because of the first node's, and the results carry their labels."""
    constitution.write_text(
        constitution.read_text().replace(
            "articles: []",
            "articles: [{id: ONCE, principle: P1, title: t, stages: [tool.call], verdict: deny, reason: r, "
            "when: \"history.count('tool.call', 'toy.*') >= 1\"}]",
        )
    )
    project = toybox.launch(
        toybox.node("first", "touch"),
        toybox.node("second", "touch", needs=["first"], inputs={"word": {"$from": "first.said"}}),
    )

    drive(project)

    assert lines(toybox, project) == {"first": "completed", "second": "denied"}
    found = toybox.query(lambda database: ledger.list_nodes(database, project.id))
    assert found[0].result["labels"] == ["tool_output"]

"""Plans whose nodes come at run time: maps, sub-plans, conditions, joins, retries, timeouts and limits."""

import asyncio
import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from blocks.records import ledger, limits, projects
from blocks.records.expansion import expand_node
from blocks.records.tables import NodeRecord, Project
from blocks.results import ResultStore
from blocks.settings import load_settings
from capsules.binding import open_result
from flows.project import run_project

pytestmark = pytest.mark.slow


def drive(project: Project) -> Any:
    return asyncio.run(run_project(project.id, return_state=True))


def nodes(toybox: Any, project: Project) -> dict[str, NodeRecord]:
    found = toybox.query(lambda database: ledger.list_nodes(database, project.id))
    return {line.node: line for line in found}


def states(toybox: Any, project: Project) -> dict[str, str]:
    return {name: line.state for name, line in nodes(toybox, project).items()}


def result(toybox: Any, project: Project, node: str) -> Any:
    store = ResultStore(load_settings().results_path)
    return open_result(nodes(toybox, project)[node].result, "", store.fetch)


def test_a_node_is_mapped_over_a_list_and_its_children_come_back_in_order(toybox: Any, log: Path) -> None:
    """Each item is a child of its own; what asks for `items` gets the children's documents in order."""
    project = toybox.launch(
        toybox.node("list", "count", inputs={"word": "20"}),
        toybox.node(
            "map",
            needs=["list"],
            each={"$from": "list.items"},
            inputs={"word": {"$item": "word"}},
            parallel=5,
        ),
        toybox.node("all", "collect", needs=["map"], inputs={"items": {"$from": "map.items"}}),
        toybox.node("one", needs=["map"], inputs={"word": {"$from": "map.items.3.said"}}),
    )
    state = drive(project)
    found = nodes(toybox, project)

    assert state.name == "Completed"
    assert result(toybox, project, "all") == {"said": " ".join(f"w{number}" for number in range(20))}
    assert result(toybox, project, "one") == {"said": "w3"}
    assert {line.parent for name, line in found.items() if name.startswith("map.")} == {"map"}
    assert found["map.3"].result["labels"] == ["tool_output"]
    assert sorted(log.read_text().split()) == sorted([f"w{number}" for number in range(20)] + ["w3"])


def test_a_map_fails_when_more_of_its_children_fail_than_may(toybox: Any) -> None:
    """Within what may fail, the result has null there and says why; beyond, the node fails."""
    each = ["a", {"not": "text"}, "c"]
    good = toybox.node("good", each=each, inputs={"word": {"$item": ""}}, may_fail=1)
    bad = toybox.node("bad", each=each, inputs={"word": {"$item": ""}})
    project = toybox.launch(good, bad, toybox.node("after", needs=["bad"]))
    state = drive(project)

    assert state.name == "Failed"
    assert states(toybox, project)["good"] == "completed"
    assert result(toybox, project, "good")["items"] == [{"said": "a"}, None, {"said": "c"}]
    assert "word" in result(toybox, project, "good")["failed"]["1"]
    assert "1 of its 3 nodes gave nothing: bad.1 failed" in nodes(toybox, project)["bad"].reason
    assert states(toybox, project)["after"] == "skipped"


def test_a_capsule_plans_more_nodes_which_run_under_its_own_authority(toybox: Any, log: Path) -> None:
    """The output becomes nodes with needs among them; the node's result has their documents by name."""
    steps = [
        {"id": "first", "capsule": "note", "title": "First", "inputs": {"word": "planned"}},
        {
            "id": "second",
            "capsule": "note",
            "title": "Second",
            "needs": ["first"],
            "when": "results.first.said == 'planned'",
            "inputs": {"word": {"$from": "first.said"}},
        },
    ]
    project = toybox.launch(
        toybox.node("plan", "outline", expand="steps", inputs={"word": json.dumps(steps)}),
        toybox.node("after", needs=["plan"], inputs={"word": {"$from": "plan.steps.second.said"}}),
    )
    state = drive(project)
    document = result(toybox, project, "plan")

    assert state.name == "Completed"
    assert document == {
        "said": "planned",
        "steps": {"first": {"said": "planned"}, "second": {"said": "planned"}},
        "failed": {},
    }
    assert nodes(toybox, project)["plan.first"].result["labels"] == ["tool_output"]
    assert log.read_text().split() == ["planned", "planned", "planned"]


@pytest.mark.parametrize(
    ("step", "words"),
    [
        ({"capsule": "nothing"}, "there is no capsule 'nothing'"),
        ({"needs": ["ghost"]}, "needs ['ghost']"),
        ({"inputs": {"word": {"$result": {"sha256": "0"}}}}, "`$result` has no meaning"),
        ({"budget": {"tokens": 10}}, "a budget of 10 tokens (at most 5)"),
        ({"colour": "red"}, "steps[0].colour"),
    ],
)
def test_a_planned_node_that_may_not_be_fails_its_parent(toybox: Any, step: Any, words: str) -> None:
    """Nothing of such a plan runs, and the reason names the document and what is wrong."""
    steps = [{"id": "step", "capsule": "note", "title": "Step", "inputs": {"word": "x"}, **step}]
    authority = {"tools": {"toy.finger": {}}, "budget": {"tokens": 5}}
    project = toybox.launch(
        toybox.node(
            "plan", "outline", expand="steps", inputs={"word": json.dumps(steps)}, authority=authority
        )
    )
    state = drive(project)

    assert state.name == "Failed"
    assert words in state.message
    assert states(toybox, project) == {"plan": "failed"}


def test_a_condition_decides_which_branch_runs(toybox: Any) -> None:
    """A node whose condition is false is skipped with it as the reason; a join that tolerates that runs."""
    project = toybox.launch(
        toybox.node("list", "count", inputs={"word": "2"}),
        toybox.node("few", needs=["list"], when="size(results.list.items) < 5"),
        toybox.node("many", needs=["list"], when="size(results.list.items) >= 5"),
        toybox.node("odd", needs=["list"], when="results.list.missing == 5"),
        toybox.node("join", needs=["few", "many", "odd"], at_least=1),
    )
    state = drive(project)
    found = nodes(toybox, project)

    assert states(toybox, project) == {
        "list": "completed",
        "few": "completed",
        "many": "skipped",
        "odd": "failed",
        "join": "completed",
    }
    assert found["many"].reason == "its condition does not hold: size(results.list.items) >= 5"
    assert "results.list.missing" in found["odd"].reason
    assert state.name == "Completed"


def test_a_failed_attempt_rests_and_is_tried_again_after_the_errors_that_its_policy_names(
    toybox: Any, log: Path
) -> None:
    """An error that the policy names is tried again, one that it excludes is not."""
    policy = {"attempts": 3, "wait": 0.3, "on": ["Connection*"]}
    project = toybox.launch(
        toybox.node("flaky", inputs={"word": "3"}, capsule="flaky", retry=policy),
        toybox.node("bad", "fail", retry={"attempts": 3, "never": ["ValueError"]}),
    )
    state = drive(project)
    attempts = toybox.query(lambda database: ledger.list_attempts(database, project.id))

    assert state.name == "Failed"
    assert states(toybox, project) == {"flaky": "completed", "bad": "failed"}
    assert [item.error for item in attempts if item.node == "flaky"] == ["ConnectionError"] * 2 + [None]
    assert log.read_text().split().count("fail") == 1


def test_a_project_that_waits_long_to_try_again_holds_no_process(toybox: Any) -> None:
    """Its driver ends, the project says when it goes on, and the driver of that moment finishes it."""
    policy = {"attempts": 2, "wait": 600, "jitter": False}
    project = toybox.launch(toybox.node("flaky", "flaky", inputs={"word": "2"}, retry=policy))
    first = drive(project)
    resting = toybox.query(lambda database: projects.get_project(database, project.id))
    due = nodes(toybox, project)["flaky"].due_at

    async def come(database: Any) -> None:
        async with database.session() as session:
            line = await session.get_one(NodeRecord, (project.id, "flaky"))
            line.due_at = None
            session.add(line)

    toybox.query(come)
    last = drive(project)

    assert (first.name, resting.state) == ("Waiting", "waiting")
    assert resting.wake_at == due
    assert last.name == "Completed"


def test_an_attempt_that_takes_too_long_fails_by_its_timeout(toybox: Any) -> None:
    """The reason names the timeout, and a policy may name the error."""
    policy = {"attempts": 2, "on": ["TookTooLong"]}
    project = toybox.launch(toybox.node("slow", "slow", timeout=0.3, retry=policy))
    state = drive(project)
    attempts = toybox.query(lambda database: ledger.list_attempts(database, project.id))

    assert "slow took longer than its timeout of 0.3 seconds" in state.message
    assert [item.error for item in attempts] == ["TookTooLong", "TookTooLong"]


def test_no_more_attempts_than_places_are_at_work_and_the_urgent_ones_go_first(
    toybox: Any, log: Path
) -> None:
    """A limit of one place lets one attempt at a time have it, in the order of priority."""

    async def bound(database: Any) -> None:
        await limits.set_limit(database, tenant="default", name="resource:toy", most=1)

    toybox.query(bound)
    project = toybox.launch(
        *(toybox.node(f"n{number}", priority=number, resources=["toy"]) for number in range(4))
    )
    state = drive(project)
    attempts = toybox.query(lambda database: ledger.list_attempts(database, project.id))
    spans = sorted((item.created_at, item.ended_at) for item in attempts)

    assert state.name == "Completed"
    assert log.read_text().split() == ["n3", "n2", "n1", "n0"]
    assert all(one[1] <= other[0] for one, other in pairwise(spans))
    assert {tuple(item.limits) for item in attempts} == {
        ("default/tenant:default", "default/capsule:note", "default/resource:toy")
    }


def test_an_expansion_is_recorded_once_though_its_driver_dies_after_it(toybox: Any, log: Path) -> None:
    """The children of a driver that was killed are those that the next one finds; none is done twice."""
    project = toybox.launch(
        toybox.node("map", each=["a", "b"], inputs={"word": {"$item": ""}}),
        toybox.node("hold", "slow", each=["x", "y"], inputs={"word": {"$item": ""}}),
    )
    toybox.drive_and_kill(project, until="slow")
    Path(f"{log}.go").touch()
    before = set(nodes(toybox, project))
    state = drive(project)
    fence = toybox.query(lambda database: projects.get_project(database, project.id)).fence
    again = toybox.query(lambda database: expand_node(database, project.id, "map", [], fence=fence))

    assert state.name == "Completed"
    assert set(nodes(toybox, project)) == before
    assert [line.node for line in again] == ["map", "map.0", "map.1"]
    assert log.read_text().split().count("a") == 1

"""What people answer, carried out by the driver: changes, other inputs, other arguments, and asking once."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from blocks.identity import Principal
from blocks.records import agreements, approvals, audit, ledger
from blocks.records.tables import Approval, Project
from flows.project import run_project

ANN = Principal(tenant="default", name="ann", roles=frozenset({"approver"}))
ASK = """articles:
  - id: T-2
    title: Fingers are asked about
    stages: [tool.call]
    actions: [toy.finger]
    verdict: approve
    reason: fingers leave marks
  - id: T-3
    title: No toes
    stages: [tool.call]
    when: "tool.arguments.word == 'toe'"
    verdict: deny
    reason: toes stay in shoes
"""
pytestmark = pytest.mark.slow


def drive(project: Project) -> Any:
    return asyncio.run(run_project(project.id, return_state=True))


def asked(toybox: Any, project: Project) -> list[Approval]:
    found: list[Approval] = toybox.query(
        lambda database: approvals.list_approvals(database, project=project.id)
    )
    return found


def decide(toybox: Any, approval: Approval, **said: Any) -> None:
    toybox.query(lambda database: approvals.decide_approval(database, approval.id, by=ANN, **said))


def test_changes_send_the_named_node_back_with_the_comment(toybox: Any, log: Path) -> None:
    """It does its work anew, what is wanted is kept for it, and people are asked anew."""
    project = toybox.launch(
        toybox.node("draft"),
        toybox.node(
            "publish",
            needs=["draft"],
            inputs={"word": {"$from": "draft.said"}},
            approval={"question": "Good?", "revises": "draft", "show": {"said": {"$from": "draft.said"}}},
        ),
    )
    drive(project)
    (first,) = asked(toybox, project)
    decide(toybox, first, verdict="changes", comment="shorter")
    drive(project)
    _, second = asked(toybox, project)
    decide(toybox, second)
    state = drive(project)

    told = toybox.query(lambda database: agreements.wanted_changes(database, project.id, "draft"))
    lines = {line.node: line for line in toybox.query(lambda d: ledger.list_nodes(d, project.id))}
    assert state.name == "Completed"
    assert [item.state for item in asked(toybox, project)] == ["sent_back", "approved"]
    assert (second.generation, first.action_digest) == (2, second.action_digest)
    assert (lines["draft"].generation, lines["publish"].generation) == (2, 2)
    assert log.read_text().split() == ["draft", "draft", "draft"]
    assert [(item["by"], item["comment"]) for item in told] == [("ann", "shorter")]


def test_a_node_runs_with_the_inputs_that_people_agreed_to(toybox: Any, log: Path) -> None:
    """Its planned inputs are shown, one is changed, and that one is what its body gets."""
    project = toybox.launch(toybox.node("says", approval={"question": "Say it?"}))
    drive(project)
    (question,) = asked(toybox, project)
    decide(toybox, question, arguments={"word": "otherwise"})
    state = drive(project)

    assert question.offered is not None
    assert question.offered["arguments"] == {"word": "says"}
    assert (state.name, log.read_text().split()) == ("Completed", ["otherwise"])


def test_a_tool_is_called_with_the_arguments_that_people_agreed_to(
    toybox: Any, log: Path, constitution: Path
) -> None:
    """People see the call, one changes an argument, and exactly that call is made; they are asked once."""
    constitution.write_text(constitution.read_text().replace("articles: []\n", ASK))
    project = toybox.launch(toybox.node("hand", "touch"))
    states = [drive(project).name, drive(project).name]
    (question,) = asked(toybox, project)
    decide(toybox, question, arguments={"word": "thumb"})
    states.append(drive(project).name)

    told = toybox.query(lambda d: audit.list_records(d, tenant="default", kind="approval"))
    assert states == ["AwaitingApproval", "AwaitingApproval", "Completed"]
    assert question.details["arguments"] == {"word": "hand"}
    assert log.read_text().split() == ["touched"]
    assert len(asked(toybox, project)) == 1
    assert any('"event":"replaced"' in row.record and question.action_digest in row.record for row in told)


def test_no_edit_gets_past_what_is_denied(toybox: Any, log: Path, constitution: Path) -> None:
    """The changed call is decided anew, and denied where an article denies it."""
    constitution.write_text(constitution.read_text().replace("articles: []\n", ASK))
    project = toybox.launch(toybox.node("foot", "touch"))
    drive(project)
    (question,) = asked(toybox, project)
    decide(toybox, question, arguments={"word": "toe"})
    state = drive(project)

    assert (state.name, log.read_text()) == ("PolicyDenied", "")
    assert "toes stay in shoes" in state.message

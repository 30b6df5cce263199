"""Agents that a driver runs: they act through tools, and go on after the last finished step."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from blocks.budgets.amounts import UNIT
from blocks.budgets.limits import accounts_of
from blocks.identity import Principal
from blocks.records import approvals, audit, ledger, steps
from blocks.records.step_tables import AgentStep
from blocks.records.tables import NodeRecord, Project
from blocks.results import ResultStore
from blocks.settings import load_settings
from flows.project import run_project

ANN = Principal(tenant="default", name="ann", roles=frozenset({"approver"}))
TOOLS = {"files.write": {}, "files.read": {}, "files.delete": {}}
RULE = """articles:
  - id: T-2
    title: Deleting is not for scribes
    stages: [tool.call]
    actions: [files.delete]
    verdict: VERDICT
    reason: what was written stays
"""
pytestmark = pytest.mark.slow


@pytest.fixture
def model(model_server: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The scripted model, as the one that the settings name."""
    monkeypatch.setenv("SOMA_MODEL", "scripted")
    monkeypatch.setenv("SOMA_MODEL_URL", f"{model_server.url}/v1")
    monkeypatch.setenv("SOMA_MODEL_KEY", "the-key-of-the-test")
    return model_server


def scribe(toybox: Any, **changes: Any) -> Project:
    authority = {"tools": TOOLS, **changes.pop("authority", {})}
    project: Project = toybox.launch(
        toybox.node("scribe", "scribe", inputs={"word": "hello"}, authority=authority, **changes)
    )
    return project


def drive(project: Project) -> Any:
    return asyncio.run(run_project(project.id, return_state=True))


def line_of(toybox: Any, project: Project) -> NodeRecord:
    (line,) = toybox.query(lambda database: ledger.list_nodes(database, project.id))
    found: NodeRecord = line
    return found


def result_of(toybox: Any, project: Project) -> Any:
    return ResultStore(load_settings().results_path).fetch(line_of(toybox, project).result or {})


def steps_in(toybox: Any, project: Project) -> list[AgentStep]:
    found: list[AgentStep] = toybox.query(lambda database: steps.steps_of(database, project.id, "scribe", 1))
    return found


def decisions(toybox: Any, stage: str) -> list[tuple[str, str]]:
    """What was decided at the stage so far, in order."""
    rows = toybox.query(lambda database: audit.list_records(database, tenant="default"))
    return [(row.action, row.verdict) for row in rows if row.stage == stage]


def written(project: Project, name: str) -> Path:
    return load_settings().workspaces_path / project.id / name


def test_an_agent_acts_and_gives_its_typed_output(toybox: Any, model: Any) -> None:
    """Its tool really acts, each of its steps is recorded, and its output is the node's result."""
    model.says(
        model.call("files.write", path="note.txt", content="hello"),
        model.final(said="written"),
    )
    project = scribe(toybox)
    state = drive(project)

    first, second = model.asked
    assert (state.name, result_of(toybox, project)) == ("Completed", {"said": "written"})
    assert written(project, "note.txt").read_text() == "hello"
    assert [(step.kind, step.name, step.position) for step in steps_in(toybox, project)] == [
        ("model", "default", 1),
        ("tool", "files.write", 2),
        ("model", "default", 3),
    ]
    assert first["messages"][-1]["content"] == "Write down: hello"
    assert first["headers"]["authorization"] == "Bearer the-key-of-the-test"
    assert {tool["function"]["name"] for tool in first["tools"]} >= {"files__write", "final_result"}
    assert second["messages"][-1]["role"] == "tool"
    assert decisions(toybox, "model.request") == [("model.request", "allow")] * 2


def test_a_run_that_was_killed_goes_on_after_its_last_finished_step(
    toybox: Any, model: Any, log: Path
) -> None:
    """What the model had answered is not asked again, and what a tool had done is not done again."""

    def dawdle(_: Any) -> Any:
        log.write_text(log.read_text() + "dawdling\n")
        return model.late(model.final(said="never heard"), 30)

    model.says(model.call("files.write", path="note.txt", content="hello"), dawdle)
    project = scribe(toybox)
    toybox.drive_and_kill(project, until="dawdling")
    model.says(model.call("files.read", path="note.txt"), model.final(said="after all"))
    state = drive(project)

    assert (state.name, result_of(toybox, project)) == ("Completed", {"said": "after all"})
    assert len(model.asked) == 4
    assert model.asked[1]["messages"] == model.asked[2]["messages"]
    assert [step.name for step in steps_in(toybox, project)] == [
        "default",
        "files.write",
        "default",
        "files.read",
        "default",
    ]
    assert [step.attempt for step in steps_in(toybox, project)] == [1, 1, 2, 2, 2]
    assert decisions(toybox, "tool.call") == [("files.write", "allow"), ("files.read", "allow")]


def test_a_question_about_a_tool_holds_nothing_and_the_answer_goes_on_from_the_steps(
    toybox: Any, model: Any, constitution: Path
) -> None:
    """The run ends, people agree to exactly that call, and the model is not asked for it again."""
    constitution.write_text(
        constitution.read_text().replace("articles: []", RULE.replace("VERDICT", "approve"))
    )
    model.says(
        model.call("files.write", path="note.txt", content="hello"),
        model.call("files.delete", path="note.txt"),
        model.final(said="gone"),
    )
    project = scribe(toybox)
    first = drive(project)
    (question,) = toybox.query(lambda d: approvals.list_approvals(d, project=project.id))
    before = len(model.asked)
    toybox.query(lambda d: approvals.decide_approval(d, question.id, by=ANN))
    second = drive(project)

    assert (first.name, before, question.details["arguments"]) == (
        "AwaitingApproval",
        2,
        {"path": "note.txt"},
    )
    assert (second.name, len(model.asked), model.unsaid) == ("Completed", 3, 0)
    assert not written(project, "note.txt").exists()
    assert result_of(toybox, project) == {"said": "gone"}


def test_a_refused_tool_is_told_to_the_model_and_not_done(
    toybox: Any, model: Any, constitution: Path
) -> None:
    """The refusal names the article; the agent may go on without it."""
    constitution.write_text(constitution.read_text().replace("articles: []", RULE.replace("VERDICT", "deny")))
    model.says(
        model.call("files.write", path="note.txt", content="hello"),
        model.call("files.delete", path="note.txt"),
        model.final(said="could not delete"),
    )
    project = scribe(toybox)
    state = drive(project)

    told = model.asked[-1]["messages"][-1]["content"]
    assert (state.name, written(project, "note.txt").read_text()) == ("Completed", "hello")
    assert "T-2" in told
    assert "what was written stays" in told


def test_without_a_model_the_node_says_what_to_configure(toybox: Any) -> None:
    """It fails at once, and not a second time."""
    project = scribe(toybox, attempts=3)
    state = drive(project)
    line = line_of(toybox, project)

    assert (state.name, line.state, line.attempt) == ("Failed", "failed", 1)
    assert "no model is configured" in (line.reason or "")
    assert "soma models set" in (line.reason or "")


def test_what_cannot_be_used_is_told_back_within_bounds(toybox: Any, model: Any) -> None:
    """Arguments that are no JSON or do not fit, an unknown tool and a wrong output are mended."""
    model.says(
        model.broken_call("files.write", '{"path": "note.txt", "cont'),
        model.call("files.write", path=7, content="hello"),
        model.call("files.burn", path="note.txt"),
        model.final(said=7),
        model.text("here you are"),
        model.final(said="at last"),
    )
    project = scribe(toybox)
    state = drive(project)

    assert (state.name, model.unsaid) == ("Completed", 0)
    assert result_of(toybox, project) == {"said": "at last"}
    assert "path: 7 is not of type 'string'" in model.asked[2]["messages"][-1]["content"]


def test_an_agent_that_comes_to_no_end_is_stopped(toybox: Any, model: Any) -> None:
    """Its steps are counted, and the node says so once they are used up."""
    model.says(*[model.call("files.read", path=f"{number}.txt") for number in range(20)])
    project = scribe(toybox)
    drive(project)
    line = line_of(toybox, project)

    assert (line.state, len(model.asked)) == ("failed", 8)
    assert "no end within 8 answers" in (line.reason or "")


def test_tokens_are_reserved_before_and_settled_at_what_was_used(toybox: Any, model: Any) -> None:
    """The account has what the provider reported; a request that might go beyond is not sent."""
    model.says(model.call("files.read", path="note.txt"), model.final(said="read"))
    project = scribe(toybox, authority={"budget": {"tokens": 20_000}})
    drive(project)
    rows = toybox.query(lambda database: accounts_of(database, "default", project.id))
    tokens = {row.node: (row.spent, row.reserved) for row in rows if row.kind == "tokens"}

    assert tokens["scribe"] == (240 * UNIT, 0)
    poor = scribe(toybox, authority={"budget": {"tokens": 500}})
    drive(poor)
    assert line_of(toybox, poor).state == "denied"
    assert len(model.asked) == 2

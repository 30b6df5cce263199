"""From a paragraph to a repository: the whole blueprint, a scripted model, the shipped constitution."""

import asyncio
import subprocess
from pathlib import Path
from typing import Any

import pytest

from blocks.bus.block import local_bus
from blocks.identity import Principal
from blocks.records import approvals, ledger, projects
from blocks.records.tables import NodeRecord, Project
from blocks.results import ResultStore
from blocks.settings import load_settings
from capsules.blueprint import get_blueprint
from capsules.environment import SHIPPED_CONSTITUTION
from flows.project import run_project

ANN = Principal(tenant="default", name="ann", roles=frozenset({"approver"}))
pytestmark = pytest.mark.slow


@pytest.fixture
def delivery(
    toybox: Any,
    constitution: Path,
    model_server: Any,
    said: Any,
    valkey_url: str,
    monkeypatch: pytest.MonkeyPatch,
) -> Any:
    """A project of the blueprint that runs in this process, under the shipped constitution."""
    constitution.write_text(SHIPPED_CONSTITUTION.read_text(encoding="utf-8"))
    monkeypatch.setenv("SOMA_REDIS_URL", valkey_url)
    monkeypatch.setenv("SOMA_MODEL", "scripted")
    monkeypatch.setenv("SOMA_MODEL_URL", f"{model_server.url}/v1")
    monkeypatch.setenv("SOMA_MODEL_KEY", "the-key-of-the-test")
    plan = get_blueprint("software-delivery").plan({"request": said.REQUEST})
    return toybox.launch(*(node.model_copy(update={"runtime": "inline"}) for node in plan.nodes))


def drive(project: Project) -> Any:
    return asyncio.run(run_project(project.id, return_state=True))


def lines(toybox: Any, project: Project) -> dict[str, NodeRecord]:
    found = toybox.query(lambda database: ledger.list_nodes(database, project.id))
    return {line.node: line for line in found}


def result(toybox: Any, project: Project, node: str) -> Any:
    return ResultStore(load_settings().results_path).fetch(lines(toybox, project)[node].result)


def approve(toybox: Any, project: Project) -> Any:
    (question,) = toybox.query(lambda database: approvals.list_approvals(database, project=project.id))
    toybox.query(lambda database: approvals.decide_approval(database, question.id, by=ANN))
    return question


def test_a_paragraph_becomes_a_repository(
    toybox: Any, delivery: Project, model_server: Any, said: Any, tmp_path: Path
) -> None:
    """Written apart, merged, tested in the sandbox, reviewed, agreed to by a person, handed over whole."""
    said.script(model_server, code=said.RIGHT)
    said.review(model_server, "accept")
    waiting = drive(delivery)
    question = approve(toybox, delivery)
    state = drive(delivery)
    states = {name: line.state for name, line in lines(toybox, delivery).items()}
    finished = toybox.query(lambda d: projects.get_project(d, delivery.id, tenant="default"))
    files = {Path(item["path"]).name: Path(item["path"]) for item in finished.deliverables}
    clone = tmp_path / "durations"
    subprocess.run(["git", "clone", "-q", files["repository.bundle"], clone], check=True)
    run = subprocess.run(
        ["python3", "-m", "unittest", "discover", "-s", "tests"], cwd=clone, capture_output=True, text=True
    )
    report = files["hand-over.md"].read_text()

    assert (waiting.name, state.name, model_server.unsaid) == ("AwaitingApproval", "Completed", 0)
    assert (question.details["verdict"], question.details["first_run"]["passed"]) == ("accept", True)
    assert (states["repair"], states["second-run"]) == ("skipped", "skipped")
    assert (clone / "durations" / "__init__.py").read_text() == said.RIGHT
    assert "Ran 2 tests" in run.stderr
    assert "All 2 tests passed." in report
    assert "The package is called durations." in report
    assert "| R1 | 1h30m is 5400 | yes | tested |" in report


def test_what_failed_is_repaired_and_run_again(
    toybox: Any, delivery: Project, model_server: Any, said: Any
) -> None:
    """The repair has a branch of its own; a tester cannot write where the code is; all of it is told."""
    said.script(model_server, code=said.WRONG)
    model_server.says(
        model_server.call(
            "files.edit", path="work/repair/durations/__init__.py", old='"h": 360,', new='"h": 3600,'
        ),
        model_server.final(summary="An hour has 3600 seconds."),
        to=said.MENDER,
    )
    said.review(model_server, "accept")
    waiting = drive(delivery)
    first, second = (result(toybox, delivery, name)["report"] for name in ("test-run", "second-run"))
    refused = next(body for body in model_server.asked if "REFUSED" in str(body["messages"]))
    told = asyncio.run(local_bus(load_settings()).read("default", delivery.id))

    assert waiting.name == "AwaitingApproval"
    assert (first["passed"], first["ran"], len(first["problems"])) == (False, 2, 1)
    assert first["problems"][0]["test"] == "test_durations.Parsing.test_hours_and_minutes"
    assert (second["passed"], second["ran"]) == (True, 2)
    assert "is beyond its limit" in str(refused["messages"])
    assert [(message.sender.node, message.text) for message in told] == [
        ("requirements", "The package is called durations."),
        ("test-run", "Of 2 tests, 1 failed."),
        ("second-run", "All 2 tests passed."),
    ]


def test_without_a_model_it_says_what_to_configure(
    toybox: Any, delivery: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first agent fails with a sentence that helps; nothing is asked of anybody."""
    monkeypatch.delenv("SOMA_MODEL")
    state = drive(delivery)
    found = lines(toybox, delivery)

    assert state.name == "Failed"
    assert "soma models set" in str(found["requirements"].reason)
    assert found["implementation"].state == "skipped"

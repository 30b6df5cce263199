"""Projects that triggers start: one for each event, launched in the trigger's name."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from blocks.identity import Principal
from blocks.records import deliveries, triggers
from blocks.records.deliveries import project_of, receive
from blocks.records.projects import get_project, list_projects
from blocks.records.tenants import ensure_tenant
from blocks.records.trigger_tables import Trigger
from capsules import blueprint
from capsules.answers import check_answers

RECIPE = """
apiVersion: soma/v1
kind: Blueprint
name: toy
version: 1.0.0
title: A toy
summary: Says a word.
questions: [{id: word, text: Which word}]
nodes: [{id: first, capsule: note, title: Say it, inputs: {word: {$answer: word}}}]
"""
ADA = Principal(tenant="default", name="ada")


@pytest.fixture
def recipe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "blueprints"
    folder.mkdir()
    (folder / "toy.yaml").write_text(RECIPE)
    monkeypatch.setattr(blueprint, "FOLDER", folder)


async def delivered(database: Any, event: Any, *, name: str = "hook", **given: Any) -> Any:
    """A trigger with one delivery of the event."""
    await ensure_tenant(database, "default")
    fields = {"tenant": "default", "kind": "webhook", "blueprint": "toy", "created_by": "ada", **given}
    fields.setdefault("inputs", {"word": {"$event": "body.word"}})
    trigger = await triggers.create_trigger(database, Trigger(name=name, **fields), by=ADA)
    async with database.session() as session:
        return (await receive(session, trigger, "evt", event, check=check_answers)).delivery


async def state_of(toybox: Any, delivery: Any) -> Any:
    found, _ = await toybox.aquery(lambda database: deliveries.get_delivery(database, delivery.id))
    return found


async def run(**given: Any) -> Any:
    from flows.blueprint import run_blueprint

    return await run_blueprint(blueprint="toy", **given, return_state=True)


def test_an_event_starts_one_project_however_many_runs_it_gets(toybox, log, recipe):
    """A run that died after planning, and two runs at once, come to the one project of the delivery."""

    async def work():
        delivery = await toybox.aquery(lambda database: delivered(database, {"body": {"word": "hello"}}))
        from capsules.driver.planning import plan_project

        await plan_project("toy", {}, delivery=delivery.id)  # and here its process is killed
        between = await state_of(toybox, delivery)
        await asyncio.gather(run(delivery=delivery.id), run(delivery=delivery.id, inputs={"word": "other"}))
        projects = await toybox.aquery(lambda database: list_projects(database, tenant="default"))
        return between, await state_of(toybox, delivery), projects

    between, delivery, projects = asyncio.run(work())

    assert [project.id for project in projects] == [project_of(delivery.id)]
    assert (between.state, delivery.state) == ("received", "started")
    assert (projects[0].state, projects[0].requested_by) == ("completed", "ada")
    assert projects[0].origin["untrusted"] == ["word"]
    assert log.read_text() == "hello\n"


def test_a_trigger_may_launch_what_the_constitution_lets_it(toybox, log, recipe, constitution):
    """The launch is decided with the trigger as who acts; a refusal ends delivery and project with it."""
    article = (
        "articles: [{id: T-1, principle: P1, title: No hooks, stages: [project.launch], verdict: deny, "
        "severity: high, reason: not by hooks, remedy: ask, "
        "when: principal.kind == 'service' && principal.on_behalf_of == 'ada'}]"
    )
    constitution.write_text(constitution.read_text().replace("articles: []", article))

    async def work():
        delivery = await toybox.aquery(lambda database: delivered(database, {"body": {"word": "hello"}}))
        state = await run(delivery=delivery.id)
        after = await state_of(toybox, delivery)
        return (
            state,
            after,
            await toybox.aquery(lambda database: get_project(database, project_of(delivery.id))),
        )

    state, delivery, project = asyncio.run(work())

    assert (state.name, project.state, delivery.state) == ("PolicyDenied", "denied", "refused")
    assert "not by hooks" in delivery.reason
    assert log.read_text() == ""


def test_a_schedule_run_is_planned_once_and_not_while_it_is_paused(toybox, log, recipe):
    """A run of a schedule finds its trigger; one of a paused trigger says so and starts nothing."""

    async def work():
        given = {"kind": "schedule", "inputs": {"word": "tick"}}
        first = await toybox.aquery(lambda database: delivered(database, {}, **given))
        ran = await run(trigger=first.trigger)
        await toybox.aquery(
            lambda database: triggers.change_trigger(database, first.trigger, "paused", by=ADA, active=False)
        )
        return ran, await run(trigger=first.trigger), await run(trigger="trg_gone")

    ran, paused, gone = asyncio.run(work())

    assert ran.name == "Completed"
    assert (paused.name, gone.name) == ("NotStarted", "NotStarted")
    assert "soma triggers" not in paused.message
    assert log.read_text() == "tick\n"


def test_an_automation_tells_an_event_and_its_chain_is_bounded(toybox, log, recipe):
    """Inputs are filled from what Prefect tells; projects that start one another come to an end."""

    async def work():
        inputs = {"word": {"$event": "said"}}
        project, states = "", []
        for turn in range(7):
            state = await run(inputs=inputs, event={"said": f"turn {turn}", "project": project})
            states.append(state.name)
            newest = await toybox.aquery(lambda database: list_projects(database, limit=1))
            project = f"soma.project.{newest[0].id}"
        return states, newest[0]

    states, newest = asyncio.run(work())

    assert states == ["Completed"] * 5 + ["NotStarted"] * 2
    assert newest.origin["untrusted"] == ["word"]
    assert log.read_text().splitlines() == [f"turn {turn}" for turn in range(5)]

"""Deliveries: an event is taken in once for each trigger, and starts one project at most."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from blocks.errors import BadInput, Conflict, NotFound
from blocks.identity import Principal
from blocks.records import deliveries, happenings, triggers
from blocks.records.database import Database, upgrade
from blocks.records.deliveries import project_of, receive, take_due
from blocks.records.plan_once import create_project_once
from blocks.records.projects import mark_launched, move_project
from blocks.records.tables import Project
from blocks.records.tenants import ensure_tenant
from blocks.records.trigger_tables import Trigger
from blocks.triggers.origins import DEEPEST

ADA = Principal(tenant="t", name="ada", roles=frozenset({"operator"}))


@pytest.fixture(scope="module")
def database_address(postgres_url: str) -> str:
    url = postgres_url.replace("/postgres?", "/deliveries?")
    asyncio.run(upgrade(url))
    return url


@pytest.fixture
def run(database_address: str) -> Callable[[Callable[[Database], Awaitable[Any]]], Any]:
    """Runs a coroutine function on the migrated database of this file."""

    def work(body: Callable[[Database], Awaitable[Any]]) -> Any:
        async def whole() -> Any:
            database = Database(database_address)
            try:
                await ensure_tenant(database, "t")
                return await body(database)
            finally:
                await database.close()

        return asyncio.run(whole())

    return work


def accepts_all(blueprint: str, inputs: dict[str, Any]) -> None:
    del blueprint, inputs


async def make(database: Database, name: str, **given: Any) -> Trigger:
    fields = {"kind": "webhook", "blueprint": "b", "created_by": "ada", "tenant": "t", **given}
    return await triggers.create_trigger(database, Trigger(name=name, **fields), by=ADA)


async def take_in(database: Database, trigger: Trigger, event_id: str, event: Any, **given: Any) -> Any:
    async with database.session() as session:
        return await receive(session, trigger, event_id, event, **{"check": accepts_all, **given})


def test_an_event_is_taken_in_once_however_many_bring_it_at_once(run):
    """Five gateways that get the same event at the same moment make one delivery of it."""

    async def work(database):
        trigger = await make(database, "once", inputs={"word": {"$event": "body.word"}})
        event = {"body": {"word": "hello"}}
        receipts = await asyncio.gather(*(take_in(database, trigger, "evt-1", event) for _ in range(5)))
        other = await take_in(database, trigger, "evt-2", event)
        return receipts, other

    receipts, other = run(work)

    assert sorted(receipt.fresh for receipt in receipts) == [False] * 4 + [True]
    assert {receipt.delivery.id for receipt in receipts} == {receipts[0].delivery.id}
    assert other.fresh
    assert receipts[0].delivery.inputs == {"word": "hello"}
    assert receipts[0].delivery.origin["untrusted"] == ["word"]
    assert "web_content" in receipts[0].delivery.origin["labels"]


def test_a_delivery_is_started_by_one_at_a_time(run):
    """What one gateway has taken to start, another is not given until some seconds have passed."""

    async def work(database):
        trigger = await make(database, "due")
        made = (await take_in(database, trigger, "evt", {})).delivery
        taken = await asyncio.gather(*(take_due(database, limit=100) for _ in range(4)))
        return made.id, [delivery.id for batch in taken for delivery in batch]

    made, taken = run(work)

    assert taken.count(made) == 1


def test_a_delivery_has_one_project_however_often_it_is_planned(run):
    """A run that was killed after planning plans the same project again, and finds it there."""

    async def work(database):
        trigger = await make(database, "plan")
        delivery = (await take_in(database, trigger, "evt", {})).delivery

        def project() -> Project:
            return Project(
                id=project_of(delivery.id),
                tenant="t",
                title="T",
                blueprint="b",
                plan_digest="d",
                requested_by="ada",
                origin=delivery.origin,
            )

        nodes = [{"node": "n", "title": "N", "capsule": "c", "version": "1.0.0"}]
        found = await asyncio.gather(*(create_project_once(database, project(), nodes) for _ in range(3)))
        await mark_launched(database, found[0].id, tenant="t")  # and then it dies
        await deliveries.note_launched(database)
        after, _ = await deliveries.get_delivery(database, delivery.id)
        return found, after

    found, after = run(work)

    assert {project.id for project in found} == {after.project}
    assert (after.state, found[0].origin["trigger"]) == ("started", after.trigger)


def test_what_will_not_do_is_kept_with_its_reason(run):
    """A missing part, a wrong answer, a condition not met and one that cannot be answered: each is told."""

    def never(blueprint: str, inputs: dict[str, Any]) -> None:
        raise BadInput("inputs.word: is missing")

    async def work(database):
        asks = await make(database, "asks", inputs={"word": {"$event": "body.word"}})
        picky = await make(database, "picky", condition="event.body.action == 'opened'")
        return [
            (await take_in(database, asks, "1", {"body": {}})).delivery,
            (await take_in(database, asks, "2", {"body": {"word": "x"}}, check=never)).delivery,
            (await take_in(database, picky, "3", {"body": {"action": "closed"}})).delivery,
            (await take_in(database, picky, "4", {"body": 5})).delivery,
            (await take_in(database, picky, "5", {"body": {"action": "opened"}})).delivery,
        ]

    missing, wrong, unmet, unclear, good = run(work)

    assert (missing.state, missing.reason) == ("refused", "inputs.word: the event has no 'body.word'")
    assert (wrong.state, wrong.reason) == ("refused", "inputs.word: is missing")
    assert unmet.state == "ignored"
    assert unclear.state == "refused"
    assert "cannot be answered" in unclear.reason
    assert good.state == "received"


def test_a_chain_that_goes_on_and_on_is_ended(run):
    """A trigger whose project starts it again is refused once the chain is as long as it may be."""

    async def work(database):
        trigger = await make(database, "loop", kind="project")
        origin, states = None, []
        for turn in range(DEEPEST + 2):
            delivery = (await take_in(database, trigger, str(turn), {}, before=origin)).delivery
            origin = delivery.origin
            states.append(delivery.state)
        return states, delivery.reason

    states, reason = run(work)

    assert states == ["received"] * DEEPEST + ["refused"] * 2
    assert "a loop ends here" in reason


def test_what_happened_is_told_in_the_transaction_of_its_cause_and_once(run):
    """The end of a project is in the outbox exactly if it was committed; two who fan out share the work."""
    told = []

    async def tell(session, happening):
        told.append((happening.subject, happening.data["state"]))

    async def work(database):
        project = Project(tenant="t", title="T", blueprint="b", plan_digest="d", requested_by="ada")
        made = await create_project_once(database, project, [])
        await mark_launched(database, made.id, tenant="t")
        await move_project(database, made.id, fence=0, state="completed")
        await asyncio.gather(*(happenings.fan_out(database, tell) for _ in range(3)))
        waiting = await happenings.untold(database)
        await happenings.forget(database, [happening for happening, _ in waiting])
        return made.id, await happenings.untold(database)

    made, left = run(work)
    states = [state for subject, state in told if subject == made]

    assert states == ["planned", "running", "completed"]
    assert left == []


def test_triggers_have_names_of_their_own_and_go_when_they_are_removed(run):
    """A name is taken once in a tenant; a removed trigger gives it back, and is at work no more."""

    async def work(database):
        first = await make(database, "named", kind="bus")
        with pytest.raises(Conflict, match="named"):
            await make(database, "named")
        await triggers.change_trigger(database, first.id, "paused", by=ADA, active=False)
        async with database.session() as session:
            paused = await triggers.triggers_for(session, "bus", "t")
        await triggers.remove_trigger(database, first.id, by=ADA)
        with pytest.raises(NotFound):
            await triggers.get_trigger(database, "named", tenant="t")
        second = await make(database, "named", kind="bus")
        async with database.session() as session:
            return paused, second.id, [item.id for item in await triggers.triggers_for(session, "bus", "t")]

    paused, second, at_work = run(work)

    assert paused == []
    assert at_work == [second]

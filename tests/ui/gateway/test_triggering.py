"""What the gateway does for triggers beside its requests, on a real Prefect server."""

import asyncio
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import httpx
import pytest
from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterIdempotencyKey

from blocks.identity import Principal
from blocks.records import deliveries, happenings, triggers
from blocks.records.database import Database, upgrade
from blocks.records.plan_once import create_project_once
from blocks.records.projects import mark_launched, move_project
from blocks.records.tables import Project, now
from blocks.records.tenants import ensure_tenant
from blocks.records.trigger_tables import Delivery, Trigger
from blocks.records.trigger_work import is_work_left
from blocks.settings import load_settings
from blocks.triggers.prefect_runs import deployment_name
from blocks.warm_worker.due import agenda, catch_up_of
from capsules.driver.catching_up import missed
from ui.gateway import triggering
from ui.gateway.triggering import Triggering
from ui.supervisor import deployments

ADA = Principal(tenant="default", name="ada")
POOL = "triggers"
GOOD = {"repository": "https://example.org/a.git"}


@pytest.fixture
def run(postgres_url, new_database, prefect_api, data_dir):
    """Runs a coroutine function on two gateways' parts of one hub, whose Prefect has the deployment."""
    url = new_database(postgres_url)
    asyncio.run(upgrade(url))
    settings = load_settings(data_dir=data_dir, database_url=url)

    def work(body):
        async def whole():
            database = Database(url)
            parts = [Triggering(SimpleNamespace(settings=settings, database=database)) for _ in range(2)]
            try:
                await ensure_tenant(database, "default")
                await deploy(settings)
                return await body(database, *parts)
            finally:
                for part in parts:
                    await part.runs.close()
                    await part.redis.aclose()
                await database.close()
                async with get_client() as client:
                    await client.delete_work_pool(POOL)  # and with it what is scheduled on it

        return asyncio.run(whole())

    return work


async def deploy(settings):
    declared = deployments.read_deployments(deployments.deployment_file())
    found = next(item for item in declared if item.entrypoint.endswith("run_blueprint"))
    blueprint = replace(found, work_pool={"name": POOL})
    async with get_client() as client:
        await client.create_work_pool(WorkPoolCreate(name=POOL, type="soma-warm"), overwrite=True)
        await deployments._apply(client, deployments.load(blueprint), blueprint, settings)


async def make(database, name, **given):
    fields = {"tenant": "default", "blueprint": "repository-audit", "created_by": "ada", "inputs": GOOD}
    return await triggers.create_trigger(database, Trigger(name=name, **{**fields, **given}), by=ADA)


async def take_in(database, trigger, event_id="evt"):
    async with database.session() as session:
        event = {"kind": trigger.kind}
        receipt = await deliveries.receive(session, trigger, event_id, event, check=lambda *_: None)
    return receipt.delivery


async def make_due(database, delivery):
    async with database.session() as session:
        found = await session.get_one(Delivery, delivery.id)
        found.next_at = now()
        session.add(found)


async def runs_of(delivery):
    keys = FlowRunFilterIdempotencyKey(any_=[f"{delivery.id}/{number}" for number in range(5)])
    async with get_client() as client:
        found = await client.read_flow_runs(flow_run_filter=FlowRunFilter(idempotency_key=keys))
    return [str(run.id) for run in found]


def test_a_delivery_gets_one_run_also_when_its_starter_dies_in_between(run):
    """Killed after Prefect made the run and before that was noted; two gateways then take it up at once."""

    async def work(database, first, second):
        delivery = await take_in(database, await make(database, "hook", kind="webhook"))
        made = await first.runs.start(*await deliveries.get_delivery(database, delivery.id))  # and it dies
        await asyncio.gather(first.start_due(), second.start_due())
        after, _ = await deliveries.get_delivery(database, delivery.id)
        return made, after, await runs_of(delivery)

    made, after, runs = run(work)

    assert runs == [made]
    assert (after.flow_run, after.state, after.tries) == (made, "received", 1)


def test_a_run_that_ended_without_a_project_is_followed_by_another_and_at_last_the_delivery_fails(
    run, monkeypatch
):
    """A crashed run is not the end of the event; what never comes to a launch is told as failed."""
    monkeypatch.setattr(triggering, "MOST_TRIES", 2)

    async def work(database, first, second):
        delivery = await take_in(database, await make(database, "hook", kind="webhook"))
        for part in (first, second, first):
            await make_due(database, delivery)
            await part.start_due()
            found, _ = await deliveries.get_delivery(database, delivery.id)
            crashed = {"state": {"type": "CRASHED", "name": "Crashed"}, "force": True}
            async with httpx.AsyncClient(base_url=first.hub.settings.prefect_api_url) as http:
                await http.post(f"flow_runs/{found.flow_run}/set_state", json=crashed)
        return found, await runs_of(delivery)

    found, runs = run(work)

    assert len(runs) == 2
    assert found.state == "failed"
    assert "the last as Crashed" in found.reason


def test_the_end_of_a_project_starts_the_next_and_prefect_hears_of_it(run):
    """A project of the wanted blueprint and state makes one delivery, however many gateways look."""

    async def work(database, first, second):
        trigger = await make(
            database,
            "chain",
            kind="project",
            source={"states": ["completed"], "blueprint": "shop-*"},
            inputs={"repository": {"$event": "inputs.repository"}},
        )
        for blueprint, state in (
            ("shop-audit", "completed"),
            ("shop-audit", "failed"),
            ("other", "completed"),
        ):
            project = Project(
                tenant="default",
                title="T",
                blueprint=blueprint,
                plan_digest="d",
                requested_by="bo",
                inputs=GOOD,
            )
            await create_project_once(database, project, [])
            await mark_launched(database, project.id, tenant="default")
            await move_project(database, project.id, fence=0, state=state)
        await asyncio.gather(*(part.fan_out() for part in (first, second, first)))
        await asyncio.gather(first.tell_prefect(), second.look())
        assert not await is_work_left(database)
        made = await deliveries.list_deliveries(database, trigger.id)
        return made, await happenings.untold(database), await told(first, "soma.project.failed")

    made, left, events = run(work)

    assert [(item.state, item.inputs, item.origin["untrusted"]) for item in made] == [
        ("received", GOOD, ["repository"])
    ]
    assert left == []
    assert len(events) == 1
    assert events[0]["payload"]["blueprint"] == "shop-audit"


async def told(part, name):
    """The events of that name that Prefect has kept; it writes them down a moment later."""
    wanted = {"filter": {"event": {"name": [name]}}, "limit": 50}
    async with httpx.AsyncClient(base_url=part.hub.settings.prefect_api_url) as http:
        deadline = time.monotonic() + 30
        while not (found := (await http.post("events/filter", json=wanted)).json()["events"]):
            assert time.monotonic() < deadline
            await asyncio.sleep(0.2)
    return found


def test_schedules_are_prefects_and_what_was_missed_is_caught_up_by_choice(run):
    """Three deployments over three missed hours: none, one and three runs are due; a removed one is gone."""

    async def work(database, first, second):
        source = {"interval": 3600, "anchor": "2026-01-01T00:00:00Z"}
        earlier = now() - 2 * triggers.BEING_MADE  # Prefect was away when they were made
        made = [
            await make(database, choice, kind="schedule", source=source, catch_up=choice, created_at=earlier)
            for choice in ("skip", "latest", "all")
        ]
        await first.align_schedules()
        await second.align_schedules()
        owed = await owed_by(made)
        gone = await triggers.remove_trigger(database, made[0].id, by=ADA)
        await first.align_schedules()
        async with get_client() as client:
            left = await client.read_deployments()
        return owed, deployment_name(gone), {item.name for item in left}, await triggers.unscheduled(database)

    owed, gone, left, unscheduled = run(work)

    assert owed == {"skip": (0, 3), "latest": (1, 2), "all": (3, 0)}
    assert gone not in left
    assert "trigger:default:all" in left
    assert unscheduled == []


async def owed_by(made):
    """How many runs each schedule owes, and drops, when the hub comes back after three due times."""
    async with get_client() as client:
        deadline = time.monotonic() + 60
        moment = datetime.now(UTC).replace(minute=0, second=0) + timedelta(hours=3, minutes=30)
        while True:
            scheduled = await client.get_scheduled_flow_runs_for_work_pool(POOL, scheduled_before=moment)
            ours = [item for item in scheduled if item.flow_run.parameters.get("trigger")]
            if len(ours) == 9:
                break
            assert time.monotonic() < deadline, len(ours)
            await asyncio.sleep(0.3)
    await judged_by_themselves(ours, moment)
    found = agenda(ours, moment, since=moment)
    names = {trigger.id: trigger.name for trigger in made}
    due = [names[item.flow_run.parameters["trigger"]] for item in found.due]
    missed = [names[item.flow_run.parameters["trigger"]] for item in found.missed]
    return {name: (due.count(name), missed.count(name)) for name in names.values()}


async def judged_by_themselves(entries, moment):
    """Under a worker that starts all that is late, the runs themselves come to the same."""
    verdicts = {"skip": [], "latest": [], "all": []}
    for entry in sorted(entries, key=lambda item: item.flow_run.expected_start_time):
        choice = catch_up_of(entry.flow_run.tags)
        verdicts[choice].append(await missed(entry.flow_run, choice, now=moment) is None)
    assert verdicts == {"skip": [False] * 3, "latest": [False, False, True], "all": [True] * 3}

"""Notices on a real Prefect server, a real database, and a service that is away for a while."""

import asyncio
import json
import logging
import threading
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from pydantic import SecretStr
from sqlalchemy import update

from blocks.audit.log import AuditLog
from blocks.constitution.source import ConstitutionSource
from blocks.driver_runs import Drivers
from blocks.identity import Principal
from blocks.notifications.block import NotificationRoute
from blocks.notifications.routes import Routes
from blocks.records import approvals, notices
from blocks.records.answer_links import say_person
from blocks.records.audit import list_records, store_records
from blocks.records.database import Database, upgrade
from blocks.records.notice_tables import Delivery, RoutePerson
from blocks.records.projects import create_project, move_project, take_over
from blocks.records.tables import Approval, now
from blocks.records.tenants import ensure_tenant
from blocks.records.tending import tend_approvals
from blocks.records.tokens import create_token
from blocks.settings import Settings, load_settings
from capsules.environment import SHIPPED_CONSTITUTION
from ui.gateway.notices import Notices

ADMIN = Principal(tenant="default", name="admin", roles=frozenset({"admin"}))
LEA = Principal(tenant="default", name="lea", roles=frozenset({"approver"}))


class Service:
    """A service that takes JSON, on a port that stays its own; `up` says whether it does now."""

    def __init__(self):
        self.got, self.up = [], True
        service = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if service.up:
                    service.got.append(json.loads(body))
                self.send_response(200 if service.up else 503)
                self.end_headers()

            def log_message(self, *given):
                """Says nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"json://ann:hunter22@127.0.0.1:{self.server.server_port}/hook"

    @property
    def titles(self):
        return [item["title"] for item in self.got]


@pytest.fixture
def service():
    made = Service()
    thread = threading.Thread(target=made.server.serve_forever, daemon=True)
    thread.start()
    yield made
    made.server.shutdown()


@dataclass(frozen=True, kw_only=True)
class Parts:
    """What the gateway's notices work with."""

    settings: Settings
    database: Database
    drivers: Drivers
    constitution: ConstitutionSource
    audit: AuditLog


class Scene:
    """A project that asks, and the notices that come of it."""

    def __init__(self, parts, project):
        self.parts, self.database, self.project = parts, parts.database, project
        self.notices = Notices(parts)

    async def ask(self, **given):
        async with self.database.session() as session:
            return await approvals.ask(
                session,
                self.project,
                node="a",
                question="May it go on?",
                details={"key": "AKIAIOSFODNN7EXAMPLE"},
                action_digest="d",
                **given,
            )

    async def tell(self):
        await self.notices.spread()
        return await self.notices.send_due()

    async def deliveries(self):
        return [delivery for delivery, _ in await notices.list_deliveries(self.database, "default")]

    async def later(self, kind, **values):
        """Move the clock of the rows instead of waiting."""
        async with self.database.session() as session:
            await session.exec(update(kind).values(**values))


@asynccontextmanager
async def a_hub(url, api, tmp_path):
    await upgrade(url)
    settings = load_settings(data_dir=tmp_path / "hub", public_url="https://hub.example.org/")
    database, writer, drivers = Database(url), Database(url, pool_size=1), Drivers(api)
    audit = AuditLog(lambda records: store_records(writer, records))
    constitution = ConstitutionSource(SHIPPED_CONSTITUTION)
    try:
        yield Parts(
            settings=settings, database=database, drivers=drivers, constitution=constitution, audit=audit
        )
    finally:
        await audit.close()
        await writer.close()
        await drivers.close()
        await database.close()


@pytest.fixture
def play(postgres_url, new_database, prefect_api, service, tmp_path):
    """Plays a scene with the route `team`, which leads to the service."""
    url = new_database(postgres_url)

    async def whole(scene, route):
        await NotificationRoute.aregister_type_and_schema()
        block = NotificationRoute(urls=SecretStr(service.url), **route)
        await block.asave("team", overwrite=True)
        async with a_hub(url, prefect_api, tmp_path) as parts:
            await ensure_tenant(parts.database, "default")
            project = await create_project(
                parts.database,
                tenant="default",
                title="The audit",
                blueprint="b",
                inputs={},
                plan={},
                plan_digest="x",
                nodes=[{"node": "a", "title": "A", "capsule": "a", "version": "1.0.0"}],
                requested_by="ann",
            )
            await scene(Scene(parts, project))

    return lambda scene, **route: asyncio.run(whole(scene, route))


@contextmanager
def everything_logged():
    """Every line that anything logs meanwhile."""
    lines = []

    class Keeping(logging.Handler):
        def emit(self, record):
            lines.append(self.format(record))

    handler, root = Keeping(level=1), logging.getLogger()
    root.addHandler(handler)
    try:
        yield lines
    finally:
        root.removeHandler(handler)


def test_nothing_is_lost_while_the_service_is_away(play, service):
    """Tried again after growing pauses; what it holds of secrets is masked, and no log tells the address."""

    async def scene(told):
        service.up = False
        with everything_logged() as logged:
            asked = await told.ask()
            assert await told.tell() == 1
            (waits,) = await told.deliveries()
            assert (waits.state, waits.tries, service.got) == ("pending", 1, [])
            assert waits.next_at > now()
            assert await told.tell() == 0  # not before its time
            service.up = True
            await told.later(Delivery, next_at=now())
            assert await told.tell() == 1
        (sent,) = await told.deliveries()
        assert (sent.state, sent.tries) == ("sent", 2)
        assert service.titles == ["A question waits for you: May it go on?"]
        assert f"soma approve {asked.id}" in service.got[0]["message"]
        assert "AKIAIOSFODNN7EXAMPLE" not in service.got[0]["message"]
        assert "hunter22" not in "\n".join(logged) + str(sent) + repr(await Routes(told.parts.drivers).all())
        await told.parts.audit.flush()
        decided = await list_records(told.database, tenant="default", kind="decision")
        assert {(row.stage, row.action, row.verdict) for row in decided} == {
            ("notification", "hub.asked", "allow")
        }

    play(scene)


def test_people_are_reminded_passed_on_and_told_what_came_of_it(play, service):
    """By moved clocks: a reminder, the escalation, the decision and the end of the project."""

    async def scene(told):
        terms = {"quorum": 1, "who": ["user:lea"], "expires": 9000, "requester": True, "remind": 600}
        terms["escalate"] = {"after": 3600, "to": ["user:boss"]}
        asked = await told.ask(requirements=[terms])
        past = now() - timedelta(hours=1.5)
        await told.later(Approval, requested_at=past, remind_at=past, escalate_at=past)
        tended = await tend_approvals(told.database)
        assert (tended.reminded, tended.escalated, tended.expired) == ([asked.id], [asked.id], [])
        again = await tend_approvals(told.database)
        assert (again.reminded, again.escalated) == ([], [])
        await told.tell()
        boss = Principal(tenant="default", name="boss", roles=frozenset({"approver"}))
        await approvals.decide_approval(told.database, asked.id, by=boss)
        driver = await take_over(told.database, told.project.id, driver_run=None)
        await move_project(told.database, told.project.id, fence=driver.fence, state="completed")
        await told.tell()
        assert sorted(service.titles) == [
            "A question still waits: May it go on?",
            "A question waits for you: May it go on?",
            "A question was passed on to you: May it go on?",
            "May it go on? was approved",
            "The audit: completed",
        ]

    play(scene)


def test_a_route_takes_its_kinds_and_people(play, service):
    """Questions for others, and kinds that it does not take, are not told there; nor what was answered."""

    async def scene(told):
        mine = {"quorum": 1, "who": ["user:lea"], "requester": True}
        asked = await told.ask(requirements=[{**mine, "who": ["user:ben"]}])
        await told.notices.spread()
        assert await told.deliveries() == []
        await told.later(Approval, action_digest="other", requirements=[mine])
        second = await told.ask(requirements=[mine])
        assert second.id != asked.id
        await told.notices.spread()
        await approvals.decide_approval(told.database, second.id, by=LEA)
        await told.tell()
        assert [(item.state, item.error) for item in await told.deliveries()] == [
            ("needless", "it was approved")
        ]
        assert service.got == []

    play(scene, who=["user:lea"], kinds=["asked"])


def test_a_link_goes_only_where_an_administrator_has_said_whose_it_is(play, service):
    """Whoever changes the addresses in Prefect gets no links that answer as somebody else."""

    async def scene(told):
        await create_token(told.database, name="lea", roles=frozenset({"approver"}), by=ADMIN)
        await told.ask()
        route = (await Routes(told.parts.drivers).all())["team"]
        said = RoutePerson(
            tenant="default", route="team", person="lea", addresses_sha256=route.sha256, said_by="admin"
        )
        await say_person(told.database, said)
        await told.tell()
        assert "https://hub.example.org/v1/answers/lnk_" in service.got[0]["message"]
        said.addresses_sha256 = "of other addresses"
        await say_person(told.database, said)
        await told.later(Delivery, state="pending", next_at=now())
        await told.tell()
        assert "/v1/answers/" not in service.got[1]["message"]

    play(scene)


def test_a_question_that_is_rolled_back_is_not_told(play, service):
    """The notice stands or falls with its cause."""

    async def ask_and_fail(told):
        async with told.database.session() as session:
            await approvals.ask(session, told.project, node="a", question="?", details={}, action_digest="d")
            raise RuntimeError

    async def scene(told):
        with pytest.raises(RuntimeError):
            await ask_and_fail(told)
        await told.tell()
        assert (await told.deliveries(), service.got) == ([], [])

    play(scene)

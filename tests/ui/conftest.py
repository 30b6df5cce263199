"""A real gateway on a real PostgreSQL, and the few records that tests of it begin with."""

import asyncio
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
import uvicorn

from blocks.identity import Mandate, Principal
from blocks.records import approvals
from blocks.records.database import Database, upgrade
from blocks.records.events import add_event
from blocks.records.ledger import open_attempt, start_attempt
from blocks.records.projects import create_project, move_project, take_over
from blocks.records.tenants import ensure_tenant
from blocks.settings import Settings, load_settings
from blocks.signing_in.access_tokens import TokenKey
from blocks.signing_in.passport import agent_token
from ui.client import HubClient
from ui.gateway.app import create_app

PLAN = {
    "blueprint_version": "1.0.0",
    "nodes": [{"id": "first", "needs": []}, {"id": "second", "needs": ["first"]}],
}
LINES = [
    {"node": "first", "title": "First things", "capsule": "survey", "version": "1.0.0"},
    {"node": "second", "title": "The second", "capsule": "tests", "version": "1.0.0"},
]


class Gateway:
    """A gateway that serves on a port of its own."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.url = settings.gateway_url

    @property
    def token(self) -> str:
        return self.settings.token_path.read_text().strip()

    def http(self, **headers) -> httpx.Client:
        """A plain client with the right token, unless other headers are given."""
        return httpx.Client(
            base_url=self.url, headers=headers or {"Authorization": f"Bearer {self.token}"}, timeout=30
        )

    def client(self) -> HubClient:
        return HubClient(self.url, self.token)

    def records(self, work):
        """Do something to the gateway's records, as the driver would."""

        async def run():
            database = Database(self.settings.database_address)
            try:
                return await work(database)
            finally:
                await database.close()

        return asyncio.run(run())

    def project(self, *, tenant="default", title="A project", inputs=None):
        """A planned project of two nodes."""

        async def make(database):
            await ensure_tenant(database, tenant)
            return await create_project(
                database,
                tenant=tenant,
                title=title,
                blueprint="repository-audit",
                inputs=inputs or {"repository": "/somewhere"},
                plan=PLAN,
                plan_digest="sha256:abc",
                nodes=LINES,
                requested_by="admin",
            )

        return self.records(make)

    def other(self, name, *roles):
        """A client of somebody else, with a token of these roles."""
        return HubClient(self.url, self.client().create_token(name, list(roles)).secret)

    def question(self, project, *, details=None, **terms):
        """A pending approval of the project."""

        async def ask(database):
            async with database.session() as session:
                return await approvals.ask(
                    session,
                    project,
                    node="second",
                    question="May it be published?",
                    details=details or {"repository": "/somewhere"},
                    action_digest="sha256:def",
                    **terms,
                )

        return self.records(ask)

    def event(self, project, kind="log", **data):
        async def add(database):
            async with database.session() as session:
                add_event(session, project, kind, data=data)

        self.records(add)

    def move(self, project, state, *, reason=None, deliverables=None):
        """Bring the project into a state, as its driver would."""

        async def run(database):
            driver = await take_over(database, project, driver_run=None)
            await move_project(
                database, project, fence=driver.fence, state=state, reason=reason, deliverables=deliverables
            )

        self.records(run)

    def node(self, project, node, **changes):
        """Change the ledger's line of a node."""
        from blocks.records.tables import NodeRecord

        async def run(database):
            async with database.session() as session:
                line = await session.get_one(NodeRecord, (project, node))
                for name, value in changes.items():
                    setattr(line, name, value)
                session.add(line)
                add_event(session, project, "node.state", node, {"state": line.state})

        self.records(run)

    def agent(self, **told):
        """An attempt that is at work, as its token says it; `told` is what the token says otherwise."""
        project = self.project()

        async def begin(database):
            driver = await take_over(database, project.id, driver_run=None)
            opened = await open_attempt(database, project.id, "first", fence=driver.fence, runtime="inline")
            return await start_attempt(database, opened.id, flow_run=None)

        found = self.records(begin)
        known = {"number": found.number, "generation": found.generation, "memory": frozenset({"project"})}
        mandate = Mandate(attempt=found.id, project=project.id, node="first", **{**known, **told})
        principal = Principal(tenant="default", name="survey@x", kind="agent", on_behalf_of="ada")
        return mandate, agent_token(TokenKey.ensure(self.settings.keys_path), principal, mandate)


def a_free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def serving(settings: Settings) -> Iterator[Gateway]:
    """Serve the gateway of these settings in a thread until the end."""
    port = settings.gateway_port + settings.port_offset
    config = uvicorn.Config(
        create_app(settings),
        host=settings.gateway_host,
        port=port,
        log_level="warning",
        timeout_graceful_shutdown=2,
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        assert thread.is_alive(), "the gateway did not start"
        time.sleep(0.02)
    try:
        yield Gateway(settings)
    finally:
        server.should_exit = True
        thread.join(10)


def settings_on(postgres_url: str, folder: Path, **given) -> Settings:
    """Settings of a gateway with a data folder and a database of its own, migrated."""
    url = postgres_url.replace("/postgres?", f"/{folder.name.replace('-', '_')}?")
    settings = load_settings(data_dir=folder, database_url=url, gateway_port=a_free_port(), **given)
    asyncio.run(upgrade(settings.database_address))
    return settings


@pytest.fixture(scope="session")
def gateway(postgres_url, tmp_path_factory) -> Iterator[Gateway]:
    """A gateway whose Prefect is away."""
    settings = settings_on(postgres_url, tmp_path_factory.mktemp("gateway"), prefect_port=a_free_port())
    with serving(settings) as served:
        yield served


@pytest.fixture(scope="session")
def serve(postgres_url, tmp_path_factory):
    """Makes further gateways; each ends with its `with` block."""

    def make(**given):
        return serving(settings_on(postgres_url, tmp_path_factory.mktemp("other"), **given))

    return make


@pytest.fixture(scope="session")
def serve_again():
    """Serves settings that were served before."""
    return serving


@pytest.fixture
def free_port():
    """Finds a port that nothing listens on."""
    return a_free_port

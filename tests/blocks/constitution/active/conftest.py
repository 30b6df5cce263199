"""A tenant with constitutions on real servers, and sources that follow it as any process does."""

import asyncio
import time

import pytest
import redis
from sqlalchemy import text

from blocks.constitution import active as active_module
from blocks.constitution.active import ActiveConstitution
from blocks.constitution.document import parse_constitution
from blocks.constitution.parsed import _by_text
from blocks.constitution.signing import sign
from blocks.identity import Principal
from blocks.keys import SigningKey
from blocks.records import activations, constitutions
from blocks.records.constitution_tables import Replay
from blocks.records.database import Database, upgrade
from blocks.records.tables import now
from blocks.records.tenants import ensure_tenant

ADA = Principal(tenant="acme", name="ada", roles=frozenset({"admin"}))
SOON = 20.0
"""No promise: what a slow machine may take."""


def text_of(version, default="allow"):
    return (
        f'apiVersion: soma/v1\nkind: Constitution\nmetadata: {{name: house, version: "{version}"}}\n'
        f"default: {default}\narticles: []\n"
    )


def until(condition, seconds=SOON):
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, "not within the time that a slow machine may take"
        time.sleep(0.01)
    return found


class House:
    """The tenant `acme`, its constitutions, and sources that follow them."""

    def __init__(self, url, valkey, folder):
        self.url, self.valkey, self.folder = url, valkey, folder
        self.key = SigningKey.ensure(folder / "keys")
        self.sources = []

    def run(self, work):
        async def inside():
            database = Database(self.url)
            try:
                return await work(database)
            finally:
                await database.close()

        return asyncio.run(inside())

    def sql(self, statement, **values):
        async def work(database):
            async with database.session() as session:
                await session.exec(text(statement), params=values)

        self.run(work)

    def activate(self, version, default="allow", key=None):
        """Publish and activate; the replay was looked at."""
        key = key or self.key
        signature = sign(parse_constitution(text_of(version, default), "c"), key)
        keys = {key.id: key.public}

        async def work(database):
            published = await constitutions.publish(
                database,
                tenant="acme",
                text=text_of(version, default),
                signature=signature.signature,
                key=key.id,
                by=ADA,
                keys=keys,
            )
            async with database.session() as session:
                session.add(
                    Replay(
                        tenant="acme",
                        digest=published.digest,
                        since=now(),
                        made_by="ada",
                        looked_at_by=["ada"],
                    )
                )
            await activations.request_activation(
                database, tenant="acme", ref=published.digest, by=ADA, keys=keys
            )
            return published

        return self.run(work)

    def source(self, *, database=None, valkey=None, texts="texts"):
        found = ActiveConstitution(
            tenant="acme",
            database=database or self.url,
            valkey=valkey or self.valkey,
            keys=self.folder / "keys",
            texts=self.folder / texts,
        )
        self.sources.append(found)
        return found

    def forget(self):
        """What this process has read before."""
        _by_text.clear()

    @property
    def keys(self):
        return {self.key.id: self.key.public}

    def rollback(self):
        self.run(lambda database: activations.rollback(database, tenant="acme", by=ADA, keys=self.keys))

    text_of = staticmethod(text_of)
    until = staticmethod(until)

    @staticmethod
    def in_force(source):
        """The version by which the source decides now."""
        return source.current().version


@pytest.fixture(scope="module")
def url(postgres_url):
    address = postgres_url.replace("/postgres?", "/following?")
    asyncio.run(upgrade(address))
    return address


@pytest.fixture
def house(url, valkey_url, tmp_path, monkeypatch):
    monkeypatch.setattr(active_module, "TRUTH", 0.2)
    monkeypatch.setattr(active_module, "POLL", 0.05)
    made = House(url, valkey_url, tmp_path)
    for table in ("activations", "shadows", "replays", "constitutions"):
        made.sql(f"DELETE FROM {table} WHERE tenant = 'acme'")
    redis.Redis.from_url(valkey_url).flushdb()
    made.run(lambda database: ensure_tenant(database, "acme"))
    made.forget()
    yield made
    for source in made.sources:
        source.close()

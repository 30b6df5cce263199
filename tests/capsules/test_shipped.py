"""The shipped constitution: in force where nothing else is, kept up to date, never against people's will."""

import asyncio

import pytest

from blocks.constitution.document import parse_constitution
from blocks.constitution.signing import sign
from blocks.identity import Principal
from blocks.keys import SigningKey, trusted_keys
from blocks.records import activations, constitutions
from blocks.records.database import Database, upgrade
from blocks.records.tenants import ensure_tenant
from blocks.settings import load_settings
from capsules import shipped

ADA = Principal(tenant="default", name="ada", roles=frozenset({"admin"}))
BEN = Principal(tenant="default", name="ben", roles=frozenset({"approver"}))


def text_of(version, name="shipped", default="allow"):
    return (
        f'apiVersion: soma/v1\nkind: Constitution\nmetadata: {{name: {name}, version: "{version}"}}\n'
        f"default: {default}\narticles: []\n"
    )


@pytest.fixture
def hub(postgres_url, new_database, tmp_path, monkeypatch):
    """Runs an async test on an empty database; `ship` is what an installation of that version does."""
    url = new_database(postgres_url)
    asyncio.run(upgrade(url))
    settings = load_settings(database_url=url.replace("+asyncpg", ""))
    file = tmp_path / "shipped.yaml"
    monkeypatch.setattr(shipped, "SHIPPED_CONSTITUTION", file)

    class Hub:
        def __init__(self, database):
            self.database, self.settings = database, settings

        async def ship(self, version, **given):
            if not file.exists() or file.read_text() != text_of(version, **given):
                file.write_text(text_of(version, **given))
            await shipped.ensure_constitution(self.database, settings)
            return await self.active()

        async def active(self):
            found = await activations.active(self.database, "default")
            return f"{found.name} {found.version}"

        async def own(self, version="1.0.0"):
            """A person's constitution, confirmed by another person."""
            signature = sign(parse_constitution(text_of(version, "own"), "c"), self.key())
            given = {"tenant": "default", "by": ADA, "keys": trusted_keys(settings.keys_path)}
            version = await constitutions.publish(
                self.database,
                text=text_of(version, "own"),
                signature=signature.signature,
                key=signature.key,
                **given,
            )
            step = await activations.request_activation(self.database, ref=version.digest, **given)
            await activations.confirm(self.database, step.id, **{**given, "by": BEN})

        def key(self):
            return SigningKey.ensure(settings.keys_path)

        async def rollback(self):
            keys = trusted_keys(settings.keys_path)
            await activations.rollback(self.database, tenant="default", by=ADA, keys=keys)

    def run(work):
        async def inside():
            database = Database(url)
            try:
                await ensure_tenant(database, "default")
                await work(Hub(database))
            finally:
                await database.close()

        asyncio.run(inside())

    return run


def test_the_shipped_one_is_in_force_and_brought_up_to_date(hub):
    """Once each; an older hub on the same records does not take it back."""

    async def work(hub):
        seen = [await hub.ship(version) for version in ("1.9.0", "1.9.0", "1.10.0", "1.9.0")]

        assert seen == ["shipped 1.9.0", "shipped 1.9.0", "shipped 1.10.0", "shipped 1.10.0"]
        assert len(await activations.history(hub.database, "default")) == 2

    hub(work)


def test_what_people_put_in_force_stays(hub):
    """A newer shipped one is published for them to look at."""

    async def work(hub):
        await hub.ship("1.0.0")
        await hub.own()
        assert await hub.ship("2.0.0") == "own 1.0.0"
        assert (await constitutions.get_version(hub.database, "default", "shipped@2.0.0")).version == "2.0.0"

    hub(work)


def test_who_went_back_is_not_brought_forward_again(hub):
    """A rollback of a shipped one is a person's decision."""

    async def work(hub):
        await hub.ship("1.0.0")
        await hub.ship("2.0.0")
        await hub.rollback()

        assert await hub.ship("2.0.0") == "shipped 1.0.0"

    hub(work)


def test_a_change_without_a_version_is_told(hub, caplog):
    """What was published stays, and the log says how to try the change."""

    async def work(hub):
        await hub.ship("1.0.0")
        assert await hub.ship("1.0.0", default="deny") == "shipped 1.0.0"
        assert (await activations.active(hub.database, "default")).text == text_of("1.0.0")
        assert "set SOMA_CONSTITUTION=" in caplog.text

    hub(work)


def test_a_hub_that_lost_its_key_signs_anew(hub):
    """The text is the one that ships, so the new key stands for it as the old one did."""

    async def work(hub):
        await hub.ship("1.0.0")
        old = hub.key().id
        for path in hub.settings.keys_path.iterdir():
            path.unlink()
        await hub.ship("1.0.0")
        version = await activations.active(hub.database, "default")

        assert version.key == hub.key().id != old
        assert constitutions.check_version(version, trusted_keys(hub.settings.keys_path)).version == "1.0.0"

    hub(work)


def test_several_gateways_that_start_at_once_activate_it_once(hub):
    """Whoever is second finds it done."""

    async def work(hub):
        await asyncio.gather(*(hub.ship("1.0.0") for _ in range(6)))

        assert len(await activations.history(hub.database, "default")) == 1

    hub(work)

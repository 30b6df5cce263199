"""The life of a constitution in the records: published once, activated by the rules, rolled back."""

import asyncio
import json
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import update
from sqlmodel import col

from blocks.constitution.document import ConstitutionInvalid, parse_constitution
from blocks.constitution.signing import SignatureInvalid, sign
from blocks.errors import BadInput, Conflict, Forbidden, NotFound
from blocks.identity import Principal
from blocks.keys import SigningKey
from blocks.records import activations, constitutions
from blocks.records.audit import list_records
from blocks.records.constitution_tables import ConstitutionVersion, Replay
from blocks.records.database import Database, upgrade
from blocks.records.tenants import ensure_tenant

ADA = Principal(tenant="acme", name="ada", roles=frozenset({"admin"}))
BEN = Principal(tenant="acme", name="ben", roles=frozenset({"approver"}))
EVE = Principal(tenant="acme", name="eve", roles=frozenset({"viewer"}))


def text_of(version="1.0.0", default="allow", extra="", body="articles: []\n"):
    return (
        f'apiVersion: soma/v1\nkind: Constitution\nmetadata: {{name: house, version: "{version}"{extra}}}\n'
        f"default: {default}\n{body}"
    )


class Hall:
    """What a test does with the constitutions of the tenant `acme`."""

    def __init__(self, database, key):
        self.database, self.key, self.keys = database, key, {key.id: key.public}

    async def publish(self, version="1.0.0", *, by=ADA, text=None, tenant="acme", **given):
        text = text or text_of(version, **given)
        signature = sign(parse_constitution(text, "c.yaml"), self.key)
        return await constitutions.publish(
            self.database,
            tenant=tenant,
            text=text,
            signature=signature.signature,
            key=signature.key,
            by=by,
            keys=self.keys,
        )

    async def looked_at(self, version, *names):
        replay = Replay(
            tenant="acme",
            digest=version.digest,
            since=datetime.now(UTC),
            made_by="ada",
            looked_at_by=list(names),
        )
        async with self.database.session() as session:
            session.add(replay)
        return replay.id

    async def activate(self, ref, *, by=ADA, **given):
        return await activations.request_activation(
            self.database, tenant="acme", ref=ref, by=by, keys=self.keys, **given
        )

    async def put_in_force(self, version):
        """Publish and activate with a replay that was looked at."""
        published = await self.publish(version)
        await self.looked_at(published, "ada")
        await self.activate(f"house@{version}")
        return published

    async def confirm(self, step, *, by=BEN):
        return await activations.confirm(self.database, step.id, tenant="acme", by=by, keys=self.keys)

    async def rollback(self):
        return await activations.rollback(self.database, tenant="acme", by=ADA, keys=self.keys)

    async def active(self):
        version = await activations.active(self.database, "acme")
        return version and version.version

    async def told(self):
        """What the audit log says happened, in order."""
        records = await list_records(self.database, tenant="acme", kind="constitution")
        return [json.loads(record.record) for record in records]


@pytest.fixture(scope="module")
def url(postgres_url):
    address = postgres_url.replace("/postgres?", "/life_of_constitutions?")
    asyncio.run(upgrade(address))
    return address


@pytest.fixture
def hall(url, tmp_path):
    """Runs an async test against an empty tenant of the module's database."""
    key = SigningKey.ensure(tmp_path / "keys")

    def run(work):
        async def inside():
            database = Database(url)
            try:
                await ensure_tenant(database, "acme")
                await empty(database)
                return await work(Hall(database, key))
            finally:
                await database.close()

        return asyncio.run(inside())

    return run


async def empty(database):
    from sqlalchemy import text

    async with database.session() as session:
        for table in ("activations", "shadows", "replays", "constitutions", "audit_records"):
            await session.exec(text(f"DELETE FROM {table} WHERE tenant = 'acme'"))


def test_a_version_is_published_once(hall):
    """The same again changes nothing; another text under its name and version is refused."""

    async def work(hall):
        first = await hall.publish()
        again = await hall.publish(text="# with a comment\n" + text_of())
        with pytest.raises(Conflict, match=r"house@1\.0\.0 is published already, with another text"):
            await hall.publish(default="deny")
        told = await hall.told()
        by_name = await constitutions.get_version(hall.database, "acme", "house@1.0.0")
        by_digest = await constitutions.get_version(hall.database, "acme", first.digest[:8])

        assert first.digest == again.digest == by_name.digest == by_digest.digest
        assert again.text == first.text
        assert [(record["event"], record["by"]) for record in told] == [("published", "ada")]

    hall(work)


def test_what_is_not_signed_by_a_trusted_key_is_not_published(hall, tmp_path):
    """Nor what is signed over another text, nor what is not valid, nor another tenant's."""
    eve = SigningKey.create(tmp_path / "eve.key")

    async def work(hall):
        async def publish(text, signature, key):
            await constitutions.publish(
                hall.database, tenant="acme", text=text, signature=signature, key=key, by=ADA, keys=hall.keys
            )

        good = sign(parse_constitution(text_of(), "c"), hall.key)
        theirs = sign(parse_constitution(text_of(), "c"), eve)
        with pytest.raises(SignatureInvalid, match="does not trust"):
            await publish(text_of(), theirs.signature, theirs.key)
        with pytest.raises(SignatureInvalid, match="is not the key"):
            await publish(text_of(default="deny"), good.signature, good.key)
        with pytest.raises(ConstitutionInvalid):
            await publish("nonsense: true", good.signature, good.key)
        with pytest.raises(BadInput, match="NUL"):
            await publish(text_of() + "\0", good.signature, good.key)

        assert await constitutions.list_versions(hall.database, "acme") == []

    hall(work)


FAILING = """
articles:
  - {id: A1, title: All, stages: [task], verdict: deny, reason: never,
     tests: [{action: x, verdict: allow}]}
"""


def test_a_constitution_whose_own_tests_fail_is_not_published(hall):
    """Its examples are its promise."""

    async def work(hall):
        with pytest.raises(BadInput, match="own tests fail: A1"):
            await hall.publish(body=FAILING.lstrip())

    hall(work)


def test_without_a_replay_a_second_person_is_needed(hall):
    """It waits; neither who asked nor somebody without the role may confirm; then it is in force."""

    async def work(hall):
        await hall.publish()
        step = await hall.activate("house@1.0.0", reason="better")
        assert (step.state, await hall.active()) == ("waiting", None)
        with pytest.raises(Forbidden, match="asked for this activation"):
            await hall.confirm(step, by=ADA)
        with pytest.raises(Forbidden, match="admin or approver"):
            await hall.confirm(step, by=EVE)
        done = await hall.confirm(step)

        assert (done.state, done.asked_by, done.done_by) == ("done", "ada", "ben")
        assert await hall.active() == "1.0.0"
        assert [(told["event"], told["by"], told["second"]) for told in await hall.told()] == [
            ("published", "ada", None),
            ("waiting", "ada", None),
            ("activated", "ada", "ben"),
        ]
        with pytest.raises(Conflict, match="does not wait any more"):
            await hall.confirm(step)

    hall(work)


def test_with_a_replay_that_was_looked_at_one_person_suffices(hall):
    """It counts for who looked at it and for this version only, named or not."""

    async def work(hall):
        one, two = await hall.publish("1.0.0"), await hall.publish("2.0.0", default="deny")
        of_ben, of_ada = await hall.looked_at(one, "ben"), await hall.looked_at(one, "ben", "ada")
        with pytest.raises(BadInput, match="another text"):
            await hall.activate(two.digest, replay=of_ada)
        with pytest.raises(NotFound):
            await hall.activate(two.digest, replay="rpl_none")
        waiting = await hall.activate(one.digest, replay=of_ben)
        await activations.withdraw(hall.database, waiting.id, tenant="acme", by=ADA)
        step = await hall.activate(one.digest)

        assert (waiting.replay, step.state, step.replay) == (of_ben, "done", of_ada)
        assert await hall.active() == "1.0.0"
        with pytest.raises(Conflict, match="in force already"):
            await hall.activate(one.digest)

    hall(work)


def test_one_activation_waits_at_a_time(hall):
    """Ten who ask at once leave one that waits; the others are told which."""

    async def work(hall):
        await hall.publish("1.0.0")
        await hall.publish("2.0.0")
        asked = await asyncio.gather(
            *(hall.activate(f"house@{1 + number % 2}.0.0") for number in range(10)), return_exceptions=True
        )
        steps = [step for step in asked if not isinstance(step, Exception)]

        assert len(steps) == 1
        assert all(isinstance(step, Conflict) for step in asked if step is not steps[0])
        assert {step.activation for step in asked if step is not steps[0]} == {steps[0].id}

    hall(work)


def test_a_constitution_of_the_future_is_not_activated_today(hall):
    """The mend says when."""

    async def work(hall):
        tomorrow = (datetime.now(UTC) + timedelta(days=1)).date()
        await hall.publish(extra=f", effective: {tomorrow}")
        with pytest.raises(BadInput, match=f"takes effect on {tomorrow}"):
            await hall.activate("house@1.0.0")

    hall(work)


def test_rolling_back_goes_further_each_time(hall):
    """A rollback undoes the newest activation that stands; a later activation builds on what is left."""

    async def work(hall):
        for version in ("1.0.0", "2.0.0", "3.0.0"):
            await hall.put_in_force(version)
        seen = []
        for _ in range(2):
            await hall.rollback()
            seen.append(await hall.active())
        with pytest.raises(Conflict, match="nothing to go back to"):
            await hall.rollback()
        await hall.activate("house@3.0.0")
        await hall.rollback()

        assert (seen, await hall.active()) == (["2.0.0", "1.0.0"], "1.0.0")
        standings = await activations.standings(hall.database, "acme")
        assert sorted(standings.values()) == ["active", "superseded", "superseded"]
        steps = await activations.history(hall.database, "acme")
        assert [(step.activation.kind, step.version.version) for step in steps[:3]] == [
            ("rollback", "1.0.0"),
            ("activate", "3.0.0"),
            ("rollback", "1.0.0"),
        ]

    hall(work)


def test_what_was_changed_in_the_table_is_not_activated(hall):
    """The text that is kept is checked against its signature again."""

    async def work(hall):
        version = await hall.put_in_force("1.0.0")
        await hall.put_in_force("2.0.0")
        change = update(ConstitutionVersion).where(col(ConstitutionVersion.digest) == version.digest)
        async with hall.database.session() as session:
            await session.exec(change.values(text=text_of("1.0.0", "warn")))
        with pytest.raises(SignatureInvalid, match="another text"):
            await hall.rollback()

        assert await hall.active() == "2.0.0"

    hall(work)


def test_a_key_that_is_trusted_no_more_activates_nothing(hall):
    """What it signed before does not come in force any more."""

    async def work(hall):
        await hall.publish()
        hall.keys = {}
        with pytest.raises(SignatureInvalid, match="does not trust"):
            await hall.activate("house@1.0.0")

    hall(work)


def test_a_shadow_is_set_replaced_and_ended(hall):
    """One a tenant; each change is on record."""

    async def work(hall):
        one, two = await hall.publish("1.0.0"), await hall.publish("2.0.0")
        for version in (one, two):
            await constitutions.set_shadow(
                hall.database, tenant="acme", ref=version.digest, by=ADA, keys=hall.keys
            )
        shadow = await constitutions.get_shadow(hall.database, "acme")
        ended = [await constitutions.clear_shadow(hall.database, tenant="acme", by=ADA) for _ in range(2)]

        assert (shadow.digest, shadow.started_by, ended) == (two.digest, "ada", [True, False])
        assert [told["event"] for told in await hall.told()][2:] == [
            "shadow_started",
            "shadow_started",
            "shadow_ended",
        ]

    hall(work)


@pytest.mark.parametrize("ref", ["", "house", "1234567", "DEADBEEF", "%%%%%%%%"])
def test_a_reference_names_a_version_or_is_refused(hall, ref):
    """Neither a wildcard nor too few digits."""

    async def work(hall):
        await hall.publish()
        with pytest.raises(BadInput, match="names no version"):
            await constitutions.get_version(hall.database, "acme", ref)

    hall(work)


def test_rollbacks_unfold():
    """The last one is in force, those before are what a rollback goes back through."""
    steps = [("activate", "a"), ("activate", "b"), ("activate", "c"), ("rollback", "b"), ("activate", "d")]

    assert activations.unfolded(steps) == ["a", "b", "d"]
    assert activations.unfolded([*steps, ("rollback", "b"), ("rollback", "a")]) == ["a"]

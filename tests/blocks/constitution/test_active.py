"""The activated constitution: in force everywhere soon, and nothing but what was signed and activated."""

import asyncio
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
import redis
from sqlalchemy import text

from blocks.constitution import active as active_module
from blocks.constitution.active import ActiveConstitution, read_before
from blocks.constitution.decisions import Action
from blocks.constitution.document import parse_constitution
from blocks.constitution.parsed import _by_text
from blocks.constitution.signing import sign
from blocks.identity import Principal
from blocks.keys import SigningKey, trust
from blocks.records import activations, constitutions
from blocks.records.constitution_tables import Replay
from blocks.records.database import Database, upgrade
from blocks.records.tables import now
from blocks.records.tenants import ensure_tenant

ADA = Principal(tenant="acme", name="ada", roles=frozenset({"admin"}))
ACTION = Action(stage="task", name="x", facts={})
FOLLOWING = Path(__file__).with_name("following.py")
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


def in_force(source):
    return source.current().version


def test_every_process_takes_what_is_activated(house):
    """Two other processes and this one go from the first version to the second and back."""
    house.activate("1.0.0")
    arguments = [house.url, house.valkey, str(house.folder / "keys"), str(house.folder / "texts")]
    others = [
        subprocess.Popen([sys.executable, str(FOLLOWING), *arguments], stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    try:
        assert {process.stdout.readline().split()[0] for process in others} == {"1.0.0"}
        source = house.source()
        assert in_force(source) == "1.0.0"
        house.activate("2.0.0", "deny")

        assert {process.stdout.readline().split()[0] for process in others} == {"2.0.0"}
        assert until(lambda: source.current().decide(ACTION).verdict == "deny")
        keys = {house.key.id: house.key.public}
        house.run(lambda database: activations.rollback(database, tenant="acme", by=ADA, keys=keys))
        assert {process.stdout.readline().split()[0] for process in others} == {"1.0.0"}
    finally:
        for process in others:
            process.kill()
            process.wait()


def test_without_an_active_one_everything_is_denied(house):
    """The reason says what to do, and the first activation ends it."""
    source = house.source()
    decision = source.current().decide(ACTION)

    assert decision.verdict == "deny"
    assert "soma up" in decision.articles[0].reason
    house.activate("1.0.0")
    until(lambda: in_force(source) == "1.0.0")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("UPDATE constitutions SET text = :text WHERE version = '2.0.0'", "another text"),
        ("UPDATE constitutions SET digest = repeat('0', 64) WHERE version = '2.0.0'", "not there any more"),
        ("UPDATE constitutions SET signature = 'AAAA' WHERE version = '2.0.0'", "is not the key"),
        ("UPDATE constitutions SET key = '0123456789abcdef' WHERE version = '2.0.0'", "does not trust"),
        ("DELETE FROM constitutions WHERE version = '2.0.0'", "not there any more"),
        ("DELETE FROM activations", "names no constitution"),
    ],
)
def test_what_was_tampered_with_in_the_database_is_refused(house, caplog, change, said):
    """Who runs keeps the last valid one, who starts denies all, and both say why; mended, both go on."""
    house.activate("2.0.0")
    running = house.source()
    assert in_force(running) == "2.0.0"
    house.sql(change.replace(":text", f"'{text_of('2.0.0', 'warn')}'".replace(":", "\\:")))
    house.forget()
    until(lambda: running.problem is not None)
    starting = house.source(texts="other")
    decision = starting.current().decide(ACTION)

    assert said in running.problem.message
    assert (in_force(running), running.current().default) == ("2.0.0", "allow")
    assert decision.verdict == "deny"
    assert said in decision.articles[0].reason or "no constitution is in force" in decision.articles[0].reason
    assert "the last valid constitution stays in force" in caplog.text
    house.sql("DELETE FROM activations")
    house.sql("DELETE FROM constitutions")
    house.activate("3.0.0")
    until(lambda: in_force(running) == in_force(starting) == "3.0.0")
    assert running.problem is None


def test_a_candidate_signed_by_a_key_that_is_not_trusted_is_refused(house, tmp_path):
    """Until the key is trusted; and when its trust ends, that is told."""
    house.activate("1.0.0")
    source = house.source()
    assert in_force(source) == "1.0.0"
    eve = SigningKey.create(tmp_path / "eve.key")
    house.activate("2.0.0", key=eve)
    until(lambda: source.problem is not None)
    assert (in_force(source), "does not trust" in source.problem.message) == ("1.0.0", True)
    path = trust(house.folder / "keys", eve.public, "eve")
    until(lambda: in_force(source) == "2.0.0")
    assert source.problem is None
    path.unlink()

    until(lambda: source.problem is not None)
    assert in_force(source) == "2.0.0"


def test_a_text_that_was_tampered_with_in_valkey_is_not_taken(house, caplog):
    """It is told and thrown away, and the database's is taken."""
    version = house.activate("1.0.0")
    house.forget()
    valkey = redis.Redis.from_url(house.valkey, decode_responses=True)
    key = f"soma:constitution:text:{version.digest}"
    valkey.set(key, text_of("1.0.0", "warn"))
    source = house.source()

    assert source.current().default == "allow"
    assert "in Valkey is not the one in the database" in caplog.text
    assert valkey.get(key) == version.text


def test_a_text_that_was_tampered_with_on_disk_is_not_taken(house):
    """Neither as it is, nor when it was read before processes were forked."""
    version = house.activate("1.0.0")
    house.forget()
    folder = house.folder / "texts"
    folder.mkdir()
    (folder / f"{version.digest}.yaml").write_text(text_of("1.0.0", "warn"))
    (folder / "junk.yaml").write_bytes(b"\xff")
    read_before(folder)

    assert house.source().current().default == "allow"


def test_a_pointer_that_was_tampered_with_in_valkey_puts_nothing_in_force(house):
    """Neither a version that was never activated, nor one of long ago; it is told, and the truth put back."""
    old = house.activate("1.0.0")
    house.activate("2.0.0")
    source = house.source()
    assert in_force(source) == "2.0.0"
    valkey = redis.Redis.from_url(house.valkey, decode_responses=True)
    problems = set()

    def told():
        valkey.set("soma:constitution:acme:in-force", f"{old.digest}:")
        problems.add(source.problem and source.problem.message)
        return any(problem and "Valkey names" in problem for problem in problems)

    until(told)
    assert in_force(source) == "2.0.0"


def test_a_pointer_that_is_held_fast_delays_and_no_more(house):
    """The database is asked all the same after a while."""
    old = house.activate("1.0.0")
    source = house.source()
    assert in_force(source) == "1.0.0"
    valkey = redis.Redis.from_url(house.valkey)
    house.activate("2.0.0")

    def taken():
        valkey.set("soma:constitution:acme:in-force", f"{old.digest}:")
        return in_force(source) == "2.0.0"

    until(taken)


def test_without_valkey_the_database_suffices(house, tmp_path):
    """Activations are taken as well."""
    house.activate("1.0.0")
    source = house.source(valkey=f"unix://{tmp_path}/nowhere.sock")
    assert in_force(source) == "1.0.0"
    house.activate("2.0.0")

    until(lambda: in_force(source) == "2.0.0")


def test_without_the_database_the_last_valid_one_stays(house, monkeypatch):
    """The problem is told; who starts denies all with the reason; both go on when it is back."""
    house.activate("1.0.0")
    source = house.source()
    assert in_force(source) == "1.0.0"
    away = house.url.replace("/following?", "/nowhere_to_be_found?")
    asked = active_module.Asker._fetch

    async def gone(asker, *values):
        raise ConnectionRefusedError("nobody there")

    monkeypatch.setattr(active_module.Asker, "_fetch", gone)
    monkeypatch.setattr(active_module, "FIRST_LOOK", 0.3)
    until(lambda: source.problem is not None)
    assert in_force(source) == "1.0.0"
    assert "ConnectionRefusedError" in source.problem.message
    starting = house.source()
    reason = starting.current().decide(ACTION).articles[0].reason
    assert "does not say which constitution is in force" in reason
    monkeypatch.setattr(active_module.Asker, "_fetch", asked)
    until(lambda: in_force(starting) == "1.0.0" and source.problem is None)

    assert house.source(database=away).current().decide(ACTION).verdict == "deny"


def test_a_database_that_is_away_for_a_moment_refuses_nothing(house, monkeypatch):
    """The first decision waits until the database says what is in force."""
    house.activate("1.0.0")
    asked = active_module.Asker._fetch
    tries = []

    async def gone_at_first(asker, *values):
        tries.append(values)
        if len(tries) < 4:
            raise ConnectionRefusedError("nobody there yet")
        return await asked(asker, *values)

    monkeypatch.setattr(active_module.Asker, "_fetch", gone_at_first)

    assert in_force(house.source()) == "1.0.0"


def test_a_forked_process_follows_on_its_own(house):
    """It has what its parent had read, and takes what is activated after the fork."""
    house.activate("1.0.0")
    source = house.source()
    assert in_force(source) == "1.0.0"
    asking, telling = os.pipe()
    child = os.fork()
    if not child:
        try:
            assert in_force(source) == "1.0.0"
            os.write(telling, b"1")
            until(lambda: in_force(source) == "2.0.0")
            os._exit(0)
        finally:
            os._exit(1)
    assert os.read(asking, 1) == b"1"
    house.activate("2.0.0")

    assert os.waitpid(child, 0)[1] == 0


def test_who_changes_something_tells_the_others(house, monkeypatch):
    """A nudged process asks the database at once, and its pointer sends the others there."""
    house.activate("1.0.0")
    monkeypatch.setattr(active_module, "TRUTH", 3600.0)
    monkeypatch.setattr("blocks.constitution.standing.POINTER_LASTS", 3_600_000)
    one, other = house.source(), house.source()
    assert in_force(one) == in_force(other) == "1.0.0"
    valkey = redis.Redis.from_url(house.valkey)
    until(lambda: valkey.get("soma:constitution:acme:in-force"))
    house.activate("2.0.0")
    one.nudge()

    until(lambda: in_force(one) == in_force(other) == "2.0.0")


def test_nothing_starts_before_it_is_asked(house):
    """So a process that others are forked from may hold a source."""
    before = threading.active_count()
    house.source()

    assert threading.active_count() == before


def test_a_decision_meets_one_version_whole(house):
    """While versions come and go, each decision is of one of them, and its digest says of which."""
    digests = {"deny": parse_constitution(text_of("1.0.0", "deny"), "c").digest}
    digests["allow"] = parse_constitution(text_of("2.0.0", "allow"), "c").digest
    house.activate("1.0.0", "deny")
    source = house.source()
    wrong = []
    stop = threading.Event()

    def decide():
        while not stop.is_set():
            decision = source.current().decide(ACTION)
            if digests[decision.verdict] != decision.constitution:
                wrong.append(decision)

    threads = [threading.Thread(target=decide) for _ in range(2)]
    for thread in threads:
        thread.start()
    keys = {house.key.id: house.key.public}
    try:
        house.activate("2.0.0", "allow")
        until(lambda: in_force(source) == "2.0.0")
        house.run(lambda database: activations.rollback(database, tenant="acme", by=ADA, keys=keys))
        until(lambda: in_force(source) == "1.0.0")
    finally:
        stop.set()
        for thread in threads:
            thread.join()

    assert wrong == []


def test_the_shadow_is_followed(house):
    """It comes, and goes, and what is wrong with it leaves the one in force alone."""
    version = house.activate("1.0.0")
    source = house.source()
    assert source.shadow() is None
    keys = {house.key.id: house.key.public}
    house.run(
        lambda database: constitutions.set_shadow(
            database, tenant="acme", ref=version.digest, by=ADA, keys=keys
        )
    )
    until(lambda: source.shadow() is not None)
    assert source.shadow().digest == version.digest
    house.run(lambda database: constitutions.clear_shadow(database, tenant="acme", by=ADA))

    until(lambda: source.shadow() is None)
    assert in_force(source) == "1.0.0"

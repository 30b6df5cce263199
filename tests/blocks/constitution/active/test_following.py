"""What is activated is in force in every process soon, and stays when a server is away."""

import os
import subprocess
import sys
import threading
from pathlib import Path

import redis

from blocks.constitution import active as active_module
from blocks.constitution.decisions import Action
from blocks.constitution.document import parse_constitution
from blocks.identity import Principal
from blocks.records import constitutions

ADA = Principal(tenant="acme", name="ada", roles=frozenset({"admin"}))
ACTION = Action(stage="task", name="x", facts={})
FOLLOWING = Path(__file__).with_name("following.py")


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
        assert house.in_force(source) == "1.0.0"
        house.activate("2.0.0", "deny")

        assert {process.stdout.readline().split()[0] for process in others} == {"2.0.0"}
        assert house.until(lambda: source.current().decide(ACTION).verdict == "deny")
        house.rollback()
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
    house.until(lambda: house.in_force(source) == "1.0.0")


def test_without_valkey_the_database_suffices(house, tmp_path):
    """Activations are taken as well."""
    house.activate("1.0.0")
    source = house.source(valkey=f"unix://{tmp_path}/nowhere.sock")
    assert house.in_force(source) == "1.0.0"
    house.activate("2.0.0")

    house.until(lambda: house.in_force(source) == "2.0.0")


def test_without_the_database_the_last_valid_one_stays(house, monkeypatch):
    """The problem is told; who starts denies all with the reason; both go on when it is back."""
    house.activate("1.0.0")
    source = house.source()
    assert house.in_force(source) == "1.0.0"
    away = house.url.replace("/following?", "/nowhere_to_be_found?")
    asked = active_module.Asker._fetch

    async def gone(asker, *values):
        raise ConnectionRefusedError("nobody there")

    monkeypatch.setattr(active_module.Asker, "_fetch", gone)
    monkeypatch.setattr(active_module, "FIRST_LOOK", 0.3)
    house.until(lambda: source.problem is not None)
    assert house.in_force(source) == "1.0.0"
    assert "ConnectionRefusedError" in source.problem.message
    starting = house.source()
    reason = starting.current().decide(ACTION).articles[0].reason
    assert "does not say which constitution is in force" in reason
    monkeypatch.setattr(active_module.Asker, "_fetch", asked)
    house.until(lambda: house.in_force(starting) == "1.0.0" and source.problem is None)

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

    assert house.in_force(house.source()) == "1.0.0"


def test_a_forked_process_follows_on_its_own(house):
    """It has what its parent had read, and takes what is activated after the fork."""
    house.activate("1.0.0")
    source = house.source()
    assert house.in_force(source) == "1.0.0"
    asking, telling = os.pipe()
    child = os.fork()
    if not child:
        try:
            assert house.in_force(source) == "1.0.0"
            os.write(telling, b"1")
            house.until(lambda: house.in_force(source) == "2.0.0")
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
    assert house.in_force(one) == house.in_force(other) == "1.0.0"
    valkey = redis.Redis.from_url(house.valkey)
    house.until(lambda: valkey.get("soma:constitution:acme:in-force"))
    house.activate("2.0.0")
    one.nudge()

    house.until(lambda: house.in_force(one) == house.in_force(other) == "2.0.0")


def test_nothing_starts_before_it_is_asked(house):
    """So a process that others are forked from may hold a source."""
    before = threading.active_count()
    house.source()

    assert threading.active_count() == before


def test_a_decision_meets_one_version_whole(house):
    """While versions come and go, each decision is of one of them, and its digest says of which."""
    digests = {"deny": parse_constitution(house.text_of("1.0.0", "deny"), "c").digest}
    digests["allow"] = parse_constitution(house.text_of("2.0.0", "allow"), "c").digest
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
    try:
        house.activate("2.0.0", "allow")
        house.until(lambda: house.in_force(source) == "2.0.0")
        house.rollback()
        house.until(lambda: house.in_force(source) == "1.0.0")
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
    house.until(lambda: source.shadow() is not None)
    assert source.shadow().digest == version.digest
    house.run(lambda database: constitutions.clear_shadow(database, tenant="acme", by=ADA))

    house.until(lambda: source.shadow() is None)
    assert house.in_force(source) == "1.0.0"

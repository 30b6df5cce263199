import asyncio
import json
import threading
import time

import pytest

from blocks.records.database import Database
from blocks.records.events import add_event
from ui.gateway import tail
from ui.gateway.tail import Tail


def read(gateway, project, **headers):
    """Every server-sent event until the stream ends, as (event, id, data)."""
    found = []
    with gateway.http().stream("GET", f"/v1/projects/{project}/events", headers=headers) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        said = {}
        for line in answer.iter_lines():
            name, _, value = line.partition(":")
            if line and name:
                said[name] = value.strip()
            elif not line and said:
                found.append((said.get("event"), said.get("id"), json.loads(said["data"])))
                said = {}
    return found


@pytest.fixture
def ended(gateway):
    """A project that was planned, logged five lines and completed."""
    project = gateway.project()
    for number in range(5):
        gateway.event(project.id, number=number)
    gateway.move(project.id, "completed")
    return project.id


def test_events_come_in_order_and_end(gateway, ended):
    """The stream tells everything from the beginning, in order, and says when nothing can follow."""
    found = read(gateway, ended)

    kinds = [kind for kind, _, _ in found]
    assert kinds == ["project.state", *["log"] * 5, "project.state", "end"]
    assert [data["data"]["number"] for kind, _, data in found if kind == "log"] == [0, 1, 2, 3, 4]
    ids = [int(number) for _, number, _ in found[:-1]]
    assert ids == sorted(set(ids))
    assert found[-1][2] == {"state": "completed"}


@pytest.mark.parametrize("told", range(8))
def test_a_stream_is_taken_up_where_it_broke_off(gateway, ended, told):
    """After `Last-Event-ID` exactly the events come that were not told before."""
    everything = read(gateway, ended)
    last = everything[told - 1][1] if told else "0"
    if last is None:
        pytest.fail("only `end` has no id")

    assert read(gateway, ended, **{"Last-Event-ID": last}) == everything[told:]


def test_the_query_names_the_place_too(gateway, ended):
    """Where a header cannot be set, `after` does the same; the header wins."""
    everything = read(gateway, ended)
    answer = gateway.http().get(f"/v1/projects/{ended}/events", params={"after": everything[4][1]})

    assert answer.text.count("event: log") == 1
    assert answer.text.count("event: end") == 1


@pytest.mark.parametrize("last", ["x", "-1", "1.5", "²", str(2**63), "1" * 21])
def test_a_wrong_place_is_told(gateway, ended, last):
    """A `Last-Event-ID` that this stream never sent is a problem, not an empty stream."""
    answer = gateway.http().get(
        f"/v1/projects/{ended}/events", headers={"Last-Event-ID": last.encode("latin-1")}
    )

    assert answer.status_code == 422


def test_events_are_told_as_they_happen(gateway):
    """A follower hears of what happens while it listens, and is let go when the project ends."""
    project = gateway.project()
    heard = []

    def listen():
        heard.extend(gateway.client().follow(project.id))

    listener = threading.Thread(target=listen, daemon=True)
    listener.start()
    gateway.event(project.id, said="now")
    while len(heard) < 2 and listener.is_alive():
        time.sleep(0.02)
    gateway.move(project.id, "failed", reason="because")
    listener.join(20)

    assert [event.kind for event in heard] == ["project.state", "log", "project.state"]
    assert heard[-1].data == {"state": "failed", "reason": "because"}


def test_a_quiet_stream_shows_signs_of_life(gateway, monkeypatch):
    """While nothing happens the stream still says something, so that a dead one can be told apart."""
    monkeypatch.setattr("ui.gateway.events.HEARTBEAT", 1)
    project = gateway.project()

    with gateway.http().stream("GET", f"/v1/projects/{project.id}/events", timeout=10) as answer:
        signs = (line for line in answer.iter_lines() if line.startswith(": ping"))
        assert next(signs)


def test_events_that_commit_late_are_not_missed(gateway):
    """An event with a lower number that is committed after a higher one is told all the same."""
    project = gateway.project()

    async def race():
        database = Database(gateway.settings.database_address)
        follower = Tail(database, project.id, tenant="default").follow()
        first = await anext(follower)
        async with database.session() as slow:
            add_event(slow, project.id, "log", data={"which": "slow"})
            await slow.flush()
            async with database.session() as quick:
                add_event(quick, project.id, "log", data={"which": "quick"})
            heard = [await anext(follower)]
        heard.append(await asyncio.wait_for(anext(follower), 10))
        await follower.aclose()
        await database.close()
        return first, heard

    first, heard = asyncio.run(race())

    assert first.kind == "project.state"
    assert [event.data["which"] for event in heard] == ["quick", "slow"]
    assert heard[0].id > heard[1].id


def test_a_flood_of_events_is_told_whole(gateway, monkeypatch):
    """More events than one look takes are told all the same, each once."""
    monkeypatch.setattr(tail, "BATCH", 7)
    project = gateway.project()

    async def flood(database):
        async with database.session() as session:
            for number in range(50):
                add_event(session, project.id, "log", data={"number": number})

    gateway.records(flood)
    gateway.move(project.id, "completed")

    numbers = [data["data"]["number"] for kind, _, data in read(gateway, project.id) if kind == "log"]
    assert numbers == list(range(50))

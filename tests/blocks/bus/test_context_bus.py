"""The context bus of a project: order, history, one message for one key, and an end."""

import asyncio
import secrets
import shutil
import subprocess
import time
from contextlib import contextmanager

import pytest
from pydantic import SecretStr
from redis.asyncio import Redis

from blocks.bus.block import ContextBus
from blocks.bus.messages import Draft, Sender
from blocks.bus.stream import stream_of
from blocks.engines import valkey
from blocks.engines.folders import make_folders
from blocks.errors import BadInput, Conflict, StaleAttempt, Unavailable
from blocks.settings import load_settings


@pytest.fixture(params=["valkey_url", "debian_redis_url"])
def url(request):
    """The embedded Valkey, and Debian's Redis as a second opinion."""
    return request.getfixturevalue(request.param)


@pytest.fixture
def project():
    return f"prj_{secrets.token_hex(10)}"


def sender(node="security", *, token=1, generation=1):
    return Sender(name=f"{node}@prj", node=node, capsule=node, generation=generation, token=token)


def bus_on(url, **fields):
    return ContextBus(redis_url=SecretStr(url), **fields)


async def say(bus, project, text, *, key=None, by=None, **fields):
    draft = Draft(kind=fields.pop("kind", "finding"), text=text, **fields)
    given = key or secrets.token_hex(8)
    return await bus.publish("acme", project, draft, by or sender(), labels=("tool_output",), key=given)


def test_a_late_reader_gets_the_history_in_order_and_goes_on_from_any_place(url, project):
    """Everything that was said, as it was said, with its sender; another tenant's project has nothing."""
    bus = bus_on(url)

    async def work():
        first = await say(bus, project, "Two places run a shell.", data={"rule": "B602", "ö": [1, None]})
        await say(bus, project, "Which ones?", kind="question", by=sender("review"))
        everything = await bus.read("acme", project)
        return first, everything, await bus.read("acme", project, after=first), await bus.read("b", project)

    first, everything, later, strange = asyncio.run(work())

    assert [(m.id == first, m.kind, m.text, m.sender.node) for m in everything] == [
        (True, "finding", "Two places run a shell.", "security"),
        (False, "question", "Which ones?", "review"),
    ]
    assert everything[0].data == {"rule": "B602", "ö": [1, None]}
    assert everything[0].labels == ("tool_output",)
    assert later == everything[1:]
    assert strange == []


def test_twenty_speakers_at_once_are_all_heard_in_one_order(valkey_url, project):
    """Every reader sees the same list, whenever it reads, in pages or whole."""
    bus = bus_on(valkey_url)

    async def work():
        await asyncio.gather(*(say(bus, project, f"Number {number}") for number in range(20)))
        whole = await bus.read("acme", project)
        pages, after = [], ""
        while page := await bus.read("acme", project, after=after, limit=3):
            pages += page
            after = page[-1].id
        return whole, pages

    whole, pages = asyncio.run(work())

    assert sorted(message.text for message in whole) == sorted(f"Number {number}" for number in range(20))
    assert pages == whole


def test_the_same_key_is_the_same_message(url, project):
    """An attempt that is made again says nothing twice, also when both say it at the same time."""
    bus = bus_on(url)

    async def work():
        places = await asyncio.gather(*(say(bus, project, "Once", key="k") for _ in range(5)))
        return places, await bus.read("acme", project)

    places, found = asyncio.run(work())

    assert len(set(places)) == 1
    assert [message.text for message in found] == ["Once"]


def test_a_run_that_was_taken_over_says_nothing_any_more(url, project):
    """Once an attempt with a greater token has spoken for the node; other nodes are not touched."""
    bus = bus_on(url)

    async def work():
        await say(bus, project, "from the new run", by=sender(token=8))
        with pytest.raises(StaleAttempt, match="'security'"):
            await say(bus, project, "from the old run", by=sender(token=7))
        await say(bus, project, "from another node", by=sender("quality", token=2))
        return await bus.read("acme", project)

    assert [message.text for message in asyncio.run(work())] == ["from the new run", "from another node"]


def test_a_full_project_takes_no_more_and_keeps_its_beginning(url, project):
    """The sender is told; a message that is there already is still found."""
    bus = bus_on(url, most=2)

    async def work():
        first = await say(bus, project, "a", key="a")
        await say(bus, project, "b")
        with pytest.raises(Conflict, match="2 messages"):
            await say(bus, project, "c")
        return first, await say(bus, project, "a", key="a"), await bus.read("acme", project)

    first, again, found = asyncio.run(work())

    assert first == again
    assert [message.text for message in found] == ["a", "b"]


def test_an_answer_belongs_to_a_question_of_this_project(url, project):
    """And to nothing that was never asked."""
    bus = bus_on(url)

    async def work():
        question = await say(bus, project, "Whose is it?", kind="question")
        await say(bus, project, "Ours.", kind="answer", answers=question)
        with pytest.raises(BadInput, match="no message '1-1'"):
            await say(bus, project, "Yes.", kind="answer", answers="1-1")
        return question, await bus.read("acme", project)

    question, found = asyncio.run(work())

    assert [message.answers for message in found] == [None, question]


def test_who_waits_hears_the_next_message(url, project):
    """Without asking again and again; who waits for nothing gets nothing."""
    bus = bus_on(url)

    async def work():
        waiting = asyncio.create_task(bus.read("acme", project, wait=20))
        await asyncio.sleep(0.2)
        await say(bus, project, "Here I am")
        return await waiting, await bus.read("acme", project, after="9999999999999", wait=0.05)

    heard, nothing = asyncio.run(work())

    assert [message.text for message in heard] == ["Here I am"]
    assert nothing == []


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"text": "  "}, "is empty"),
        ({"text": "x" * 4_001}, "4,000 is the most"),
        ({"text": "a\0b"}, "NUL"),
        ({"text": "a", "data": {"b": "\0"}}, "NUL"),
        ({"text": "a", "data": ["x" * 20_001]}, "20,000 is the most"),
        ({"text": "a", "data": float("nan")}, "not JSON"),
        ({"text": "a", "kind": "order"}, "not 'order'"),
        ({"text": "a", "kind": "answer"}, "names the question"),
        ({"text": "a", "answers": "1-1"}, "names the question"),
        ({"text": "a", "kind": "answer", "answers": "yesterday"}, "not the id of a message"),
    ],
)
def test_what_is_no_message_is_not_published(valkey_url, project, fields, said):
    """With a sentence that says why."""
    bus = bus_on(valkey_url)
    text = fields.pop("text")

    async def work():
        with pytest.raises(BadInput, match=said):
            await say(bus, project, text, **fields)
        return await bus.read("acme", project)

    assert asyncio.run(work()) == []


def test_what_others_put_into_the_stream_is_left_out(valkey_url, project):
    """A strange entry hides no message."""
    bus = bus_on(valkey_url)

    async def work():
        redis = Redis.from_url(valkey_url)
        await redis.xadd(stream_of("acme", project), {"kind": "finding", "text": "half"})
        await redis.aclose()
        await say(bus, project, "whole")
        return await bus.read("acme", project)

    assert [message.text for message in asyncio.run(work())] == ["whole"]


def test_a_bus_that_is_away_is_said_to_be(project):
    """Without the address, which may hold a password."""
    bus = bus_on("redis://:hunter22@127.0.0.1:1/0")

    with pytest.raises(Unavailable, match="does not answer") as caught:
        asyncio.run(bus.read("acme", project))

    assert "hunter22" not in str(caught.value)


@pytest.mark.parametrize("after", ["-", "1-2-3", "x", "99999999999999999999-0", "1_0"])
def test_a_place_that_is_none_is_refused(valkey_url, project, after):
    """Rather than read from somewhere else."""
    with pytest.raises(BadInput, match="not the id of a message"):
        asyncio.run(bus_on(valkey_url).read("acme", project, after=after))


def test_messages_outlive_a_killed_server(tmp_path, project):
    """What was answered is in the append-only file, so the next server has it, and its order goes on."""
    settings = load_settings(data_dir=tmp_path / "hub")
    make_folders(settings)
    bus = bus_on(settings.redis_address)
    with started(settings) as server:
        first = asyncio.run(say(bus, project, "before", key="k"))
        server.kill()
    with started(settings):
        again = asyncio.run(say(bus, project, "before", key="k"))
        asyncio.run(say(bus, project, "after"))
        found = asyncio.run(bus.read("acme", project))
    shutil.rmtree(settings.runtime_path, ignore_errors=True)

    assert first == again
    assert [message.text for message in found] == ["before", "after"]


@contextmanager
def started(settings):
    """The embedded Valkey of these settings."""
    child = valkey.child(settings)
    asyncio.run(child.before())
    process = subprocess.Popen(child.command, env=dict(child.environment), stdin=subprocess.DEVNULL)
    try:
        while not asyncio.run(child.ready()):
            assert process.poll() is None
            time.sleep(0.05)
        yield process
    finally:
        process.kill()
        process.wait()

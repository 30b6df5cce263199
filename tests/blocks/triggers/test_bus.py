"""The bus: each message is taken in, also when its first reader dies."""

import asyncio

import pytest
from redis.asyncio import Redis

from blocks.errors import BadInput
from blocks.triggers import bus


def with_redis(url, work):
    async def whole():
        redis = Redis.from_url(url)
        try:
            return await work(redis)
        finally:
            await redis.aclose()

    return asyncio.run(whole())


def test_messages_come_once_to_one_of_several_readers(valkey_url):
    """What was published before anybody listened is read too, in order; two readers share the messages."""
    heard = []

    async def hear(place, event):
        heard.append((event["topic"], event["data"], event["project"]))

    async def work(redis):
        for number in range(3):
            await bus.publish(redis, "once", "a.b", {"n": number}, project="prj_1")
        await asyncio.gather(*(bus.read(redis, "once", f"r{n}", hear, wait=50) for n in range(2)))
        return await bus.read(redis, "once", "r0", hear, wait=50)

    left = with_redis(valkey_url, work)

    assert sorted(heard, key=str) == [("a.b", {"n": number}, "prj_1") for number in range(3)]
    assert left == 0


def test_a_message_whose_reader_failed_is_read_again_with_the_same_place(valkey_url, monkeypatch):
    """Nothing is acknowledged before it was taken in; the place is what makes the second time no news."""
    monkeypatch.setattr(bus, "IDLE", 0)
    places = []

    async def fail(place, event):
        if event["topic"] == "a":
            places.append(place)
            raise OSError("the database is away")

    async def hear(place, event):
        places.append(place)

    async def work(redis):
        await bus.publish(redis, "again", "a", None)
        await bus.publish(redis, "again", "behind", None)
        with pytest.raises(OSError, match="away"):
            await bus.read(redis, "again", "first", fail, wait=50)
        return await bus.read(redis, "again", "second", hear, wait=50)

    assert with_redis(valkey_url, work) == 1
    assert len(places) == 2
    assert len(set(places)) == 1


def test_what_is_no_message_is_refused_or_passed_over(valkey_url):
    """A wrong topic and data that is no JSON are the sender's mistake; strange entries hold up nobody."""
    heard = []

    async def hear(place, event):
        heard.append(event["topic"])

    async def work(redis):
        for topic, data in (("No Topic", 1), ("a", float("nan")), ("a", "x" * bus.LARGEST), ("a", object())):
            with pytest.raises(BadInput):
                await bus.publish(redis, "odd", topic, data)
        await redis.xadd(bus.stream_of("odd"), {"strange": "entry"})
        await redis.xadd(bus.stream_of("odd"), {"topic": "a", "data": "{"})
        await bus.publish(redis, "odd", "good", {})
        return await bus.read(redis, "odd", "r", hear, wait=50)

    assert with_redis(valkey_url, work) == 3
    assert heard == ["good"]

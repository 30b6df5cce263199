"""The context bus over HTTP."""

import asyncio

import pytest

from blocks.bus.block import local_bus
from blocks.bus.messages import Draft, Sender
from blocks.errors import BadInput, NotFound


@pytest.fixture
def gateway(serve, valkey_url):
    """A gateway whose bus is there."""
    with serve(redis_url=valkey_url) as served:
        yield served


def test_people_read_what_the_steps_have_said(gateway):
    """In order, page by page, with sender and labels; of their own tenant's projects alone."""
    mine, other = gateway.project(), gateway.project(tenant="other")
    sender = Sender(name="quality@prj", node="first", capsule="quality", generation=2, token=7)

    async def say(tenant, project, number):
        draft = Draft(kind="finding", text=f"Finding {number}", data={"n": number})
        bus = local_bus(gateway.settings)
        return await bus.publish(tenant, project, draft, sender, labels=["web_content"], key=str(number))

    for number in range(3):
        asyncio.run(say("default", mine.id, number))
    asyncio.run(say("other", other.id, 0))

    with gateway.client() as client:
        first = client.messages(mine.id, limit=2)
        rest = client.messages(mine.id, after=first[-1].id)
        with pytest.raises(NotFound):
            client.messages(other.id)
        with pytest.raises(BadInput, match="not the id of a message"):
            client.messages(mine.id, after="yesterday")

    assert [message.text for message in [*first, *rest]] == ["Finding 0", "Finding 1", "Finding 2"]
    assert (first[0].sender, first[0].node, first[0].generation) == ("quality@prj", "first", 2)
    assert (first[0].data, first[0].labels) == ({"n": 0}, ["web_content"])

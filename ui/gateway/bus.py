"""The bus over HTTP: whoever may, puts a message on the tenant's stream; triggers are there to hear it."""

from typing import Annotated

from fastapi import APIRouter, Path, Request
from redis.exceptions import RedisError

from blocks.errors import Unavailable
from blocks.triggers.bus import publish
from ui.gateway.auth import CurrentPrincipal
from ui.gateway.hub import CurrentHub
from ui.gateway.permits import asker, permit
from ui.wire_triggers import Message, Published

router = APIRouter(prefix="/v1/bus", tags=["triggers"])
Topic = Annotated[str, Path(max_length=120)]


@router.post("/{topic}", status_code=202)
async def publish_message(
    topic: Topic, asked: Message, request: Request, hub: CurrentHub, principal: CurrentPrincipal
) -> Published:
    """Put a message on the bus, if the constitution allows it; it is there when this is answered."""
    facts = {"message": {"topic": topic, "payload": asked.data}}
    context = asker(hub, principal, environment=hub.settings.environment)
    await permit(context, "bus.publish", topic, facts, {"payload": asked.data}, effect=True)
    try:
        redis, project = request.app.state.triggering.redis, context.project
        place = await publish(redis, principal.tenant, topic, asked.data, project=project)
    except (RedisError, OSError) as error:
        raise Unavailable(f"the bus does not answer: {error}") from None
    return Published(id=place)

"""Telling people: notices find their routes and go out, as governed actions, until they were taken.

Any number of gateways may do it at once; what one that dies had in hand, another sends again.
"""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from blocks.errors import Refusal
from blocks.identity import Principal
from blocks.keys import SigningKey
from blocks.notifications.messages import OPEN, Message, message_of, people_of, with_link
from blocks.notifications.routes import Route, Routes
from blocks.notifications.sending import NotSent, send
from blocks.questions.links import token_of
from blocks.records.answer_links import link_for, route_people
from blocks.records.approvals import get_approval
from blocks.records.notice_tables import Delivery, Notice
from blocks.records.notices import notices_to_spread, put_off, settle_delivery, spread, take_due
from blocks.records.projects import get_project
from blocks.records.tables import Approval, now
from ui.gateway.background import beside, every
from ui.gateway.hub import Hub
from ui.gateway.permits import asker, permit

EVERY = 1.0
"""Seconds between two looks."""
AT_ONCE = 4
"""Messages on their way at the same time; a service that hangs holds up no more than these."""
SECONDS = 45.0
"""How long one message may take; then it counts as not sent."""
TELLER = "soma"
"""Whose action a notice is: the hub's own."""
logger = logging.getLogger("soma.gateway")


@asynccontextmanager
async def notifying(hub: Hub) -> AsyncIterator[None]:
    """Send what there is to be sent for as long as the caller is inside."""
    async with beside(every(EVERY, Notices(hub).look, "notices wait")):
        yield


class Notices:
    """The gateway's part in telling people."""

    def __init__(self, hub: Hub) -> None:
        self.hub = hub
        self.database = hub.database
        self.routes = Routes(hub.drivers)

    async def look(self) -> None:
        """Do what there is to do now."""
        await self.spread()
        await self.send_due()

    async def spread(self) -> int:
        """Find the routes of new notices; while Prefect does not tell them, the notices wait."""
        found = await notices_to_spread(self.database)
        for notice in found:
            approval = await self._approval(notice)
            people = people_of(notice, approval)
            routes = [
                route
                for route in (await self.routes.all()).values()
                if route.tenant == notice.tenant and route.takes(notice.kind, people)
            ]
            await spread(self.database, notice.id, [item for route in routes for item in route.addresses()])
        return len(found)

    async def send_due(self) -> int:
        """Send what is due; what was not taken is tried again later."""
        due = await take_due(self.database)
        places = asyncio.Semaphore(AT_ONCE)

        async def one(delivery: Delivery, notice: Notice) -> None:
            async with places:
                await self._see_to(delivery, notice)

        await asyncio.gather(*(one(delivery, notice) for delivery, notice in due))
        return len(due)

    async def _see_to(self, delivery: Delivery, notice: Notice) -> None:
        try:
            route = (await self.routes.all()).get(delivery.route)
            url = route.url(delivery.address) if route is not None else None
            if route is None or url is None:
                await settle_delivery(self.database, delivery.id, "given_up", "the route has it no more")
                return
            approval = await self._approval(notice)
            if approval is not None and notice.kind in OPEN and approval.state != "pending":
                await settle_delivery(self.database, delivery.id, "needless", f"it was {approval.state}")
                return
            message = await self._permitted(notice, approval, route)
            async with asyncio.timeout(SECONDS):
                await asyncio.to_thread(send, url, message.subject, message.body)
        except Refusal as refusal:
            await settle_delivery(self.database, delivery.id, "refused", refusal.message)
        except (NotSent, TimeoutError) as error:
            reason = error.message if isinstance(error, NotSent) else f"no answer in {SECONDS:g} seconds"
            state = await put_off(self.database, delivery, notice, reason)
            logger.warning("notice %s to %s: %s: %s", notice.id, delivery.route, state, reason)
        else:
            await settle_delivery(self.database, delivery.id, "sent")

    async def _permitted(self, notice: Notice, approval: Approval | None, route: Route) -> Message:
        """The message, once the constitution lets it out; the link is added afterwards: it is a secret."""
        project = await get_project(self.database, notice.project)
        message = message_of(notice, project, approval)
        person = await self._person(notice, route)
        told = {"channel": route.name, "recipients": [person] if person else []}
        told |= {"subject": message.subject, "body": message.body}
        teller = Principal(tenant=notice.tenant, name=TELLER, kind="service")
        context = asker(self.hub, teller, project=notice.project, environment=self.hub.settings.environment)
        action = f"hub.{notice.kind}"
        await permit(context, "notification", action, {"notification": told}, told, effect=True)
        if person is None or approval is None or notice.kind not in OPEN:
            return message
        link = await link_for(self.database, approval, person)
        key = await asyncio.to_thread(SigningKey.ensure, self.hub.settings.keys_path)
        address = f"{self.hub.settings.people_url}/v1/answers/{token_of(key, link)}"
        return with_link(message, address, (link.expires_at - now()).total_seconds() / 3600)

    async def _person(self, notice: Notice, route: Route) -> str | None:
        """Whose the route is, if an administrator has said so of the addresses that it has now."""
        said = (await route_people(self.database, notice.tenant)).get(route.name)
        return said.person if said is not None and said.addresses_sha256 == route.sha256 else None

    async def _approval(self, notice: Notice) -> Approval | None:
        return await get_approval(self.database, notice.approval) if notice.approval else None

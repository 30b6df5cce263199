"""What people were told, by which routes; and whose a route is."""

from typing import Annotated

from fastapi import APIRouter, Query

from blocks.errors import NotFound
from blocks.notifications.routes import Route, Routes
from blocks.records.answer_links import forget_person, principal_named, route_people, say_person
from blocks.records.notice_tables import RoutePerson
from blocks.records.notices import list_deliveries
from ui.gateway.auth import CurrentPrincipal
from ui.gateway.hub import CurrentHub, Hub
from ui.wire_notifications import DeliveryView, PersonAsked, RouteView

router = APIRouter(prefix="/v1/notifications", tags=["notifications"])


@router.get("")
async def deliveries(
    hub: CurrentHub,
    principal: CurrentPrincipal,
    project: Annotated[str | None, Query(max_length=100)] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> list[DeliveryView]:
    """The newest messages of the tenant and how far they are."""
    found = await list_deliveries(hub.database, principal.tenant, project=project, limit=limit)
    return [
        DeliveryView(
            **delivery.model_dump(include={"id", "route", "state", "tries", "next_at", "error", "sent_at"}),
            notice=notice.id,
            kind=notice.kind,
            project=notice.project,
            approval=notice.approval,
        )
        for delivery, notice in found
    ]


@router.get("/routes")
async def routes(hub: CurrentHub, principal: CurrentPrincipal) -> list[RouteView]:
    """The tenant's routes, without their addresses."""
    people = await route_people(hub.database, principal.tenant)
    found = await _routes(hub, principal.tenant)
    return [_view(route, people.get(name)) for name, route in sorted(found.items())]


@router.put("/routes/{name}/person")
async def say_whose(name: str, asked: PersonAsked, hub: CurrentHub, principal: CurrentPrincipal) -> RouteView:
    """From now on the route's questions carry links that answer as this person, while its addresses stay."""
    route = (await _routes(hub, principal.tenant)).get(name)
    if route is None:
        raise NotFound(f"there is no notification route {name!r}; make the block in Prefect first")
    await principal_named(hub.database, principal.tenant, asked.person)
    said = RoutePerson(
        tenant=principal.tenant,
        route=name,
        person=asked.person,
        addresses_sha256=route.sha256,
        said_by=principal.name,
    )
    await say_person(hub.database, said)
    return _view(route, said)


@router.delete("/routes/{name}/person", status_code=204)
async def forget_whose(name: str, hub: CurrentHub, principal: CurrentPrincipal) -> None:
    """From now on the route's messages carry no links."""
    if not await forget_person(hub.database, principal.tenant, name, by=principal.name):
        raise NotFound(f"nobody has said whose the route {name!r} is")


async def _routes(hub: Hub, tenant: str) -> dict[str, Route]:
    found = await Routes(hub.drivers).all()
    return {name: route for name, route in found.items() if route.tenant == tenant}


def _view(route: Route, said: RoutePerson | None) -> RouteView:
    return RouteView(
        name=route.name,
        tenant=route.tenant,
        kinds=sorted(route.kinds),
        who=sorted(route.who),
        enabled=route.enabled,
        addresses=len(route.urls),
        person=said.person if said else None,
        confirmed=said is not None and said.addresses_sha256 == route.sha256,
    )

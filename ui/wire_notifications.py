"""Notifications as the gateway and its clients speak of them; addresses are never told."""

from datetime import datetime

from pydantic import Field

from ui.wire import Asked, Said


class RouteView(Said):
    """Where notifications go, without the addresses."""

    name: str
    tenant: str
    kinds: list[str]
    who: list[str]
    enabled: bool
    addresses: int
    """How many there are."""
    person: str | None
    """Whose it is: messages carry links that answer as this person."""
    confirmed: bool
    """Whether the addresses are still those that an administrator has looked at."""


class PersonAsked(Asked):
    """Whose a route is."""

    person: str = Field(min_length=1, max_length=63)


class DeliveryView(Said):
    """One message on its way, or how that ended."""

    id: str
    notice: str
    kind: str
    project: str
    approval: str | None
    route: str
    state: str
    tries: int
    next_at: datetime
    error: str | None
    sent_at: datetime | None

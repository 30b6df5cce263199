"""Concurrency limits as the gateway and its clients speak of them."""

from pydantic import Field

from ui.wire import Asked, Said


class Limit(Said):
    """How many attempts that take a place of it may be at work at once, and how many are."""

    name: str
    """`tenant:NAME`, `capsule:NAME` or `resource:NAME`."""
    most: int
    taken: int
    waiting: int
    """How many projects stand in its queue."""


class MostAsked(Asked):
    """A limit to be set."""

    most: int = Field(ge=0, le=1_000_000)

"""Control of projects as the gateway and its clients speak of it."""

from datetime import datetime
from typing import Any, Self

from pydantic import AwareDatetime, Field, JsonValue, model_validator

from ui.wire import Asked, Project, Said


class Wish(Asked):
    """Why somebody pauses, resumes or cancels a project."""

    reason: str = Field(default="", max_length=1000)


class RerunAsked(Wish):
    """A wish that a node, and all that stands on it, be done anew."""

    node: str = Field(min_length=1, max_length=200)
    inputs: dict[str, JsonValue] = Field(default_factory=dict)
    """Those of the node's inputs that are to be other ones."""


class ForkAsked(Wish):
    """A wish for a new project that goes on from what this one has recorded."""

    node: str | None = Field(default=None, min_length=1, max_length=200)
    """From it on everything is done anew; without it, what has not completed."""
    at: int | None = Field(default=None, ge=0)
    """The number of an event: what was recorded later is not taken over."""
    inputs: dict[str, JsonValue] = Field(default_factory=dict)
    title: str | None = Field(default=None, min_length=1, max_length=200)


class DeadlineAsked(Asked):
    """Until when a project has to have ended; neither field: no deadline."""

    at: AwareDatetime | None = None
    seconds: float | None = Field(default=None, gt=0, le=366 * 86_400)
    """From now."""

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if self.at is not None and self.seconds is not None:
            raise ValueError("give `at` or `seconds`, not both")
        return self


class Controlled(Project):
    """A project with what people want of it."""

    control: str
    """`run`, `pause` or `cancel`."""
    control_by: str | None
    control_reason: str | None
    control_at: datetime | None
    deadline_at: datetime | None
    wake_at: datetime | None
    priority: int
    origin: dict[str, Any] | None


class Rerun(Controlled):
    """A project of which nodes are done anew."""

    reset: list[str]
    """Those nodes, in the order of the plan."""


class Forked(Controlled):
    """A project that was made from another one."""

    carried: list[str]
    """The nodes whose results it took over."""


class Attempt(Said):
    """One try at a node."""

    number: int
    generation: int
    state: str
    runtime: str
    reason: str | None
    flow_run: str | None
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None


class Former(Said):
    """What a node had come to before it was done anew."""

    generation: int
    state: str
    attempt: int
    reason: str | None
    result: dict[str, Any] | None
    by: str
    at: datetime
    event: int
    """The number of the event that tells of it; what a fork `at` the one before takes over."""


class NodeHistory(Said):
    """A node with all that was tried at it."""

    project: str
    node: str
    title: str
    capsule: str
    version: str
    state: str
    generation: int
    reason: str | None
    result: dict[str, Any] | None
    inputs: dict[str, Any]
    """As planned, or as changed since: values, and references to results."""
    attempts: list[Attempt]
    former: list[Former]

"""Triggers as the gateway and its clients speak of them."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import Field, JsonValue, model_validator

from ui.wire import Asked, Said

Kind = Literal["schedule", "webhook", "project", "memory", "bus"]
State = Literal["completed", "failed", "denied", "cancelled"]
Pattern = Annotated[str, Field(min_length=1, max_length=120)]


class ScheduleSource(Asked):
    """By the clock: one of `cron` and `interval`."""

    cron: str | None = Field(default=None, min_length=5, max_length=200)
    interval: float | None = Field(default=None, ge=1, le=366 * 86400)
    """Seconds."""
    timezone: str = Field(default="UTC", max_length=60)

    @model_validator(mode="after")
    def _is_one(self) -> "ScheduleSource":
        if (self.cron is None) == (self.interval is None):
            raise ValueError("a schedule has either `cron` or `interval`")
        return self


class ProjectSource(Asked):
    """The end of another project."""

    states: list[State] = Field(default=["completed"], min_length=1)
    blueprint: Pattern | None = None
    """Its blueprint, as a name or a pattern such as `*-audit`."""


class MemorySource(Asked):
    """A memory that was kept."""

    scope: Pattern = "*"
    labels: list[Pattern] = Field(default=[], max_length=20)


class BusSource(Asked):
    """A message on the tenant's bus."""

    topic: Pattern


class WebhookSource(Asked):
    """A signed request; there is nothing to choose."""


class NewTrigger(Asked):
    """A request for a trigger."""

    name: str = Field(min_length=1, max_length=63)
    blueprint: str = Field(min_length=1, max_length=100)
    inputs: dict[str, JsonValue] = Field(default_factory=dict)
    """The blueprint's answers; `{"$event": "dotted.path"}` stands for a part of the event."""
    condition: str | None = Field(default=None, min_length=1, max_length=2000)
    catch_up: Literal["skip", "latest", "all"] = "latest"
    schedule: ScheduleSource | None = None
    webhook: WebhookSource | None = None
    project: ProjectSource | None = None
    memory: MemorySource | None = None
    bus: BusSource | None = None

    @model_validator(mode="after")
    def _has_one_source(self) -> "NewTrigger":
        if len(self.sources()) != 1:
            raise ValueError("a trigger has exactly one of schedule, webhook, project, memory and bus")
        return self

    def sources(self) -> dict[Kind, Asked]:
        """What was given of the kinds."""
        given: dict[Kind, Asked | None] = {
            "schedule": self.schedule,
            "webhook": self.webhook,
            "project": self.project,
            "memory": self.memory,
            "bus": self.bus,
        }
        return {kind: source for kind, source in given.items() if source is not None}


class Trigger(Said):
    """A trigger as it is listed."""

    id: str
    name: str
    kind: str
    blueprint: str
    inputs: dict[str, Any]
    source: dict[str, Any]
    condition: str | None
    catch_up: str
    active: bool
    created_by: str
    created_at: datetime
    deployment: str | None
    """The id of the Prefect deployment that has its schedule."""


class Delivery(Said):
    """One event and what became of it."""

    id: str
    event: str
    state: str
    reason: str | None
    inputs: dict[str, Any]
    flow_run: str | None
    project: str | None
    tries: int
    received_at: datetime


class TriggerDetail(Trigger):
    """A trigger with its newest events."""

    deliveries: list[Delivery]


class MadeTrigger(Trigger):
    """A trigger just made or renewed, with what its senders must know and is told once."""

    secret: str | None = None
    path: str | None = None
    """Where a webhook's events are posted."""


class TestEvent(Asked):
    """An event made up to try a trigger."""

    __test__ = False
    event: dict[str, JsonValue] = Field(default_factory=dict)


class Received(Said):
    """What became of a webhook's event."""

    delivery: str
    state: str
    reason: str | None
    project: str | None
    """The id that its project has or will have."""


class Message(Asked):
    """A message for the bus."""

    data: JsonValue = None


class Published(Said):
    """A message that is on the bus."""

    id: str

"""The tables of triggers: what starts blueprints, what happened, and what was started for it."""

from datetime import datetime
from typing import Any, Literal

from sqlalchemy import BigInteger, Column, DateTime, Index, Text, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

from blocks.records.tables import new_id, now

TriggerKind = Literal["schedule", "webhook", "project", "memory", "bus"]
CatchUp = Literal["skip", "latest", "all"]
DeliveryState = Literal["received", "started", "ignored", "refused", "failed"]
"""`received` until its project is planned; `ignored` when the trigger's condition was not met."""


def _moment(*, nullable: bool = True) -> Any:
    return Field(default=None, sa_type=DateTime(timezone=True), nullable=nullable)


def _created() -> Any:
    return Field(default_factory=now, sa_type=DateTime(timezone=True), nullable=False)


def _json() -> Any:
    return Field(default_factory=dict, sa_type=JSONB, nullable=False)


class Trigger(SQLModel, table=True):
    """What starts a blueprint without a person."""

    __tablename__ = "triggers"
    __table_args__ = (
        Index("trigger_names", "tenant", "name", unique=True, postgresql_where=text("removed_at IS NULL")),
        Index("triggers_of_kind", "kind", "tenant", postgresql_where=text("removed_at IS NULL")),
    )
    id: str = Field(default_factory=lambda: new_id("trg"), primary_key=True)
    tenant: str = Field(foreign_key="tenants.id")
    name: str
    kind: str
    blueprint: str
    inputs: dict[str, Any] = _json()
    """The blueprint's answers; `{"$event": "dotted.path"}` stands for a part of the event."""
    source: dict[str, Any] = _json()
    """Which events: `{cron | interval, timezone}`, `{states, blueprint}`, `{scope, labels}` or `{topic}`."""
    condition: str | None = Field(default=None, sa_type=Text)
    """A condition over `event`; what does not fulfil it starts nothing."""
    catch_up: str = "latest"
    """What is done about the times of a schedule at which nothing could run."""
    salt: str | None = None
    """With the hub's key it gives the webhook's secret, which itself is kept nowhere."""
    deployment: str | None = None
    """The id of the Prefect deployment that has the schedule."""
    active: bool = True
    created_by: str
    created_at: datetime = _created()
    removed_at: datetime | None = _moment()


class Delivery(SQLModel, table=True):
    """One event for one trigger: it starts one project at most, whatever is killed meanwhile."""

    __tablename__ = "trigger_deliveries"
    __table_args__ = (
        Index("event_delivered_once", "trigger", "event", unique=True),
        Index("deliveries_to_start", "next_at", postgresql_where=text("state = 'received'")),
    )
    id: str = Field(default_factory=lambda: new_id("dlv"), primary_key=True)
    trigger: str = Field(foreign_key="triggers.id")
    event: str
    """Names the event for ever: the sender's id, a project and how it ended, a message's place."""
    state: str = "received"
    reason: str | None = Field(default=None, sa_type=Text)
    inputs: dict[str, Any] = _json()
    origin: dict[str, Any] = _json()
    """What its project will say of where it came from."""
    flow_run: str | None = None
    project: str | None = None
    tries: int = 0
    next_at: datetime = _created()
    """When it is looked at again."""
    received_at: datetime = _created()
    ended_at: datetime | None = _moment()


class Happening(SQLModel, table=True):
    """Something that triggers and Prefect are still to be told; written with what it tells of."""

    __tablename__ = "happenings"
    id: int | None = Field(default=None, sa_column=Column(BigInteger, primary_key=True, autoincrement=True))
    kind: str
    """`project` or `memory`."""
    subject: str
    """The project's id, or the memory's."""
    tenant: str | None = None
    data: dict[str, Any] = _json()
    fanned: bool = False
    """Whether every trigger has its delivery; what is left is to tell Prefect."""
    at: datetime = _created()

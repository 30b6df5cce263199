"""The tables of what people are told: notices, their deliveries, and links to answer by."""

from datetime import datetime
from typing import Any

from sqlalchemy import DateTime, Index, Text, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

from blocks.records.tables import new_id, now


def _moment(*, nullable: bool = True) -> Any:
    return Field(default=None, sa_type=DateTime(timezone=True), nullable=nullable)


class Notice(SQLModel, table=True):
    """Something that people are to be told, written in the transaction that made it so."""

    __tablename__ = "notices"
    __table_args__ = (
        Index("notices_to_spread", "id", postgresql_where=text("spread_at IS NULL")),
        Index("notices_of_project", "project"),
    )
    id: str = Field(default_factory=lambda: new_id("ntc"), primary_key=True)
    tenant: str = Field(foreign_key="tenants.id")
    project: str = Field(foreign_key="projects.id")
    approval: str | None = Field(default=None, foreign_key="approvals.id")
    kind: str
    """`asked`, `reminder`, `escalated`, `decided` or `ended`."""
    data: dict[str, Any] = Field(default_factory=dict, sa_type=JSONB, nullable=False)
    at: datetime = Field(default_factory=now, sa_type=DateTime(timezone=True), nullable=False)
    spread_at: datetime | None = _moment()
    """When its deliveries were written, one for each address of each route that takes it."""


class Delivery(SQLModel, table=True):
    """One notice on its way to one address; the address itself is kept in Prefect's block alone."""

    __tablename__ = "deliveries"
    __table_args__ = (
        Index("delivered_once", "notice", "route", "address", unique=True),
        Index("deliveries_due", "next_at", postgresql_where=text("state = 'pending'")),
    )
    id: str = Field(default_factory=lambda: new_id("dlv"), primary_key=True)
    notice: str = Field(foreign_key="notices.id")
    route: str
    """The name of the block."""
    address: str
    """The first 16 hex digits of the SHA-256 of the address."""
    state: str = "pending"
    """`pending`, `sent`, `refused` (by the constitution), `needless` (answered before it went out) or
    `given_up`."""
    tries: int = 0
    next_at: datetime = Field(default_factory=now, sa_type=DateTime(timezone=True), nullable=False)
    error: str | None = Field(default=None, sa_type=Text)
    sent_at: datetime | None = _moment()


class AnswerLink(SQLModel, table=True):
    """A link by which one person may answer one question once."""

    __tablename__ = "answer_links"
    __table_args__ = (Index("link_of_person", "approval", "person", "action_digest"),)
    id: str = Field(default_factory=lambda: new_id("lnk"), primary_key=True)
    tenant: str = Field(foreign_key="tenants.id")
    approval: str = Field(foreign_key="approvals.id")
    person: str
    action_digest: str
    made_at: datetime = Field(default_factory=now, sa_type=DateTime(timezone=True), nullable=False)
    expires_at: datetime = _moment(nullable=False)
    used_at: datetime | None = _moment()


class RoutePerson(SQLModel, table=True):
    """Whose route it is, as an administrator says: its messages carry links that answer as this person."""

    __tablename__ = "route_people"
    tenant: str = Field(foreign_key="tenants.id", primary_key=True)
    route: str = Field(primary_key=True)
    person: str
    addresses_sha256: str
    """Over the addresses that the route had then; when they change, it is to be said anew."""
    said_by: str
    said_at: datetime = Field(default_factory=now, sa_type=DateTime(timezone=True), nullable=False)

"""The tables of constitutions: published versions, which is in force, replays, shadows, and tokens."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Column, DateTime, Index, Text, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

from blocks.records.tables import new_id, now


class ConstitutionVersion(SQLModel, table=True):
    """One published version: it never changes, and its digest names it."""

    __tablename__ = "constitutions"
    __table_args__ = (Index("constitution_versions", "tenant", "name", "version", unique=True),)
    tenant: str = Field(foreign_key="tenants.id", primary_key=True)
    digest: str = Field(primary_key=True)
    name: str
    version: str
    text: str = Field(sa_type=Text)
    key: str
    """The id of the key that signed it."""
    signature: str
    published_by: str
    published_at: datetime = Field(default_factory=now, sa_type=DateTime(timezone=True), nullable=False)


class Activation(SQLModel, table=True):
    """One step in the history of what is in force; the newest that is done counts."""

    __tablename__ = "activations"
    __table_args__ = (
        Index("activations_of_tenant", "tenant", "id"),
        Index(
            "one_activation_waits",
            "tenant",
            unique=True,
            postgresql_where=text("state = 'waiting'"),
        ),
    )
    id: int | None = Field(default=None, sa_column=Column(BigInteger, primary_key=True, autoincrement=True))
    tenant: str = Field(foreign_key="tenants.id")
    digest: str
    kind: str = "activate"
    """`activate` or `rollback`."""
    state: str = "done"
    """`waiting` for a second person, `done`, or `withdrawn`."""
    replay: str | None = None
    """The replay that was looked at before."""
    asked_by: str
    asked_at: datetime = Field(default_factory=now, sa_type=DateTime(timezone=True), nullable=False)
    done_by: str | None = None
    """The second person, or the one who asked where none is needed."""
    done_at: datetime | None = Field(default=None, sa_type=DateTime(timezone=True))
    reason: str = Field(default="", sa_type=Text)


class Shadow(SQLModel, table=True):
    """The candidate that is evaluated beside the constitution in force; at most one a tenant."""

    __tablename__ = "shadows"
    tenant: str = Field(foreign_key="tenants.id", primary_key=True)
    digest: str
    since: datetime = Field(default_factory=now, sa_type=DateTime(timezone=True), nullable=False)
    started_by: str


class Replay(SQLModel, table=True):
    """What recorded history would have been under a candidate."""

    __tablename__ = "replays"
    __table_args__ = (Index("replays_of_tenant", "tenant", "digest", "at"),)
    id: str = Field(default_factory=lambda: new_id("rpl"), primary_key=True)
    tenant: str = Field(foreign_key="tenants.id")
    digest: str
    """The candidate's."""
    since: datetime = Field(sa_type=DateTime(timezone=True))
    at: datetime = Field(default_factory=now, sa_type=DateTime(timezone=True), nullable=False)
    made_by: str
    looked_at_by: list[str] = Field(default_factory=list, sa_type=JSONB, nullable=False)
    report: dict[str, Any] = Field(default_factory=dict, sa_type=JSONB, nullable=False)


class Token(SQLModel, table=True):
    """A bearer token, known by its hash only."""

    __tablename__ = "tokens"
    __table_args__ = (Index("tokens_by_hash", "sha256", unique=True),)
    id: str = Field(default_factory=lambda: new_id("tok"), primary_key=True)
    tenant: str = Field(foreign_key="tenants.id")
    sha256: str
    principal: str
    roles: list[str] = Field(default_factory=list, sa_type=JSONB, nullable=False)
    created_by: str
    created_at: datetime = Field(default_factory=now, sa_type=DateTime(timezone=True), nullable=False)
    expires_at: datetime | None = Field(default=None, sa_type=DateTime(timezone=True))
    revoked_at: datetime | None = Field(default=None, sa_type=DateTime(timezone=True))
    prefix: str | None = None
    """The first letters of the token, by which its owner tells it from others."""
    used_at: datetime | None = Field(default=None, sa_type=DateTime(timezone=True))
    """When it was last used, to about a minute."""

"""The tables of people: users, their sessions, and how often somebody tried to sign in."""

from datetime import datetime
from typing import Any

from sqlalchemy import DateTime, ForeignKeyConstraint, Index
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

from blocks.records.tables import new_id, now


def _moment(*, nullable: bool = True) -> Any:
    return Field(default=None, sa_type=DateTime(timezone=True), nullable=nullable)


def _created() -> Any:
    return Field(default_factory=now, sa_type=DateTime(timezone=True), nullable=False)


class User(SQLModel, table=True):
    """A person of a tenant who may sign in."""

    __tablename__ = "users"
    tenant: str = Field(foreign_key="tenants.id", primary_key=True)
    name: str = Field(primary_key=True)
    password: str
    """The argon2id hash, with its salt and its costs."""
    one_time_until: datetime | None = _moment()
    """Until when a password that an admin gave is good for one sign-in; None for one of the user's own."""
    roles: list[str] = Field(default_factory=list, sa_type=JSONB, nullable=False)
    created_by: str
    created_at: datetime = _created()
    signed_in_at: datetime | None = _moment()
    disabled_at: datetime | None = _moment()


class SignIn(SQLModel, table=True):
    """One session of a user; its refresh tokens are known by their hashes only."""

    __tablename__ = "sign_ins"
    __table_args__ = (
        ForeignKeyConstraint(["tenant", "user"], ["users.tenant", "users.name"]),
        Index("sign_ins_of_user", "tenant", "user"),
        Index("sign_ins_by_current", "current_sha256", unique=True),
        Index("sign_ins_by_previous", "previous_sha256"),
    )
    id: str = Field(default_factory=lambda: new_id("sgn"), primary_key=True)
    tenant: str
    user: str
    current_sha256: str
    """Of the refresh token that is good now."""
    previous_sha256: str | None = None
    """Of the one before, which an answer that was lost may still make somebody use."""
    rotated_at: datetime = _created()
    created_at: datetime = _created()
    expires_at: datetime = _moment(nullable=False)
    ended_at: datetime | None = _moment()
    ended_by: str | None = None


class SignInTries(SQLModel, table=True):
    """How often a name, or an address, failed to sign in lately; for names that do not exist as well."""

    __tablename__ = "sign_in_tries"
    key: str = Field(primary_key=True)
    """SHA-256, hex: what people type into the field of the name may be a password."""
    failures: int = 0
    blocked_until: datetime | None = _moment()
    at: datetime = _created()

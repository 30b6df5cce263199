"""The table of sessions: what people have answered before there is a project."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import DateTime, Index, Text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

from blocks.records.tables import new_id, now

KEPT = timedelta(days=90)
"""How long a session is kept after somebody has last worked on it."""


def _moment() -> Any:
    return Field(default_factory=now, sa_type=DateTime(timezone=True), nullable=False)


def _json(kind: type = dict) -> Any:
    return Field(default_factory=kind, sa_type=JSONB, nullable=False)


class WizardSession(SQLModel, table=True):
    """One person's way from a request to a project; nobody else sees it."""

    __tablename__ = "wizard_sessions"
    __table_args__ = (
        Index("wizard_sessions_of_owner", "tenant", "owner", "updated_at"),
        Index("wizard_sessions_to_forget", "expires_at"),
    )
    id: str = Field(default_factory=lambda: new_id("ses"), primary_key=True)
    tenant: str = Field(foreign_key="tenants.id")
    owner: str
    state: str = "open"
    """`open` or `launched`."""
    blueprint: str | None = None
    title: str | None = None
    request: str = Field(default="", sa_type=Text)
    answers: dict[str, Any] = _json()
    """By question: `{value, version}`, the version being that with which it came."""
    guesses: dict[str, Any] = _json()
    """Question -> where in the request its answer was found, as long as nobody has confirmed it."""
    matches: list[dict[str, Any]] = _json(list)
    """The blueprints that the request may be about, as they were found when it was made."""
    step: str | None = None
    version: int = 1
    """Grows with every change, so that whoever changes it can say what they have looked at."""
    project: str | None = Field(default=None, foreign_key="projects.id")
    created_at: datetime = _moment()
    updated_at: datetime = _moment()
    expires_at: datetime = Field(
        default_factory=lambda: now() + KEPT, sa_type=DateTime(timezone=True), nullable=False
    )

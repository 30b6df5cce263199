"""keep what people answered before a project exists."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def _text(name: str, *, nullable: bool = False) -> "sa.Column[Any]":
    return sa.Column(name, sa.String(), nullable=nullable)


def _moment(name: str) -> "sa.Column[Any]":
    return sa.Column(name, sa.DateTime(timezone=True), nullable=False)


def _json(name: str) -> "sa.Column[Any]":
    return sa.Column(name, postgresql.JSONB(), nullable=False)


def upgrade() -> None:
    op.create_table(
        "wizard_sessions",
        *(_text(name) for name in ("id", "tenant", "owner", "state")),
        *(_text(name, nullable=True) for name in ("blueprint", "title")),
        sa.Column("request", sa.Text(), nullable=False),
        *(_json(name) for name in ("answers", "guesses", "matches")),
        _text("step", nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        _text("project", nullable=True),
        *(_moment(name) for name in ("created_at", "updated_at", "expires_at")),
        sa.ForeignKeyConstraint(["tenant"], ["tenants.id"]),
        sa.ForeignKeyConstraint(["project"], ["projects.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("wizard_sessions_of_owner", "wizard_sessions", ["tenant", "owner", "updated_at"])
    op.create_index("wizard_sessions_to_forget", "wizard_sessions", ["expires_at"])

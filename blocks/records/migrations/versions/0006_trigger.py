"""start blueprints by events."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

THERE = sa.text("removed_at IS NULL")
RECEIVED = sa.text("state = 'received'")


def _text(name: str, *, nullable: bool = False) -> "sa.Column[Any]":
    return sa.Column(name, sa.String(), nullable=nullable)


def _prose(name: str) -> "sa.Column[Any]":
    return sa.Column(name, sa.Text(), nullable=True)


def _moment(name: str, *, nullable: bool = False) -> "sa.Column[Any]":
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def _json(name: str) -> "sa.Column[Any]":
    return sa.Column(name, postgresql.JSONB(), nullable=False)


def upgrade() -> None:
    _create_triggers()
    _create_deliveries()
    op.create_table(
        "happenings",
        sa.Column("id", sa.BigInteger(), autoincrement=True, nullable=False),
        _text("kind"),
        _text("subject"),
        _text("tenant", nullable=True),
        _json("data"),
        sa.Column("fanned", sa.Boolean(), nullable=False),
        _moment("at"),
        sa.PrimaryKeyConstraint("id"),
    )


def _create_triggers() -> None:
    op.create_table(
        "triggers",
        *(_text(name) for name in ("id", "tenant", "name", "kind", "blueprint")),
        _json("inputs"),
        _json("source"),
        _prose("condition"),
        _text("catch_up"),
        _text("salt", nullable=True),
        _text("deployment", nullable=True),
        sa.Column("active", sa.Boolean(), nullable=False),
        _text("created_by"),
        _moment("created_at"),
        _moment("removed_at", nullable=True),
        sa.ForeignKeyConstraint(["tenant"], ["tenants.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("trigger_names", "triggers", ["tenant", "name"], unique=True, postgresql_where=THERE)
    op.create_index("triggers_of_kind", "triggers", ["kind", "tenant"], postgresql_where=THERE)


def _create_deliveries() -> None:
    op.create_table(
        "trigger_deliveries",
        *(_text(name) for name in ("id", "trigger", "event", "state")),
        _prose("reason"),
        _json("inputs"),
        _json("origin"),
        _text("flow_run", nullable=True),
        _text("project", nullable=True),
        sa.Column("tries", sa.Integer(), nullable=False),
        _moment("next_at"),
        _moment("received_at"),
        _moment("ended_at", nullable=True),
        sa.ForeignKeyConstraint(["trigger"], ["triggers.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("event_delivered_once", "trigger_deliveries", ["trigger", "event"], unique=True)
    op.create_index("deliveries_to_start", "trigger_deliveries", ["next_at"], postgresql_where=RECEIVED)

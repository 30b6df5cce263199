"""give processes leases, attempts fencing tokens, projects control, and nodes that come at run time."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

LIVE = sa.text("state IN ('queued', 'running')")
COMPLETED = sa.text("state = 'completed'")


def _text(name: str, *, nullable: bool = True) -> "sa.Column[Any]":
    return sa.Column(name, sa.String(), nullable=nullable)


def _moment(name: str, *, nullable: bool = True) -> "sa.Column[Any]":
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def _json(name: str) -> "sa.Column[Any]":
    return sa.Column(name, postgresql.JSONB(), nullable=True)


def upgrade() -> None:
    _extend_projects()
    _extend_nodes()
    _extend_attempts()
    _create_holders()
    op.create_table(
        "limits",
        _text("name", nullable=False),
        _text("tenant", nullable=False),
        sa.Column("most", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["tenant"], ["tenants.id"]),
        sa.PrimaryKeyConstraint("name", "tenant"),
    )
    op.create_table(
        "place_requests",
        _text("name", nullable=False),
        _text("tenant", nullable=False),
        _text("project", nullable=False),
        sa.Column("priority", sa.Integer(), nullable=False),
        _moment("since", nullable=False),
        _moment("seen_at", nullable=False),
        sa.ForeignKeyConstraint(["project"], ["projects.id"]),
        sa.PrimaryKeyConstraint("name", "tenant", "project"),
    )
    op.execute("CREATE SEQUENCE fencing_tokens")


def _extend_projects() -> None:
    for column in (
        _text("holder"),
        _moment("wake_at"),
        _moment("deadline_at"),
        _text("control_by"),
        sa.Column("control_reason", sa.Text(), nullable=True),
        _moment("control_at"),
        _json("origin"),
    ):
        op.add_column("projects", column)
    _add_filled("projects", "priority", sa.Integer(), "0")
    _add_filled("projects", "control", sa.String(), "run")
    op.create_index("projects_in_state", "projects", ["state", "wake_at"])


def _extend_nodes() -> None:
    for column in (_text("parent"), _json("spec"), _moment("due_at")):
        op.add_column("nodes", column)
    _add_filled("nodes", "generation", sa.Integer(), "1")


def _extend_attempts() -> None:
    op.add_column("attempts", sa.Column("token", sa.BigInteger(), nullable=True))
    op.add_column("attempts", _text("holder"))
    op.add_column("attempts", _text("error"))
    _add_filled("attempts", "generation", sa.Integer(), "1")
    _add_filled("attempts", "limits", sa.ARRAY(sa.Text()), "{}")
    op.drop_index("one_completed_attempt", table_name="attempts")
    op.create_index(
        "one_completed_attempt",
        "attempts",
        ["project", "node", "generation"],
        unique=True,
        postgresql_where=COMPLETED,
    )
    op.create_index("live_attempts", "attempts", ["state"], postgresql_where=LIVE)


def _create_holders() -> None:
    op.create_table(
        "holders",
        _text("id", nullable=False),
        _text("kind", nullable=False),
        _text("flow_run"),
        _text("host", nullable=False),
        sa.Column("pid", sa.Integer(), nullable=False),
        _moment("started_at", nullable=False),
        _moment("expires_at", nullable=False),
        sa.Column("lost", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )


def _add_filled(table: str, name: str, kind: Any, value: str) -> None:
    """Add a column that may not be empty, with `value` in the rows that are there."""
    op.add_column(table, sa.Column(name, kind, nullable=False, server_default=value))
    op.alter_column(table, name, server_default=None)

"""let approvals remind, escalate, ask for changes and be told outside."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def _text(name: str, *, nullable: bool = False) -> "sa.Column[Any]":
    return sa.Column(name, sa.String(), nullable=nullable)


def _moment(name: str, *, nullable: bool = False) -> "sa.Column[Any]":
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def _of(column: str, table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], [f"{table}.id"])


def upgrade() -> None:
    _widen_approvals()
    _create_notices()
    _create_links()


def _widen_approvals() -> None:
    for name in ("generation", "reminders", "escalations"):
        start = "1" if name == "generation" else "0"
        op.add_column("approvals", sa.Column(name, sa.Integer(), nullable=False, server_default=start))
        op.alter_column("approvals", name, server_default=None)
    for name in ("remind_at", "escalate_at"):
        op.add_column("approvals", _moment(name, nullable=True))
    for name in ("offered", "edited"):
        op.add_column("approvals", sa.Column(name, postgresql.JSONB(), nullable=True))
    for name in ("edited_digest", "revises", "run"):
        op.add_column("approvals", _text(name, nullable=True))
    op.add_column("approvals", sa.Column("run_closed", sa.Boolean(), nullable=False, server_default="true"))
    op.alter_column("approvals", "run_closed", server_default=None)
    op.execute("UPDATE approvals SET run_closed = false WHERE state = 'pending'")
    op.drop_index("approval_asked_once", "approvals")
    asked = ["project", "node", "generation", "action_digest"]
    op.create_index("approval_asked_once", "approvals", asked, unique=True)
    waits, shown = sa.text("state = 'pending'"), sa.text("NOT run_closed")
    op.create_index("approvals_that_wait", "approvals", ["expires_at"], postgresql_where=waits)
    op.create_index("approvals_open_in_prefect", "approvals", ["id"], postgresql_where=shown)


def _create_notices() -> None:
    op.create_table(
        "notices",
        _text("id"),
        _text("tenant"),
        _text("project"),
        _text("approval", nullable=True),
        _text("kind"),
        sa.Column("data", postgresql.JSONB(), nullable=False),
        _moment("at"),
        _moment("spread_at", nullable=True),
        _of("tenant", "tenants"),
        _of("project", "projects"),
        _of("approval", "approvals"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("notices_to_spread", "notices", ["id"], postgresql_where=sa.text("spread_at IS NULL"))
    op.create_index("notices_of_project", "notices", ["project"])
    op.create_table(
        "deliveries",
        *map(_text, ("id", "notice", "route", "address", "state")),
        sa.Column("tries", sa.Integer(), nullable=False),
        _moment("next_at"),
        sa.Column("error", sa.Text(), nullable=True),
        _moment("sent_at", nullable=True),
        _of("notice", "notices"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("delivered_once", "deliveries", ["notice", "route", "address"], unique=True)
    due = sa.text("state = 'pending'")
    op.create_index("deliveries_due", "deliveries", ["next_at"], postgresql_where=due)


def _create_links() -> None:
    op.create_table(
        "answer_links",
        *map(_text, ("id", "tenant", "approval", "person", "action_digest")),
        *map(_moment, ("made_at", "expires_at")),
        _moment("used_at", nullable=True),
        _of("tenant", "tenants"),
        _of("approval", "approvals"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("link_of_person", "answer_links", ["approval", "person", "action_digest"])
    op.create_table(
        "route_people",
        *map(_text, ("tenant", "route", "person", "addresses_sha256", "said_by")),
        _moment("said_at"),
        _of("tenant", "tenants"),
        sa.PrimaryKeyConstraint("tenant", "route"),
    )

"""know users and their sessions."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def _text(name: str, *, nullable: bool = False) -> "sa.Column[Any]":
    return sa.Column(name, sa.String(), nullable=nullable)


def _moment(name: str, *, nullable: bool = False) -> "sa.Column[Any]":
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def upgrade() -> None:
    op.add_column("tokens", _text("prefix", nullable=True))
    op.add_column("tokens", _moment("used_at", nullable=True))
    _create_users()
    _create_sign_ins()
    op.create_table(
        "sign_in_tries",
        _text("key"),
        sa.Column("failures", sa.Integer(), nullable=False),
        _moment("blocked_until", nullable=True),
        _moment("at"),
        sa.PrimaryKeyConstraint("key"),
    )


def _create_users() -> None:
    op.create_table(
        "users",
        *(_text(name) for name in ("tenant", "name", "password")),
        _moment("one_time_until", nullable=True),
        sa.Column("roles", postgresql.JSONB(), nullable=False),
        _text("created_by"),
        _moment("created_at"),
        _moment("signed_in_at", nullable=True),
        _moment("disabled_at", nullable=True),
        sa.ForeignKeyConstraint(["tenant"], ["tenants.id"]),
        sa.PrimaryKeyConstraint("tenant", "name"),
    )


def _create_sign_ins() -> None:
    op.create_table(
        "sign_ins",
        *(_text(name) for name in ("id", "tenant", "user", "current_sha256")),
        _text("previous_sha256", nullable=True),
        *(_moment(name) for name in ("rotated_at", "created_at", "expires_at")),
        _moment("ended_at", nullable=True),
        _text("ended_by", nullable=True),
        sa.ForeignKeyConstraint(["tenant", "user"], ["users.tenant", "users.name"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("sign_ins_of_user", "sign_ins", ["tenant", "user"])
    op.create_index("sign_ins_by_current", "sign_ins", ["current_sha256"], unique=True)
    op.create_index("sign_ins_by_previous", "sign_ins", ["previous_sha256"])

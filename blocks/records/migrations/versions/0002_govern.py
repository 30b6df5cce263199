"""chain the audit log; keep constitutions, replays, shadows and tokens; let several people answer."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def _text(name: str, *, nullable: bool = False) -> "sa.Column[Any]":
    return sa.Column(name, sa.String(), nullable=nullable)


def _moment(name: str, *, nullable: bool = False) -> "sa.Column[Any]":
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def _of_tenant() -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(["tenant"], ["tenants.id"])


def upgrade() -> None:
    op.drop_table("decisions")
    _create_audit()
    _create_constitutions()
    for name in ("requirements", "votes"):
        op.add_column("approvals", sa.Column(name, postgresql.JSONB(), nullable=False, server_default="[]"))
        op.alter_column("approvals", name, server_default=None)


def _create_audit() -> None:
    optional = ("project", "node", "stage", "action", "verdict", "principal", "constitution", "decision")
    op.create_table(
        "audit_records",
        _text("tenant"),
        sa.Column("sequence", sa.BigInteger(), nullable=False, autoincrement=False),
        _text("id"),
        _text("kind"),
        _moment("at"),
        *(_text(name, nullable=True) for name in optional),
        _text("shadow_verdict", nullable=True),
        sa.Column("record", sa.Text(), nullable=False),
        _text("previous"),
        _text("hash"),
        sa.PrimaryKeyConstraint("tenant", "sequence"),
    )
    op.create_index("audit_records_by_id", "audit_records", ["tenant", "id"], unique=True)
    op.create_index("audit_records_of_project", "audit_records", ["project", "sequence"])
    op.create_index("audit_records_by_time", "audit_records", ["tenant", "at"])
    op.create_index("audit_records_of_decision", "audit_records", ["decision"])
    op.create_table(
        "audit_chain_ends",
        _text("tenant"),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        _text("hash"),
        sa.PrimaryKeyConstraint("tenant"),
    )
    op.create_table(
        "audit_signed_heads",
        _text("tenant"),
        sa.Column("sequence", sa.BigInteger(), nullable=False, autoincrement=False),
        _text("hash"),
        sa.Column("after", sa.BigInteger(), nullable=False),
        _moment("signed_at"),
        _text("key"),
        _text("signature"),
        sa.PrimaryKeyConstraint("tenant", "sequence"),
    )


def _create_constitutions() -> None:
    op.create_table(
        "constitutions",
        _text("tenant"),
        _text("digest"),
        _text("name"),
        _text("version"),
        sa.Column("text", sa.Text(), nullable=False),
        _text("key"),
        _text("signature"),
        _text("published_by"),
        _moment("published_at"),
        _of_tenant(),
        sa.PrimaryKeyConstraint("tenant", "digest"),
    )
    op.create_index("constitution_versions", "constitutions", ["tenant", "name", "version"], unique=True)
    op.create_table(
        "activations",
        sa.Column("id", sa.BigInteger(), autoincrement=True, nullable=False),
        _text("tenant"),
        _text("digest"),
        _text("kind"),
        _text("state"),
        _text("replay", nullable=True),
        _text("asked_by"),
        _moment("asked_at"),
        _text("done_by", nullable=True),
        _moment("done_at", nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        _of_tenant(),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("activations_of_tenant", "activations", ["tenant", "id"])
    op.create_index(
        "one_activation_waits",
        "activations",
        ["tenant"],
        unique=True,
        postgresql_where=sa.text("state = 'waiting'"),
    )
    _create_trials()


def _create_trials() -> None:
    op.create_table(
        "shadows",
        _text("tenant"),
        _text("digest"),
        _moment("since"),
        _text("started_by"),
        _of_tenant(),
        sa.PrimaryKeyConstraint("tenant"),
    )
    op.create_table(
        "replays",
        _text("id"),
        _text("tenant"),
        _text("digest"),
        _moment("since"),
        _moment("at"),
        _text("made_by"),
        sa.Column("looked_at_by", postgresql.JSONB(), nullable=False),
        sa.Column("report", postgresql.JSONB(), nullable=False),
        _of_tenant(),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("replays_of_tenant", "replays", ["tenant", "digest", "at"])
    op.create_table(
        "tokens",
        _text("id"),
        _text("tenant"),
        _text("sha256"),
        _text("principal"),
        sa.Column("roles", postgresql.JSONB(), nullable=False),
        _text("created_by"),
        _moment("created_at"),
        _moment("expires_at", nullable=True),
        _moment("revoked_at", nullable=True),
        _of_tenant(),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("tokens_by_hash", "tokens", ["sha256"], unique=True)

"""chain the audit log; keep constitutions, replays, shadows and tokens; let several people answer."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from blocks.audit.canonical import canonical
from blocks.audit.chain import START, Link, linked
from blocks.audit.columns import columns_of

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

DECISIONS = sa.text(
    "SELECT * FROM decisions WHERE (tenant, at, id) > (:tenant, :at, :id) ORDER BY tenant, at, id LIMIT 500"
)
LINK = ("tenant", "sequence", "record", "previous", "hash")


def _text(name: str, *, nullable: bool = False) -> "sa.Column[Any]":
    return sa.Column(name, sa.String(), nullable=nullable)


def _moment(name: str, *, nullable: bool = False) -> "sa.Column[Any]":
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def _of_tenant() -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(["tenant"], ["tenants.id"])


def upgrade() -> None:
    _create_audit()
    _carry_over_decisions()
    op.drop_table("decisions")
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


def _carry_over_decisions() -> None:
    """The decisions so far become the first links of their tenants' chains; they have no facts."""
    connection = op.get_bind()
    ends: dict[str, Link] = {}
    after: dict[str, Any] = {"tenant": "", "at": datetime(1, 1, 1, tzinfo=UTC), "id": ""}
    while rows := connection.execute(DECISIONS, after).mappings().all():
        links = []
        for row in map(dict, rows):
            end = ends.get(row["tenant"])
            place = (end.sequence, end.hash) if end else (0, START)
            record = _record(row)
            link = next(linked(row["tenant"], *place, [canonical(record)]))
            links.append({**columns_of(record), **{name: getattr(link, name) for name in LINK}})
            ends[row["tenant"]] = link
        connection.execute(sa.table("audit_records", *map(sa.column, links[0])).insert(), links)
        after = {name: rows[-1][name] for name in after}
    for tenant, end in ends.items():
        table = sa.table("audit_chain_ends", *map(sa.column, ("tenant", "sequence", "hash")))
        values = {"tenant": tenant, "sequence": end.sequence, "hash": end.hash}
        connection.execute(table.insert(), values)


def _record(row: Mapping[str, Any]) -> dict[str, Any]:
    same = ("id", "tenant", "project", "node", "attempt", "stage", "action", "verdict", "articles")
    return {
        **{name: row[name] for name in (*same, "constitution", "arguments_sha256")},
        "kind": "decision",
        "at": row["at"].isoformat(),
        "principal": {"name": row["principal"]},
        "capsule": {"name": row["capsule"] or ""},
    }


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

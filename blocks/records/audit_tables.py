"""The tables of the audit log: one chain of records for each tenant, and the signed heads that fix it."""

from datetime import datetime

from sqlalchemy import BigInteger, DateTime, Index, Text
from sqlmodel import Field, SQLModel

from blocks.records.tables import now


class AuditRecord(SQLModel, table=True):
    """One link of a tenant's chain; `record` is what is hashed, the other columns repeat it for queries."""

    __tablename__ = "audit_records"
    __table_args__ = (
        Index("audit_records_by_id", "tenant", "id", unique=True),
        Index("audit_records_of_project", "project", "sequence"),
        Index("audit_records_by_time", "tenant", "at"),
        Index("audit_records_of_decision", "decision"),
    )
    tenant: str = Field(primary_key=True)
    sequence: int = Field(primary_key=True, sa_type=BigInteger)
    """1 for the first record of the tenant, then one more for each."""
    id: str
    kind: str
    """`decision`, `outcome`, `approval`, `token`, `constitution`, `capsule` or `memory`."""
    at: datetime = Field(sa_type=DateTime(timezone=True))
    project: str | None = None
    node: str | None = None
    stage: str | None = None
    action: str | None = None
    verdict: str | None = None
    principal: str | None = None
    constitution: str | None = None
    decision: str | None = None
    """The decision that an outcome or an approval belongs to."""
    shadow_verdict: str | None = None
    """What a constitution in shadow mode would have said, while there was one."""
    record: str = Field(sa_type=Text)
    """The canonical JSON (RFC 8785) of the whole record."""
    previous: str
    """The hash of the record before; 64 zeros for the first."""
    hash: str


class ChainEnd(SQLModel, table=True):
    """Where a tenant's chain ends; its row is locked while records are added."""

    __tablename__ = "audit_chain_ends"
    tenant: str = Field(primary_key=True)
    sequence: int = Field(default=0, sa_type=BigInteger)
    hash: str


class SignedHead(SQLModel, table=True):
    """The hub's signature under one place of a tenant's chain."""

    __tablename__ = "audit_signed_heads"
    tenant: str = Field(primary_key=True)
    sequence: int = Field(primary_key=True, sa_type=BigInteger)
    hash: str
    after: int = Field(sa_type=BigInteger)
    """The sequence of the head before; 0 for the first."""
    signed_at: datetime = Field(default_factory=now, sa_type=DateTime(timezone=True), nullable=False)
    key: str
    """The id of the key that signed."""
    signature: str

"""The tables of budgets: accounts with their limits, and the charges that move them. All in millionths."""

from datetime import datetime

from sqlalchemy import BigInteger, CheckConstraint, DateTime, Index, text
from sqlmodel import Field, SQLModel

from blocks.records.tables import now


class BudgetAccount(SQLModel, table=True):
    """What a tenant, one of its projects or one node may use up of a kind, and has."""

    __tablename__ = "budget_accounts"
    __table_args__ = (CheckConstraint("reserved >= 0 AND spent >= 0", name="budget_accounts_not_negative"),)
    tenant: str = Field(foreign_key="tenants.id", primary_key=True)
    kind: str = Field(primary_key=True)
    """`tokens`, `money`, `tool_calls` or `seconds`."""
    project: str = Field(default="", primary_key=True)
    """Empty: the account of the tenant itself."""
    node: str = Field(default="", primary_key=True)
    """Empty: the account of the project itself."""
    most: int | None = Field(default=None, sa_type=BigInteger)
    """The limit; without one it is only counted."""
    reserved: int = Field(default=0, sa_type=BigInteger)
    """What actions that are under way have reserved."""
    spent: int = Field(default=0, sa_type=BigInteger)


class BudgetCharge(SQLModel, table=True):
    """What one action was charged of one kind, once, however often it was tried."""

    __tablename__ = "budget_charges"
    __table_args__ = (
        Index("open_budget_charges", "attempt", postgresql_where=text("state = 'reserved'")),
        Index("budget_charges_of_project", "project"),
    )
    id: str = Field(primary_key=True)
    """The action's idempotency key."""
    kind: str = Field(primary_key=True)
    tenant: str
    project: str = ""
    node: str = ""
    action: str = ""
    state: str = "reserved"
    """`reserved`, `settled` or `released`."""
    reserved: int = Field(default=0, sa_type=BigInteger)
    settled: int = Field(default=0, sa_type=BigInteger)
    """What it has cost; grows while it is reserved where it is charged as it goes on, as time is."""
    presumed: bool = False
    """Settled at what was reserved, for nobody lived to tell what it has cost."""
    attempt: str | None = None
    token: int | None = Field(default=None, sa_type=BigInteger)
    """The fencing token of the attempt that asked last."""
    created_at: datetime = Field(default_factory=now, sa_type=DateTime(timezone=True), nullable=False)
    ended_at: datetime | None = Field(default=None, sa_type=DateTime(timezone=True))

"""Budgets as the gateway and its clients speak of them: amounts are exact decimals, written as text."""

from decimal import Decimal
from typing import Literal

from pydantic import Field

from ui.wire import Asked, Said


class BudgetAccount(Said):
    """How one account stands."""

    level: Literal["tenant", "project", "node"]
    project: str | None
    node: str | None
    kind: str
    limit: Decimal | None
    """None: it is counted and not limited."""
    reserved: Decimal
    spent: Decimal
    left: Decimal | None
    """Less than nothing where people lifted the limit for an action, or where it was lowered."""


class LimitAsked(Asked):
    """A limit to be set: the tenant's own, or that of a project or of one of its nodes."""

    kind: Literal["tokens", "money", "tool_calls", "seconds"]
    limit: Decimal | None = Field(ge=0, le=10**12)
    """None takes it away."""
    project: str | None = Field(default=None, min_length=1, max_length=100)
    node: str | None = Field(default=None, min_length=1, max_length=130)

"""Budgets, as calls of the client."""

from decimal import Decimal

from pydantic import TypeAdapter

from ui.transport import Transport
from ui.wire_budgets import BudgetAccount


class BudgetCalls(Transport):
    """Looking at accounts, and setting their limits (for admins)."""

    def budgets(self, project: str | None = None) -> list[BudgetAccount]:
        """The tenant's own accounts, or those of a project and its nodes."""
        found = self._get("/v1/budgets", **({"project": project} if project else {}))
        return TypeAdapter(list[BudgetAccount]).validate_python(found)

    def set_budget(
        self, kind: str, limit: Decimal | None, *, project: str | None = None, node: str | None = None
    ) -> BudgetAccount:
        """Set the limit of one account; None takes it away."""
        said = {
            "kind": kind,
            "limit": None if limit is None else str(limit),
            "project": project,
            "node": node,
        }
        return BudgetAccount.model_validate(self._put("/v1/budgets", said))

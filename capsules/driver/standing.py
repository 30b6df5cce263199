"""How a project stands: what the plan and the ledger together say is to be done next."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from blocks.records.tables import FINAL_NODE_STATES, NodeRecord, ProjectState
from capsules.plan import Plan, PlanNode


@dataclass(frozen=True, kw_only=True)
class Standing:
    """The plan beside its ledger, as read at one moment."""

    plan: Plan
    lines: dict[str, NodeRecord]

    def ready(self) -> Iterator[PlanNode]:
        """Nodes that wait for nothing but a driver (or for people whose answer may have come)."""
        for node in self.plan.nodes:
            if self.state(node.id) in {"waiting", "awaiting_approval"} and all(
                self._serves(node, need) for need in node.needs
            ):
                yield node

    def blocked(self) -> Iterator[tuple[PlanNode, str]]:
        """Nodes that can never run, each with the reason."""
        for node in self.plan.nodes:
            if self.state(node.id) not in {"waiting", "awaiting_approval"}:
                continue
            for need in node.needs:
                if self._ended(need) and not self._serves(node, need):
                    yield node, f"needs {need!r}, which {self.why(need)}"
                    break

    def ended(self) -> bool:
        return all(self._ended(node.id) for node in self.plan.nodes)

    def busy(self) -> bool:
        """Whether some node is queued or running."""
        return any(line.state in {"queued", "running"} for line in self.lines.values())

    def waiting_for_people(self) -> list[str]:
        return [name for name, line in self.lines.items() if line.state == "awaiting_approval"]

    def results(self) -> dict[str, dict[str, Any]]:
        """The reference of each node's result."""
        return {name: line.result for name, line in self.lines.items() if line.result is not None}

    def refused(self, node: PlanNode) -> dict[str, str]:
        """Those needs of the node that gave nothing, each with the reason."""
        return {
            need: self.why(need)
            for need in node.needs
            if self._ended(need) and self.state(need) != "completed"
        }

    def verdict(self) -> tuple[ProjectState, str | None]:
        """The state in which an ended project is, and why."""
        for node in self.plan.nodes:
            if self._tolerated(node.id):
                continue
            if self.state(node.id) == "denied":
                return "denied", f"{node.id} {self.why(node.id)}"
            if self.state(node.id) == "failed":
                return "failed", f"{node.id} {self.why(node.id)}"
        return "completed", None

    def state(self, node: str) -> str:
        return self.lines[node].state

    def why(self, node: str) -> str:
        line = self.lines[node]
        words = {"denied": "was refused", "failed": "failed", "skipped": "was skipped"}
        return f"{words.get(line.state, line.state)}: {line.reason or 'no reason was recorded'}"

    def _ended(self, node: str) -> bool:
        return self.state(node) in FINAL_NODE_STATES

    def _serves(self, node: PlanNode, need: str) -> bool:
        return self.state(need) == "completed" or (need in node.tolerates and self._ended(need))

    def _tolerated(self, node: str) -> bool:
        """Whether everything that needs the node can do without it."""
        users = [other for other in self.plan.nodes if node in other.needs]
        return bool(users) and all(node in other.tolerates for other in users)

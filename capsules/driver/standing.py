"""How a project stands: the plan beside its ledger, kept up to date change by change.

Every change of a line costs what its own neighbours cost, so a project of a thousand nodes costs a thousand
times as much as one node and not a million times.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from blocks.records.tables import FINAL_NODE_STATES, NodeRecord, ProjectState, now
from capsules.driver.families import Families
from capsules.driver.queues import Queues
from capsules.plan import UNDOING, Plan, PlanNode

AT_WORK = frozenset({"queued", "running"})
STARTABLE = frozenset({"waiting", "awaiting_approval"})
_WORDS = {
    "denied": "was refused",
    "failed": "failed",
    "skipped": "was skipped",
    "cancelled": "was cancelled",
}


@dataclass(kw_only=True)
class Tally:
    """How the needs of one node stand."""

    open: int = 0
    """How many have not ended."""
    done: int = 0
    missed: str | None = None
    """The first that ended without a result and that the node cannot do without."""

    def add(self, node: PlanNode, need: str, state: str) -> None:
        """Count a need that has ended."""
        self.done += state == "completed"
        if state != "completed" and need not in node.tolerates and self.missed is None:
            self.missed = need


class Standing:
    """What is to be done next, as far as the lines that were put in tell."""

    def __init__(self, plan: Plan, lines: Iterable[NodeRecord]) -> None:
        self.plan = plan
        self.nodes: dict[str, PlanNode] = {}
        """Every node: the plan's, and those that came at run time."""
        self.lines: dict[str, NodeRecord] = {}
        self.queues = Queues()
        self._results: dict[str, dict[str, Any]] = {}
        self._rebuild(lines)

    def put(self, *lines: NodeRecord) -> bool:
        """Take in what the ledger says of these nodes now.

        False, and nothing is taken in, when something is done anew: the whole ledger is to be read again.
        """
        if any(self._turns_back(line) for line in lines):
            return False
        ended = [line.node for line in lines if self._ends(line)]
        new = [line.node for line in lines if line.node not in self.lines]
        for line in lines:
            self._enter(line)
        for name in new:
            self._count(name)
        for name in ended:
            self._tell_users(name, set(new))
        for line in lines:
            self._consider(line.node)
            self._tell_family(line)
        return True

    def wake(self) -> None:
        """Let nodes be tried again whose moment has come."""
        for name in self.queues.due(now()):
            self._consider(name)

    def reconsider(self, *names: str) -> None:
        """Let nodes that waited for something outside the plan be tried again."""
        for name in names:
            self._consider(name, asked=True)

    def obstacle(self, name: str) -> str | None:
        """Why the node can never run; None while it may."""
        node, tally = self.nodes[name], self._tallies[name]
        if node.at_least is not None:
            if tally.done + tally.open >= node.at_least:
                return None
            return f"needs at least {node.at_least} of {', '.join(node.needs)}, and {tally.done} completed"
        if tally.missed is None:
            return None
        return f"needs {tally.missed!r}, which {self.why(tally.missed)}"

    def ended(self) -> bool:
        return not self._unended

    def busy(self) -> bool:
        """Whether some node is queued or running."""
        return bool(self.at_work)

    def waiting_for_people(self) -> list[str]:
        return sorted(self._people, key=lambda name: self.lines[name].position)

    def results(self) -> dict[str, dict[str, Any]]:
        """The reference of each node's result."""
        return self._results

    def refused(self, node: PlanNode) -> dict[str, str]:
        """Those needs of the node that gave nothing, each with the reason."""
        return {
            need: self.why(need)
            for need in node.needs
            if self._ended(need) and self.state(need) != "completed"
        }

    def verdict(self) -> tuple[ProjectState, str | None]:
        """The state in which an ended project is, and why."""
        for name in self.roots():
            if self.tolerated(name):
                continue
            if self.state(name) == "denied":
                return "denied", f"{name} {self.why(name)}"
            if self.state(name) in {"failed", "cancelled"}:
                return "failed", f"{name} {self.why(name)}"
        return "completed", None

    def roots(self) -> Iterator[str]:
        """The nodes that are not part of another one and do not take back what another did."""
        for name, line in self.lines.items():
            if line.parent is None and not name.startswith(UNDOING):
                yield name

    def children(self, node: str) -> list[str]:
        """What the node has become, in order."""
        return self.families.children(node)

    def state(self, node: str) -> str:
        return self.lines[node].state

    def why(self, node: str) -> str:
        line = self.lines[node]
        return f"{_WORDS.get(line.state, line.state)}: {line.reason or 'no reason was recorded'}"

    def tolerated(self, node: str) -> bool:
        """Whether everything that needs the node can do without it."""
        users = [self.nodes[name] for name in self._users.get(node, ())]
        return bool(users) and all(
            node in user.tolerates or (user.at_least is not None and self.obstacle(user.id) is None)
            for user in users
        )

    def _ended(self, node: str) -> bool:
        return self.state(node) in FINAL_NODE_STATES

    def _turns_back(self, line: NodeRecord) -> bool:
        """Whether what had ended is open again, or the node is another than it was."""
        known = self.lines.get(line.node)
        if known is None:
            return False
        reopened = known.state in FINAL_NODE_STATES and line.state not in FINAL_NODE_STATES
        return reopened or known.spec != line.spec or known.generation != line.generation

    def _ends(self, line: NodeRecord) -> bool:
        known = self.lines.get(line.node)
        return line.state in FINAL_NODE_STATES and (known is None or known.state not in FINAL_NODE_STATES)

    def _rebuild(self, lines: Iterable[NodeRecord]) -> None:
        given = list(lines)
        self.nodes, self.lines, self._results = {}, {}, {}
        self._users: dict[str, list[str]] = {}
        self._tallies: dict[str, Tally] = {}
        self._unended: set[str] = set()
        self._people: set[str] = set()
        self.at_work: set[str] = set()
        self.queues.clear()
        self.families = Families()
        for line in given:
            self._enter(line)
        for line in given:
            self._count(line.node)
        for line in given:
            self._consider(line.node, asked=True)
            self._tell_family(line)

    def _enter(self, line: NodeRecord) -> None:
        """Keep the line, and what follows from it for the node alone."""
        name = line.node
        if name not in self.nodes:
            node = self.plan.node(name) if line.spec is None else PlanNode.model_validate(line.spec)
            self.nodes[name] = node
            for need in node.needs:
                self._users.setdefault(need, []).append(name)
            if node.parallel is not None:
                self.families.bound(name, node.parallel)
        self.lines[name] = line
        _keep(self._unended, name, line.state not in FINAL_NODE_STATES)
        _keep(self._people, name, line.state == "awaiting_approval")
        _keep(self.at_work, name, line.state in AT_WORK)
        if line.result is not None:
            self._results[name] = line.result
        else:
            self._results.pop(name, None)
        if line.parent is not None and not name.startswith(UNDOING):
            self.families.put(line)

    def _count(self, name: str) -> None:
        """Count how the needs of a node stand, all of them; later each is counted as it ends."""
        node, tally = self.nodes[name], Tally()
        for need in node.needs:
            if self._ended(need):
                tally.add(node, need, self.state(need))
            else:
                tally.open += 1
        self._tallies[name] = tally

    def _tell_users(self, name: str, counted: set[str]) -> None:
        """Count a node that has just ended for those that need it, but for those counted since."""
        for user in self._users.get(name, ()):
            if user not in counted:
                self._tallies[user].open -= 1
                self._tallies[user].add(self.nodes[user], name, self.state(name))
            self._consider(user)

    def _consider(self, name: str, *, asked: bool = False) -> None:
        """Queue the node if something can be done with it now."""
        line = self.lines[name]
        if line.state == "expanded":
            self._consider_parent(name)
        if line.state not in STARTABLE:
            return
        if (reason := self.obstacle(name)) is not None:
            self.queues.block(name, reason)
        elif not self._tallies[name].open and (asked or line.state == "waiting"):
            self._make_ready(line)

    def _make_ready(self, line: NodeRecord) -> None:
        if line.due_at is not None and line.due_at > now():
            self.queues.delay(line)
        elif self.families.has_place(line):
            self.queues.make_ready(self.nodes[line.node], line)

    def _consider_parent(self, name: str) -> None:
        """An expanded node is to be unfolded first, and gathered once its children have ended."""
        unmade = self.nodes[name].expand is not None and not self.families.unfolded(name)
        if unmade or not self.families.unended(name):
            self.queues.go_on(name)

    def _tell_family(self, line: NodeRecord) -> None:
        """Let the node's parent know, which may be done now, and its siblings, which may have its place."""
        if line.parent is None or line.node.startswith(UNDOING):
            return
        self._consider(line.parent)
        for name in self.families.next_in(line.parent):
            self._consider(name, asked=True)


def _keep(names: set[str], name: str, belongs: bool) -> None:  # noqa: FBT001  # private: a set and a test
    (names.add if belongs else names.discard)(name)

"""What runs, for whom, and what it may do: the guard's view of the present run."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from types import MappingProxyType
from typing import Any

from blocks.agreement import Vote
from blocks.audit.log import AuditLog
from blocks.budgets.accounts import Excess
from blocks.budgets.amounts import Amounts
from blocks.calls import Calls
from blocks.constitution.decisions import Action, Stage
from blocks.constitution.history import History
from blocks.constitution.source import ConstitutionSource as ConstitutionSource  # noqa: PLC0414  # a context's part
from blocks.editing import Edit
from blocks.identity import Principal
from blocks.provenance.facts import DataFacts
from blocks.provenance.trail import Trail
from blocks.signing_in.passport import Passport
from blocks.spending import Spending

_NOTHING: Mapping[str, Any] = MappingProxyType({})
TIMED = frozenset({"capsule.start", "tool.call", "model.request"})
"""The stages that nothing passes once the time is used up."""
_OWN = frozenset({"principal", "project", "task", "data", "history", "budget", "environment", "time"})
"""What only the context tells; facts that a task gives under these names are not taken."""


@dataclass(frozen=True, kw_only=True)
class Authority:
    """What a plan node may do, frozen when it was planned."""

    tools: Mapping[str, Mapping[str, Any]]
    """Tool name or glob -> limits on its arguments (none: any); a tool that is not listed is refused."""
    memory: frozenset[str]
    """Scopes that may be read and written, such as `project` and `repository`."""
    budget: Mapping[str, float]
    """`tokens`, `money`, `tool_calls` and `seconds`; what is not named is not limited."""


@dataclass(frozen=True, kw_only=True, eq=False)
class RunContext:
    """Everything the guard needs to answer; without one, the answer is deny."""

    tenant: str
    principal: Principal
    constitution: ConstitutionSource
    audit: AuditLog
    project: str | None = None
    project_facts: Mapping[str, Any] = field(default_factory=dict)
    """`blueprint`, `requested_by`, `inputs`, `workspace` (the folder that the project's tools may touch)."""
    node: str | None = None
    attempt: int | None = None
    generation: int = 1
    """How often a person has had the node done anew, counted from 1."""
    token: int | None = None
    """The attempt's fencing token: greater than that of any attempt that was claimed before it."""
    capsule: str | None = None
    capsule_version: str | None = None
    capsule_owner: str | None = None
    capsule_digest: str | None = None
    """SHA-256 over the capsule's files: which code runs."""
    environment: str = "local"
    """The name of the installation, such as `production`."""
    runtime: str = "inline"
    authority: Authority | None = None
    """None outside of a plan: the constitution alone decides."""
    approved: Mapping[str, tuple[Vote, ...]] = field(default_factory=dict)
    """Digests of actions that people have approved, and who did."""
    edits: Mapping[str, Edit] = field(default_factory=dict)
    """By the digest of a call, what people want it to be instead."""
    trail: Trail = field(default_factory=Trail, repr=False)
    """What this node has taken in so far."""
    history: History = field(default_factory=History, repr=False)
    """What was decided before in the project."""
    spending: Spending = field(default_factory=Spending, repr=False)
    """What this node has used up; `dataclasses.replace` shares it as it does trail and history."""
    passport: Passport | None = field(default=None, repr=False)
    """With what this attempt goes to the gateway; None outside of a plan."""
    calls: Calls = field(default_factory=Calls, repr=False)
    """Which calls this attempt has made, for the idempotency keys of equal ones."""

    @cached_property
    def facts(self) -> Mapping[str, Any]:
        """The variables that conditions see at every stage, but those that change from action to action."""
        authority = self.authority
        return {
            "principal": {
                "tenant": self.principal.tenant,
                "name": self.principal.name,
                "kind": self.principal.kind,
                "roles": sorted(self.principal.roles),
                "on_behalf_of": self.principal.on_behalf_of,
            },
            "project": {
                "id": self.project or "",
                "blueprint": str(self.project_facts.get("blueprint") or ""),
                "requested_by": str(self.project_facts.get("requested_by") or ""),
                "workspace": str(self.project_facts.get("workspace") or ""),
                "inputs": self.project_facts.get("inputs") or {},
            },
            "node": {
                "name": self.node or "",
                "attempt": self.attempt or 0,
                "tools": sorted(authority.tools) if authority else [],
                "memory": sorted(authority.memory) if authority else [],
                "budget": {name: float(limit) for name, limit in authority.budget.items()}
                if authority
                else {},
            },
            "capsule": {
                "name": self.capsule or "",
                "version": self.capsule_version or "",
                "owner": self.capsule_owner or "",
                "digest": self.capsule_digest or "",
            },
            "environment": {"name": self.environment, "runtime": self.runtime},
        }

    def action(
        self,
        stage: Stage,
        name: str,
        facts: Mapping[str, Any] = _NOTHING,
        arguments: Mapping[str, Any] = _NOTHING,
        costs: Amounts = _NOTHING,
    ) -> Action:
        """The action as the constitution sees it: the stage's own facts, and this run's around them.

        `costs` are what it takes of the budgets that are limited.
        """
        everything = dict(self.facts)
        for key, value in facts.items():
            if key in _OWN:
                continue
            known = everything.get(key)
            if known is None:
                everything[key] = value
            elif isinstance(value, Mapping):  # what the context knows of node and capsule stays as it is
                everything[key] = {**value, **known}
        everything["task"] = {"name": name, "arguments": arguments}
        everything["data"] = DataFacts(self.trail, arguments)
        everything["budget"] = self.meter.facts(self.exceeded(stage, costs))
        everything["history"] = self.history
        everything["time"] = datetime.now(UTC)
        return Action(stage=stage, name=name, facts=everything, costs=costs)

    @property
    def meter(self) -> Spending:
        """What this run may use up, with the limits that its plan gave."""
        return self.spending.plan(self.authority.budget) if self.authority else self.spending

    def exceeded(self, stage: Stage, costs: Amounts) -> tuple[Excess, ...]:
        """The limits that such an action would exceed; most stages neither cost anything nor need time."""
        return self.meter.excess(costs) if costs or stage in TIMED else ()


_current: ContextVar[RunContext | None] = ContextVar("soma_run_context", default=None)


def current() -> RunContext | None:
    """The context of the present run, if there is one."""
    return _current.get()


@contextmanager
def running(context: RunContext) -> Iterator[RunContext]:
    """Everything inside runs in this context; threads that copy the context take it along."""
    token = _current.set(context)
    try:
        yield context
    finally:
        _current.reset(token)

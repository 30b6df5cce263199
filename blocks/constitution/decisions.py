"""The words of a decision: what was asked, what was answered, and by which articles."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from itertools import count
from typing import Any, Literal, get_args

from blocks.constitution.terms import ApprovalTerms

Stage = Literal[
    "project.launch",
    "plan.node",
    "capsule.start",
    "task",
    "model.request",
    "model.response",
    "tool.call",
    "tool.result",
    "memory.write",
    "memory.read",
    "bus.publish",
    "artifact.publish",
    "notification",
]
STAGES: tuple[Stage, ...] = get_args(Stage)
Verdict = Literal["allow", "warn", "redact", "approve", "deny"]
Severity = Literal["critical", "high", "medium", "low", "info"]

RANK: Mapping[Verdict, int] = {"allow": 0, "warn": 1, "redact": 2, "approve": 3, "deny": 4}
"""The verdict with the highest rank wins."""


_serial = count()
_process = os.urandom(9).hex()


def decision_id() -> str:
    """An id that no other decision has: this process's random part and a number."""
    return f"dec_{_process}{next(_serial):08x}"


def _renew() -> None:
    global _process  # noqa: PLW0603  # a forked process must not go on with its parent's ids
    _process = os.urandom(9).hex()


os.register_at_fork(after_in_child=_renew)


@dataclass(frozen=True, kw_only=True, slots=True)
class Action:
    """One thing that is about to happen, as the constitution sees it."""

    stage: Stage
    name: str
    facts: Mapping[str, Any]
    costs: Mapping[str, int] = field(default_factory=dict)
    """What it takes of the budgets that are limited: millionths by kind."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Determination:
    """One article that matched, and what it says."""

    article: str
    verdict: Verdict
    reason: str
    remedy: str = ""
    severity: Severity = "info"
    terms: ApprovalTerms | None = None
    """Who must agree, where the verdict is `approve`."""
    replace: Mapping[str, Any] = field(default_factory=dict)
    """Dotted path of an argument -> what is put in its place, where the verdict is `redact`."""
    at_limit: bool = False
    """Whether the article asks which limits of a budget the action would exceed."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Decision:
    """The verdict on one action, with every article that matched it, the deciding ones first."""

    id: str
    verdict: Verdict
    stage: Stage
    action: str
    articles: tuple[Determination, ...]
    constitution: str
    """The digest of the constitution that was asked."""
    at: datetime
    answers: Mapping[str, Any] = field(default_factory=dict)
    """What the hub's own functions answered: source text of the call -> answer."""
    unreadable: bool = False
    """Whether an article could not be evaluated."""

    @property
    def refused(self) -> bool:
        return self.verdict in {"deny", "approve"}

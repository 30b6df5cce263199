"""One article of a constitution, compiled."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from blocks.constitution.conditions import Condition
from blocks.constitution.decisions import Severity, Stage, Verdict
from blocks.constitution.globs import like
from blocks.constitution.terms import ApprovalTerms


@dataclass(frozen=True, kw_only=True, slots=True)
class Article:
    """One compiled article."""

    id: str
    title: str
    actions: tuple[str, ...]
    conditions: Mapping[Stage, Condition | None]
    """One for each stage that the article names; None means always."""
    verdict: Verdict
    severity: Severity
    reason: str
    remedy: str
    terms: ApprovalTerms | None = None
    """Who must agree; given exactly where the verdict is `approve`."""
    replace: Mapping[str, Any] = field(default_factory=dict)
    """What `redact` puts in the place of arguments; without it, secrets are masked."""
    at_limit: bool = False
    """Whether its condition asks for `budget.over`, so that it says what happens at a limit."""

    def speaks_of(self, stage: Stage, action: str) -> bool:
        return stage in self.conditions and any(like(action, pattern) for pattern in self.actions)

"""The one place that asks whether something may happen, records the answer, and refuses."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from blocks.agreement import requirements_of
from blocks.budgets.amounts import Amounts
from blocks.constitution.decisions import Action, Decision, Stage
from blocks.constitution.replacements import replacements_in
from blocks.context import RunContext, current
from blocks.errors import ApprovalNeeded, PolicyDenied, Refusal
from blocks.shadow import shadow_verdict
from tasks.hooks import action_digest, approval_of, ask, refusal, shows_all

logger = logging.getLogger(__name__)

EFFECTS: frozenset[Stage] = frozenset(
    {"tool.call", "memory.write", "bus.publish", "artifact.publish", "notification", "model.request"}
)
"""The stages at which something outside may change: their decisions are durable before anything happens."""
NO_COSTS: Amounts = MappingProxyType({})


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """A decision, the context it was made in, and the refusal to raise if it is one."""

    decision: Decision
    context: RunContext | None
    refusal: Refusal | None
    costs: Amounts = field(default_factory=dict)
    """What the action takes of the budgets that are limited; to be reserved before it happens."""
    replace: Mapping[str, Any] = field(default_factory=dict)
    """Arguments to be replaced, and the action then decided anew, before it happens."""
    over: bool = False
    """Whether it was decided at a limit."""
    lifted: bool = False
    """Whether people let this action go beyond its limits."""

    def against(self, article: str, reason: str) -> "Outcome":
        """The refusal of the same action for another reason."""
        asked = Action(stage=self.decision.stage, name=self.decision.action, facts={})
        decision = refusal(asked, article, reason)
        return Outcome(decision=decision, context=self.context, refusal=refused(decision))


@dataclass(frozen=True, kw_only=True, slots=True)
class Earlier:
    """What became of the decision before, in whose place an action is decided anew."""

    decision: str
    replaced: Mapping[str, Any] | None = None
    """The arguments that an article put in the place of others since, if one did."""

    def as_json(self) -> dict[str, Any]:
        return {"instead_of": self.decision, **({"replaced": dict(self.replaced)} if self.replaced else {})}


def judge(
    stage: Stage,
    name: str,
    facts: Mapping[str, Any],
    arguments: Mapping[str, Any],
    *,
    brief: bool = False,
    costs: Amounts = NO_COSTS,
    earlier: Earlier | None = None,
) -> Outcome:
    """Asks every hook and records the answer; does no I/O and raises nothing.

    With `brief` the stage's own facts are left out of the record. `costs` are what the action takes of
    limited budgets; whoever lets it happen reserves them first.
    """
    context = current()
    if context is None:
        decision = _against(
            stage, name, "context", "there is no run context: nobody says who acts, and for whom"
        )
        logger.warning("%s %s is denied: there is no run context", stage, name)
        return Outcome(decision=decision, context=None, refusal=refused(decision))
    try:
        action = context.action(stage, name, facts, arguments, costs)
        return _judged(context, action, arguments, frozenset(facts) if brief else frozenset(), earlier)
    except Exception as error:  # what cannot be asked or recorded is not allowed
        logger.exception("%s %s is denied: the guard failed", stage, name)
        decision = _against(stage, name, "guard", f"the guard failed: {type(error).__name__}")
        return Outcome(decision=decision, context=context, refusal=refused(decision))


def _judged(
    context: RunContext,
    action: Action,
    arguments: Mapping[str, Any],
    left_out: frozenset[str],
    earlier: Earlier | None,
) -> Outcome:
    before = used(context)
    replaced = earlier is not None and earlier.replaced is not None
    decision = ask(action, context, replaced=replaced)
    approval = approval_of(decision, action, context) if decision.verdict == "approve" else None
    if decision.verdict == "approve" and approval is None and not shows_all(action):
        decision = _not_shown(action, decision)
    seen = context.trail.seen
    extra = _told(before, context, action, approval, earlier)
    kept = {key: value for key, value in action.facts.items() if key not in left_out}
    recorded = Action(stage=action.stage, name=action.name, facts=kept) if left_out else action
    context.audit.record(decision, context, arguments, recorded, **extra)
    through = not decision.refused or approval is not None
    replace = replacements_in(decision) if through and not replaced else {}
    if not replace:  # what is replaced has not happened: the action in its place counts
        verdict = "allow" if approval else decision.verdict
        context.history.add(action.stage, action.name, verdict, decision.at, seen)
    over = bool(action.facts["budget"]["over"])
    if not through:
        digest = action_digest(action, context) if decision.verdict == "approve" else ""
        return Outcome(decision=decision, context=context, refusal=refused(decision, digest), over=over)
    lifted = approval is not None and any(
        item.at_limit and item.verdict == "approve" for item in decision.articles
    )
    return Outcome(
        decision=decision,
        context=context,
        refusal=None,
        costs=action.costs,
        replace=replace,
        over=over,
        lifted=lifted,
    )


def _not_shown(action: Action, decision: Decision) -> Decision:
    """The refusal of what people would have to agree to without seeing it."""
    first = decision.articles[0]
    return refusal(
        action,
        first.article,
        f"{first.reason}; and people cannot be shown all of its arguments",
        constitution=decision.constitution,
        remedy="pass plain values: texts, numbers, lists and maps",
    )


def _told(
    before: Mapping[str, float],
    context: RunContext,
    action: Action,
    approval: Mapping[str, Any] | None,
    earlier: Earlier | None,
) -> dict[str, Any]:
    """What the record says beside the decision."""
    extra: dict[str, Any] = {"budget": before, **shadow_verdict(context.constitution, action)}
    if approval:
        extra["approval"] = approval
    if earlier:
        extra |= earlier.as_json()
    if context.trail.seen:
        extra["labels"] = sorted(context.trail.seen)
    return extra


def used(context: RunContext) -> dict[str, float]:
    """What the node has used up so far, as it is recorded."""
    spending = context.spending
    return {"seconds": round(spending.seconds, 3), "tool_calls": 0, **spending.used_up()}


def _against(stage: Stage, name: str, article: str, reason: str) -> Decision:
    return refusal(Action(stage=stage, name=name, facts={}), article, reason)


def refused(decision: Decision, approval: str = "") -> Refusal:
    """The error that says by which article and why an action is refused, and what would help."""
    first = decision.articles[0]
    message = f"article {first.article}: {first.reason}"
    if first.remedy:
        message = f"{message.rstrip('.')}. {first.remedy}"
    fields: dict[str, Any] = {
        "article": first.article,
        "reason": first.reason,
        "mend": first.remedy,
        "stage": decision.stage,
        "action": decision.action,
        "decision": decision.id,
    }
    if decision.verdict == "approve":
        fields["requirements"] = requirements_of(decision)
        return ApprovalNeeded(message, action_digest=approval, **fields)
    return PolicyDenied(message, **fields)

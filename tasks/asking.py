"""The one place that asks whether something may happen, records the answer, and refuses."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from blocks.agreement import requirements_of
from blocks.constitution.decisions import Action, Decision, Stage
from blocks.context import RunContext, current
from blocks.errors import ApprovalNeeded, PolicyDenied, Refusal
from blocks.shadow import shadow_verdict
from tasks.hooks import action_digest, approval_of, ask, refusal, shows_all

logger = logging.getLogger(__name__)

EFFECTS: frozenset[Stage] = frozenset(
    {"tool.call", "memory.write", "bus.publish", "artifact.publish", "notification", "model.request"}
)
"""The stages at which something outside may change: their decisions are durable before anything happens."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """A decision, the context it was made in, and the refusal to raise if it is one."""

    decision: Decision
    context: RunContext | None
    refusal: Refusal | None


def judge(
    stage: Stage,
    name: str,
    facts: Mapping[str, Any],
    arguments: Mapping[str, Any],
    *,
    brief: bool = False,
) -> Outcome:
    """Asks every hook and records the answer; does no I/O and raises nothing.

    With `brief` the stage's own facts are left out of the record.
    """
    context = current()
    if context is None:
        decision = _against(
            stage, name, "context", "there is no run context: nobody says who acts, and for whom"
        )
        logger.warning("%s %s is denied: there is no run context", stage, name)
        return Outcome(decision=decision, context=None, refusal=refused(decision))
    try:
        action = context.action(stage, name, facts, arguments)
        return _judged(context, action, arguments, frozenset(facts) if brief else frozenset())
    except Exception as error:  # what cannot be asked or recorded is not allowed
        logger.exception("%s %s is denied: the guard failed", stage, name)
        decision = _against(stage, name, "guard", f"the guard failed: {type(error).__name__}")
        return Outcome(decision=decision, context=context, refusal=refused(decision))


def _judged(
    context: RunContext, action: Action, arguments: Mapping[str, Any], left_out: frozenset[str]
) -> Outcome:
    before = used(context)
    decision = ask(action, context)
    approval = approval_of(decision, action, context) if decision.verdict == "approve" else None
    if decision.verdict == "approve" and approval is None and not shows_all(action):
        decision = refusal(
            action,
            decision.articles[0].article,
            f"{decision.articles[0].reason}; and people cannot be shown all of its arguments",
            constitution=decision.constitution,
            remedy="pass plain values: texts, numbers, lists and maps",
        )
    seen = context.trail.seen
    extra: dict[str, Any] = {"budget": before, **shadow_verdict(context.constitution, action)}
    if approval:
        extra["approval"] = approval
    if seen:
        extra["labels"] = sorted(seen)
    kept = {key: value for key, value in action.facts.items() if key not in left_out}
    recorded = Action(stage=action.stage, name=action.name, facts=kept) if left_out else action
    context.audit.record(decision, context, arguments, recorded, **extra)
    through = not decision.refused or approval is not None
    verdict = "allow" if approval else decision.verdict
    context.history.add(action.stage, action.name, verdict, decision.at, seen)
    if through:
        return Outcome(decision=decision, context=context, refusal=None)
    digest = action_digest(action, context) if decision.verdict == "approve" else ""
    return Outcome(decision=decision, context=context, refusal=refused(decision, digest))


def used(context: RunContext) -> dict[str, float]:
    """What the node has used up so far, as it is recorded."""
    spending = context.spending
    return {"seconds": round(spending.seconds, 3), "tool_calls": spending.used("tool_calls")}


def _against(stage: Stage, name: str, article: str, reason: str) -> Decision:
    return refusal(Action(stage=stage, name=name, facts={}), article, reason)


async def decide(
    stage: Stage,
    name: str,
    facts: Mapping[str, Any],
    *,
    effect: bool | None = None,
    arguments: Mapping[str, Any] | None = None,
) -> Decision:
    """The decision on an action, or `PolicyDenied` or `ApprovalNeeded`; usable outside of tasks.

    With `effect`, which is so by itself at the stages of `EFFECTS`, the decision is durable before this
    returns. An approval is bound to the arguments, or to the facts where there are none.
    """
    outcome = judge(stage, name, facts, facts if arguments is None else arguments)
    if outcome.refusal:
        raise outcome.refusal
    if outcome.context and (stage in EFFECTS if effect is None else effect):
        await outcome.context.audit.flush()
    return outcome.decision


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

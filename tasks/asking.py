"""The one place that asks whether something may happen, records the answer, and refuses."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from blocks.constitution.decisions import Action, Decision, Stage
from blocks.context import RunContext, current
from blocks.errors import ApprovalNeeded, PolicyDenied, Refusal
from tasks.hooks import action_digest, ask, refusal

logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """A decision, the context it was made in, and the refusal to raise if it is one."""

    decision: Decision
    context: RunContext | None
    refusal: Refusal | None


def judge(stage: Stage, name: str, facts: Mapping[str, Any], arguments: Mapping[str, Any]) -> Outcome:
    """Asks every hook and records the answer; does no I/O and raises nothing."""
    context = current()
    if context is None:
        action = Action(stage=stage, name=name, facts={})
        decision = refusal(action, "context", "there is no run context: nobody says who acts, and for whom")
        logger.warning("%s %s is denied: there is no run context", stage, name)
        return Outcome(decision=decision, context=None, refusal=refused(decision))
    try:
        action = context.action(stage, name, facts, arguments)
        decision = ask(action, context)
        allowed = not decision.refused or _is_approved(action, context)
        context.audit.record(decision, context, arguments)
    except Exception as error:  # what cannot be asked or recorded is not allowed
        logger.exception("%s %s is denied: the guard failed", stage, name)
        action = Action(stage=stage, name=name, facts={})
        decision = refusal(action, "guard", f"the guard failed: {type(error).__name__}")
        return Outcome(decision=decision, context=context, refusal=refused(decision))
    if allowed:
        return Outcome(decision=decision, context=context, refusal=None)
    approval = action_digest(action, context) if decision.verdict == "approve" else ""
    return Outcome(decision=decision, context=context, refusal=refused(decision, approval))


async def decide(
    stage: Stage,
    name: str,
    facts: Mapping[str, Any],
    *,
    effect: bool = False,
    arguments: Mapping[str, Any] | None = None,
) -> Decision:
    """The decision on an action, or `PolicyDenied` or `ApprovalNeeded`; usable outside of tasks.

    With `effect` the decision is durable before this returns. An approval is bound to the arguments,
    or to the facts where there are none.
    """
    outcome = judge(stage, name, facts, facts if arguments is None else arguments)
    if outcome.refusal:
        raise outcome.refusal
    if effect and outcome.context:
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
        return ApprovalNeeded(message, action_digest=approval, **fields)
    return PolicyDenied(message, **fields)


def _is_approved(action: Action, context: RunContext) -> bool:
    return bool(context.approved) and action_digest(action, context) in context.approved

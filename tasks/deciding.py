"""Deciding an action that is no governed task."""

from collections.abc import Mapping
from typing import Any

from blocks.constitution.decisions import Decision, Stage
from blocks.context import RunContext, current
from tasks.asking import EFFECTS, Earlier, Outcome, judge
from tasks.charging import costs_of, pay
from tasks.idempotency import CallKey
from tasks.steps import Steps, in_turn


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
    returns, and so is what the action costs. An approval is bound to the arguments, or to the facts where
    there are none.
    """
    given = facts if arguments is None else arguments
    context = current()
    outcome = await in_turn(_decided(context, stage, name, facts, given))
    if outcome.replace:
        outcome = outcome.against("guard", "an article replaces arguments, which only a governed task can do")
    if outcome.refusal:
        raise outcome.refusal
    if outcome.context and (stage in EFFECTS if effect is None else effect):
        await outcome.context.audit.flush()
    return outcome.decision


def _decided(
    context: RunContext | None,
    stage: Stage,
    name: str,
    facts: Mapping[str, Any],
    arguments: Mapping[str, Any],
) -> Steps[Outcome]:
    """The decision, and what it costs paid: whoever is told yes does it."""
    if context is None:
        return judge(stage, name, facts, arguments)
    costs = costs_of(stage, context, None, arguments)

    def again(earlier: Earlier | None = None) -> Outcome:
        return judge(stage, name, facts, arguments, costs=costs, earlier=earlier)

    first = again()
    if first.replace or not costs:
        return first
    outcome, charged = yield from pay(first, CallKey(context, (stage, name), arguments), again)
    if charged is not None:
        yield from charged.settle()
    return outcome

"""May this request be served? The constitution says so with the caller as the one who acts."""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Protocol

from blocks.audit.log import AuditLog
from blocks.constitution.decisions import Decision, Stage
from blocks.constitution.source import ConstitutionSource
from blocks.context import Authority, RunContext
from blocks.errors import ApprovalNeeded, PolicyDenied, Refusal
from blocks.identity import Principal
from blocks.shadow import shadow_verdict


class Court(Protocol):
    """Where a permit is asked for and recorded; a hub is one."""

    @property
    def constitution(self) -> ConstitutionSource: ...

    @property
    def audit(self) -> AuditLog: ...


def asker(court: Court, principal: Principal, **fields: Any) -> RunContext:
    """The context of a request: the caller acts, outside of any plan; an agent within its mandate."""
    context = RunContext(
        tenant=principal.tenant,
        principal=principal,
        constitution=court.constitution.of(principal.tenant),
        audit=court.audit,
        **_mandated(principal),
    )
    return replace(context, **fields)


def _mandated(principal: Principal) -> dict[str, Any]:
    mandate = principal.mandate
    if mandate is None:
        return {}
    return {
        "project": mandate.project,
        "node": mandate.node,
        "attempt": mandate.number,
        "generation": mandate.generation,
        "authority": Authority(tools={}, memory=mandate.memory, budget={}),
    }


async def permit(
    context: RunContext,
    stage: Stage,
    name: str,
    facts: Mapping[str, Any],
    arguments: Mapping[str, Any],
    *,
    effect: bool,
) -> Decision:
    """The decision, or its refusal raised; durable when this returns if there is an effect or a refusal."""
    context.trail.trust(arguments)
    if not context.constitution.ready:
        await asyncio.to_thread(context.constitution.current)  # the first look asks the database
    action = context.action(stage, name, facts, arguments)
    decision = context.constitution.current().decide(action)
    context.audit.record(decision, context, arguments, action, **shadow_verdict(context.constitution, action))
    if effect or decision.refused:
        await context.audit.flush()
    if decision.refused:
        raise refusal_of(decision)
    return decision


def refusal_of(decision: Decision) -> Refusal:
    """The error that tells the refusal: which article, and why."""
    weighty = [found for found in decision.articles if found.verdict == decision.verdict]
    article, reason, remedy = "default", "no article allows it", ""
    if weighty:
        article, reason, remedy = weighty[0].article, weighty[0].reason, weighty[0].remedy
    kind = PolicyDenied if decision.verdict == "deny" else ApprovalNeeded
    return kind(
        f"article {article}: {reason}",
        article=article,
        reason=reason,
        action=decision.action,
        stage=decision.stage,
        decision=decision.id,
        **({"mend": remedy} if remedy else {}),
    )

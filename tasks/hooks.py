"""What is asked before an action, in a fixed order: the first refusal wins, and a hook that fails denies."""

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import entry_points
from typing import Any, Protocol

from blocks.agreement import lacking, requirements_of
from blocks.budgets.accounts import Excess
from blocks.constitution.decisions import Action, Decision, Determination, Verdict, decision_id
from blocks.constitution.globs import like
from blocks.context import Authority, RunContext
from blocks.plain import digest, is_exact, plain

logger = logging.getLogger(__name__)
ENTRY_POINTS = "soma.hooks"


class Hook(Protocol):
    """One question asked before an action."""

    name: str

    def check(self, action: Action, context: RunContext) -> Decision | None:
        """A refusal, or None (or any decision that is none) to go on to the next hook."""


def refusal(
    action: Action,
    article: str,
    reason: str,
    *,
    constitution: str = "",
    verdict: Verdict = "deny",
    remedy: str = "",
) -> Decision:
    """A decision against the action in the name of a hook."""
    found = Determination(article=article, verdict=verdict, reason=reason, remedy=remedy, severity="high")
    return Decision(
        id=decision_id(),
        verdict=verdict,
        stage=action.stage,
        action=action.name,
        articles=(found,),
        constitution=constitution,
        at=datetime.now(UTC),
    )


class AuthorityHook:
    """The node's frozen authority: its tools with their argument limits, and its memory scopes."""

    name = "authority"

    def check(self, action: Action, context: RunContext) -> Decision | None:
        if context.authority is None:
            return None
        reason = None
        if action.stage == "tool.call":
            reason = _tool_refusal(action, context.authority)
        elif action.stage in {"memory.read", "memory.write"}:
            reason = _memory_refusal(action, context.authority)
        if reason is None:
            return None
        return refusal(action, self.name, reason, remedy="plan the node again with what it needs")


class ConstitutionHook:
    """The articles in force."""

    name = "constitution"

    def check(self, action: Action, context: RunContext) -> Decision | None:
        return context.constitution.current().decide(action)


class BudgetHook:
    """What tenant, project and node may use up, as far as this run knows; reserving it has the last word."""

    name = "budget"

    def check(self, action: Action, context: RunContext) -> Decision | None:
        over = context.exceeded(action.stage, action.costs)
        if not over:
            return None
        first = over[0]
        return refusal(action, self.name, first.reason, remedy=_more(first, context))


@cache
def hooks() -> tuple[Hook, ...]:
    """The hooks in their order; those of other packages come last."""
    return AuthorityHook(), ConstitutionHook(), BudgetHook(), *_registered()


def _registered() -> Iterator[Hook]:
    for entry in sorted(entry_points(group=ENTRY_POINTS), key=lambda entry: entry.name):
        try:
            loaded = entry.load()
            yield loaded() if isinstance(loaded, type) else loaded
        except Exception as error:  # a check that cannot be loaded must not be left out
            logger.exception("the hook %s cannot be loaded, so everything is denied", entry.name)
            yield _Broken(entry.name, error)


class _Broken:
    def __init__(self, name: str, error: Exception) -> None:
        self.name = name
        self._why = f"the hook cannot be loaded: {type(error).__name__}"

    def check(self, action: Action, context: RunContext) -> Decision | None:  # the contract's
        return refusal(action, self.name, self._why)


def ask(action: Action, context: RunContext, *, replaced: bool = False) -> Decision:
    """The answer of all hooks together: the first refusal that nobody has lifted, else the constitution's.

    With `replaced` the arguments are already those that an article has put in place of others.
    """
    answer: Decision | None = None
    for hook in hooks():
        found = _checked(hook, action, context)
        goes_on = isinstance(hook, BudgetHook) and _goes_on(answer, replaced=replaced)
        if found and found.refused and not goes_on and not approval_of(found, action, context):
            return found
        if isinstance(hook, ConstitutionHook):
            answer = found
    return answer or refusal(action, "constitution", "the constitution gave no answer")


def shows_all(action: Action) -> bool:
    """Whether the action's digest stands for these arguments and no others."""
    return is_exact(action.facts["task"]["arguments"], 1)  # they lie one level deep in what is digested


def approval_of(decision: Decision, action: Action, context: RunContext) -> dict[str, Any] | None:
    """The approval that opens this action under the terms of the articles that ask now, if there is one."""
    if decision.verdict != "approve" or not context.approved:
        return None
    found = action_digest(action, context)
    if found not in context.approved or not shows_all(action):
        return None
    votes = context.approved[found]
    requester = str(context.project_facts.get("requested_by") or "")
    if lacking(requirements_of(decision), votes, requester):
        return None
    return {"digest": found, "by": sorted({vote.by for vote in votes})}


def action_digest(action: Action, context: RunContext) -> str:
    """What an approval is bound to: exactly this action with exactly these arguments, in this node."""
    return digest(
        {
            "stage": action.stage,
            "action": action.name,
            "arguments": action.facts["task"]["arguments"],
            "project": context.project,
            "node": context.node,
        }
    )


def _checked(hook: Hook, action: Action, context: RunContext) -> Decision | None:
    try:
        return hook.check(action, context)
    except Exception as error:  # a check that fails has not passed
        logger.exception("the hook %s failed, so %s is denied", hook.name, action.name)
        return refusal(action, hook.name, f"the check failed: {type(error).__name__}")


def _goes_on(answer: Decision | None, *, replaced: bool) -> bool:
    """Whether an article about the limit lets the action go on: people agreed, or it is made cheaper."""
    found = answer.articles if answer else ()
    asked = any(item.at_limit and item.verdict == "approve" for item in found)
    return asked or (not replaced and any(item.at_limit and item.replace for item in found))


def _more(over: Excess, context: RunContext) -> str:
    """What would help at a limit."""
    command = f"soma budgets set {over.account.kind} LIMIT"
    if over.account.level == "tenant":
        return f"an admin can raise it: `{command}`"
    if over.account.level == "project" or context.project is not None:
        node = f" --node {context.node}" if over.account.level == "node" else ""
        return f"plan it with more, or an admin raises it: `{command} --project {context.project}{node}`"
    return "plan the node again with a larger budget"


def _tool_refusal(action: Action, authority: Authority) -> str | None:
    if action.name in authority.tools:
        limits: Sequence[Mapping[str, Any]] = [authority.tools[action.name]]
    else:
        limits = [found for pattern, found in authority.tools.items() if like(action.name, pattern)]
    if not limits:
        return f"the node has no tool {action.name!r}; it has {', '.join(sorted(authority.tools)) or 'none'}"
    arguments = action.facts["task"]["arguments"]
    reasons = (
        f"the argument {name!r} of {action.name} {reason}"
        for found in limits
        for name, limit in found.items()
        if (reason := _beyond(arguments, name, limit))
    )
    return next(reasons, None)


def _beyond(arguments: Mapping[str, Any], name: str, limit: Any) -> str | None:
    """Why the argument breaks its limit: a bound, a glob, a list of values, or `{min, max, one_of, like}`."""
    if name not in arguments:
        return "is limited, but the tool does not have it"
    value = plain(arguments[name])
    if isinstance(limit, Mapping):
        tests = [(kind, bound) for kind, bound in limit.items()]
    else:
        tests = [(_kind_of(limit), limit)]
    return next((reason for kind, bound in tests if (reason := _broken(value, kind, bound))), None)


def _kind_of(limit: Any) -> str:
    if isinstance(limit, bool) or limit is None:
        return "equals"
    if isinstance(limit, int | float):
        return "max"
    return "like" if isinstance(limit, str) else "one_of"


def _broken(value: Any, kind: str, bound: Any) -> str | None:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    tests: Mapping[str, Callable[[], bool]] = {
        "max": lambda: number and value <= bound,
        "min": lambda: number and value >= bound,
        "equals": lambda: value is bound,
        "one_of": lambda: value in bound,
        "like": lambda: isinstance(value, str) and like(value, bound),
    }
    if kind not in tests:
        return f"has a limit of the unknown kind {kind!r}"
    return None if tests[kind]() else f"is beyond its limit ({kind.replace('_', ' ')} {bound!r})"


def _memory_refusal(action: Action, authority: Authority) -> str | None:
    scope = action.facts.get("memory", {}).get("scope")
    if scope in authority.memory:
        return None
    return f"the node has no memory scope {scope!r}; it has {', '.join(sorted(authority.memory)) or 'none'}"

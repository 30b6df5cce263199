"""What governed calls cost: reserved before the body runs, and settled by what it says that it has used."""

import logging
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

from blocks.budgets.accounts import Answer
from blocks.budgets.amounts import UNIT, Amounts, Number, amounts_of, exact, kind_of
from blocks.constitution.decisions import Stage
from blocks.context import RunContext
from tasks.asking import Earlier, Outcome
from tasks.idempotency import CallKey
from tasks.steps import Steps

logger = logging.getLogger(__name__)

Costs = Callable[[Mapping[str, Any]], Mapping[str, Number]]
"""From the arguments of a call to the most that it can cost, by kind."""
ALWAYS: Mapping[Stage, Amounts] = {"tool.call": {"tool_calls": UNIT}}
"""What every action of a stage costs."""
MUST_SAY = ("tokens", "money")
"""Of these a model request says how much it may use, where they are limited."""
ROUNDS = 5
"""How often an action is decided anew because somebody else was faster to reserve."""
NOTHING: Amounts = {}

_charged: ContextVar["Charged | None"] = ContextVar("soma_charged", default=None)


class SaysNotWhatItCosts(ValueError):
    """A model request does not say what it may use of a budget that is limited."""


@dataclass(kw_only=True, eq=False, slots=True)
class Charged:
    """A reservation for one call, until it is settled."""

    context: RunContext
    key: str
    begun: bool = False
    """Whether the body has begun to run."""
    used: dict[str, int] = field(default_factory=dict)
    """What the body has told; of other kinds, what was reserved counts."""

    def give_back(self) -> None:
        """The body will not run; whoever gives it back does not wait."""
        self.context.spending.release(self.key)

    def settle(self) -> Steps[None]:
        """Tell what the call has cost; a failure leaves that to whoever looks for orphans."""
        try:
            yield self.context.spending.settle(self.key, self.used)
        except Exception:
            logger.exception("what %s has cost could not be settled, so what was reserved counts", self.key)


def report_use(**used: Number) -> None:
    """Say, inside of a governed body, what it has really used: `report_use(tokens=812, money="0.0021")`.

    The last word on each kind counts. Where nothing is limited, it does nothing.
    """
    amounts = {kind_of(name): exact(value) for name, value in used.items()}
    charged = _charged.get()
    if charged is not None:
        charged.used.update(amounts)


def set_charged(charged: "Charged | None") -> "Charged | None":
    """From here on, `report_use` speaks of this charge; returns the one that it spoke of before."""
    before = _charged.get()
    _charged.set(charged)
    return before


def costs_of(
    stage: Stage, context: RunContext, costs: Costs | None, arguments: Mapping[str, Any], told: Any = None
) -> Amounts:
    """What a call takes of the budgets that are limited; `told` are the tokens that a model's facts name."""
    spending = context.meter
    if not spending.has_limits:
        return NOTHING
    given: dict[str, Number] = dict(costs(arguments)) if costs is not None else {}
    if stage == "model.request" and isinstance(told, int) and "tokens" not in given:
        given["tokens"] = told
    if stage == "model.request":
        for kind in MUST_SAY:
            if kind not in given and spending.limited({kind: 1}):
                raise SaysNotWhatItCosts(
                    f"it does not say how much of the limited budget of {kind} it may use; "
                    "give `costs=` to its governed task"
                )
    return spending.limited({**ALWAYS.get(stage, NOTHING), **amounts_of(given)})


def pay(
    outcome: Outcome, key: CallKey, again: Callable[[Earlier], Outcome]
) -> Steps[tuple[Outcome, Charged | None]]:
    """Reserve what the decided action costs; where somebody was faster, it is decided again at its limit.

    `key` is the action's idempotency key, `again` gives a new decision. One that is refused, or whose
    arguments are to be replaced first, is paid for by nobody.
    """
    for _ in range(ROUNDS):
        if outcome.refusal or outcome.replace or not outcome.costs or outcome.context is None:
            return outcome, None
        charged = Charged(context=outcome.context, key=outcome.context.spending.key(key()))
        answer: Answer = yield from _reserved(charged, outcome)
        if not answer.over:
            return outcome, charged
        outcome = again(Earlier(decision=outcome.decision.id))
    return outcome.against("budget", "others used up the budget while this was decided; try again"), None


def _reserved(charged: Charged, outcome: Outcome) -> Steps[Answer]:
    spending = charged.context.spending
    asked: Future[Answer] = spending.reserve(
        charged.key, outcome.costs, action=outcome.decision.action, lifted=outcome.lifted
    )
    try:
        found: Answer = yield asked
    except BaseException:
        asked.add_done_callback(lambda _: charged.give_back())
        raise
    return found

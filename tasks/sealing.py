"""A function that asks before it runs, and that does not hand out the function inside it."""

import functools
import inspect
from collections.abc import AsyncIterator, Callable, Generator, Iterable, Mapping
from contextlib import AbstractContextManager, aclosing, closing
from contextvars import ContextVar
from dataclasses import dataclass, replace
from functools import cached_property, partial
from types import FunctionType
from typing import Any

from prefect.context import TaskRunContext

from blocks.budgets.amounts import Amounts
from blocks.constitution.decisions import Action, Stage
from blocks.constitution.detectors.secrets import has_secret, redacted
from blocks.constitution.replacements import CannotReplace, with_replaced
from blocks.context import current
from blocks.errors import ApprovalNeeded, PolicyDenied
from blocks.plain import plain
from blocks.records.holding import assure, assured
from blocks.tracing.spans import Attribute, Span, is_tracing, span
from tasks.asking import NO_COSTS, Earlier, Outcome, judge, refused
from tasks.charging import Charged, Costs, costs_of, pay
from tasks.edits import agreed_edit, edited, offered_call
from tasks.hooks import refusal
from tasks.idempotency import PARAMETER, CallKey
from tasks.refused_runs import name_refused_run
from tasks.results import Running
from tasks.steps import Steps, at_once, in_turn

Facts = Callable[[Mapping[str, Any]], Mapping[str, Any]]
Labels = tuple[str, ...] | Callable[[Mapping[str, Any], Any], Iterable[tuple[Any, tuple[str, ...]]]]
Call = tuple[tuple[Any, ...], dict[str, Any]]

_decided: ContextVar[tuple[TaskRunContext, Mapping[str, Any], Outcome] | None] = ContextVar(
    "soma_decided", default=None
)
"""The decision that the cache key of this very run was computed under; its body does not ask twice."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Seal:
    """What a sealed function asks about; it knows the signature, never the function."""

    stage: Stage
    action: str
    effect: bool
    facts: Facts | None
    signature: inspect.Signature
    labels: Labels = ()
    """What its results are labelled with: one way for all, or a function that splits a result."""
    costs: Costs | None = None
    """The most that a call can cost."""

    def judge(
        self, arguments: Mapping[str, Any], earlier: Earlier | None = None, *, paid: bool = False
    ) -> Outcome:
        """Asks about a call with these arguments; `paid` says that an earlier attempt paid for it."""
        given: dict[str, Any] = {}
        if self.stage in {"tool.call", "tool.result"}:
            given["tool"] = {"name": self.action, "arguments": arguments}
        try:
            given.update(self.facts(arguments) if self.facts else {})
        except Exception as error:  # noqa: BLE001  # facts that cannot be had must not let anything through
            return self._against(f"its facts cannot be had: {type(error).__name__}: {error}")
        try:
            costs = NO_COSTS if paid else self._costs(arguments, given)
        except Exception as error:  # noqa: BLE001  # what cannot be reserved must not happen
            return self._against(f"its costs cannot be had: {type(error).__name__}: {error}")
        outcome = judge(self.stage, self.action, given, arguments, costs=costs, earlier=earlier)
        if isinstance(outcome.refusal, ApprovalNeeded):
            outcome.refusal.fields["offered"] = offered_call(self, arguments)
        return outcome

    def judge_for_cache(self, run: TaskRunContext, arguments: Mapping[str, Any]) -> Outcome:
        """Asks, and keeps the answer for the body of the same run."""
        if agreed_edit(self, arguments) is not None:
            return self._against("people have changed its arguments, so an answer to these is none to it")
        outcome = self.judge(arguments)
        _decided.set((run, arguments, outcome))
        if outcome.context and not outcome.refusal and isinstance(self.labels, tuple) and self.labels:
            # An answer from the cache never passes through the body: what it is counts as seen from here on.
            outcome.context.trail.take(None, self.labels, self.action)
        return outcome

    def admit(self, args: tuple[Any, ...], kwargs: dict[str, Any], seen: Span) -> Steps[tuple[Running, Call]]:
        """The body's run and the arguments to run it with, or the refusal raised.

        What the call costs is reserved by then, and the decision on an effect is durable.
        """
        bound = self.signature.bind(*args, **kwargs)
        bound.apply_defaults()
        run = self._own_run()
        self._take_edit(run, bound)
        key = self.key_of(bound.arguments, run)
        paid = yield from self._look_first(bound.arguments, key)
        kept = self._kept(run, bound.arguments) if run is not None else None
        outcome = kept or self.judge(bound.arguments, paid=paid)
        outcome, charged = yield from self._pay(bound, outcome, key)
        if is_tracing():
            seen.say({"soma.verdict": outcome.decision.verdict, "soma.decision": outcome.decision.id})
        if outcome.refusal:
            if run is not None:
                name_refused_run(run.task_run)
            raise outcome.refusal
        if PARAMETER in bound.arguments and bound.arguments[PARAMETER] is None:
            bound.arguments[PARAMETER] = key()
        running = Running(seal=self, outcome=outcome, arguments=bound.arguments, key=key, charged=charged)
        if self.effect and outcome.context:
            try:
                yield outcome.context.audit.barrier()
            except BaseException:
                running.given_up()
                raise
        return running, (bound.args, bound.kwargs)

    def seen(self, *, held: bool = True) -> AbstractContextManager[Span]:
        """The span of one call, with the question and the answer."""
        return span(f"{self.stage} {self.action}", self.named, held=held)

    @cached_property
    def named(self) -> Mapping[str, Attribute]:
        """What a span says of every call."""
        return {"soma.stage": self.stage, "soma.action": self.action}

    def _look_first(self, arguments: Mapping[str, Any], key: CallKey) -> Steps[bool]:
        """Where a limit seems to be reached, bring what is known of the accounts up to date.

        Returns whether an earlier attempt has paid for this very call.
        """
        context = current()
        try:
            costs = self._costs(arguments, {})
            over = context and context.exceeded(self.stage, costs)
        except Exception:  # noqa: BLE001  # deciding runs into the same, and refuses
            return False
        if context is None or not over:
            return False
        yield context.spending.look()
        unpaid: Amounts = yield context.spending.unpaid(context.spending.key(key()), costs)
        return not unpaid

    def _pay(
        self, bound: inspect.BoundArguments, outcome: Outcome, key: CallKey
    ) -> Steps[tuple[Outcome, Charged | None]]:
        """Reserve what the call costs, with what articles put in place of arguments and without secrets."""
        replaced: Mapping[str, Any] | None = None
        while True:
            if outcome.replace and not outcome.refusal:
                replaced = outcome.replace
                outcome = self._replace(bound, outcome)
            if not outcome.refusal and _masks(outcome):
                outcome = self._redact(bound, outcome)
            if outcome.refusal or not outcome.costs:
                return outcome, None
            outcome, charged = yield from pay(outcome, key, partial(self._again, bound, replaced))
            if charged or not outcome.replace:
                return outcome, charged

    def _again(
        self, bound: inspect.BoundArguments, replaced: Mapping[str, Any] | None, earlier: Earlier
    ) -> Outcome:
        return self.judge(bound.arguments, replace(earlier, replaced=replaced))

    def _replace(self, bound: inspect.BoundArguments, outcome: Outcome) -> Outcome:
        """The decision on the call with other arguments, which are put in place of those it was given."""
        try:
            changed = with_replaced(bound.arguments, outcome.replace)
        except CannotReplace as missing:
            return self._against(f"an article replaces the argument {missing}, which it does not have")
        bound.arguments.update(changed)
        return self.judge(changed, Earlier(decision=outcome.decision.id, replaced=outcome.replace))

    def _costs(self, arguments: Mapping[str, Any], facts: Mapping[str, Any]) -> Amounts:
        context = current()
        if context is None:
            return NO_COSTS
        model = facts.get("model")
        told = model.get("tokens") if isinstance(model, Mapping) else None
        return costs_of(self.stage, context, self.costs, arguments, told)

    def key_of(self, arguments: Mapping[str, Any], run: TaskRunContext | None) -> CallKey:
        """The key of this call; a run that Prefect repeats is the same call."""
        again = str(run.task_run.id) if run is not None else None
        return CallKey(current(), (self.stage, self.action), arguments, again)

    def _take_edit(self, run: TaskRunContext | None, bound: inspect.BoundArguments) -> None:
        """Put the arguments in place that people agreed to instead; they are then decided like any."""
        if (edit := agreed_edit(self, bound.arguments)) is None:
            return
        try:
            bound.arguments.update(edited(self, bound.arguments, edit))
        except PolicyDenied:
            if run is not None:
                name_refused_run(run.task_run)
            raise

    def give(self, running: Running, result: Any) -> Any:
        """What of the body's result may be handed out, or the refusal raised."""
        try:
            return running.received(result)
        except PolicyDenied:
            if (run := self._own_run()) is not None:
                name_refused_run(run.task_run)
            raise

    def result_facts(self, arguments: Mapping[str, Any], result: Any) -> Mapping[str, Any]:
        """The facts of the stage that decides about the result."""
        if self.stage == "tool.call":
            return {"tool": {"name": self.action, "arguments": arguments, "result": result}}
        shown = {"text": result} if isinstance(result, str) else plain(result)
        asked = self.facts(arguments) if self.facts else {}
        return {**asked, "response": shown if isinstance(shown, dict) else {}}

    def taken(self, arguments: Mapping[str, Any], result: Any) -> Iterable[tuple[Any, tuple[str, ...]]]:
        """The parts of the result that the node takes in, with their labels."""
        if callable(self.labels):
            return self.labels(arguments, result)
        return ((result, self.labels),) if self.labels else ()

    def _own_run(self) -> TaskRunContext | None:
        """The run of this very task that Prefect has under way, if it called the body."""
        run = TaskRunContext.get()
        return run if run is not None and seal_of(run.task.fn) is self else None

    def _kept(self, run: TaskRunContext, arguments: Mapping[str, Any]) -> Outcome | None:
        """What was decided for the cache of this very run, unless that was refused for old accounts."""
        kept = _decided.get()
        _decided.set(None)
        if not getattr(type(run.task), "keeps_seals", False):
            return self._against("its function was put into a task that does not ask; call the governed task")
        if kept and kept[0] is run and _same(kept[1], arguments) and not (kept[2].refusal and kept[2].over):
            return kept[2]
        return None

    def _redact(self, bound: inspect.BoundArguments, outcome: Outcome) -> Outcome:
        for name, value in bound.arguments.items():
            bound.arguments[name] = redacted(value)
        if has_secret(plain(bound.arguments)):
            return self._against("its arguments hold a secret that cannot be redacted; pass plain values")
        return outcome

    def _against(self, reason: str) -> Outcome:
        decision = refusal(Action(stage=self.stage, name=self.action, facts={}), "guard", reason)
        return Outcome(decision=decision, context=None, refusal=refused(decision))


def seal(body: Callable[..., Any], given: Seal) -> Callable[..., Any]:
    """The body behind the seal, of the same kind: sync or async, function or generator."""
    if inspect.isasyncgenfunction(body):
        sealed = _async_generator(body, given)
    elif inspect.isgeneratorfunction(body):
        sealed = _generator(body, given)
    elif inspect.iscoroutinefunction(body):
        sealed = _coroutine(body, given)
    else:
        sealed = _function(body, given)
    functools.update_wrapper(sealed, body)
    del sealed.__wrapped__  # type: ignore[attr-defined]  # update_wrapper leaves the raw function there
    sealed.__signature__ = given.signature  # type: ignore[attr-defined]
    sealed.__soma_seal__ = given  # type: ignore[attr-defined]
    return sealed


def seal_of(function: object) -> Seal | None:
    """The seal of a sealed function; None for any other, whatever attributes it carries."""
    if isinstance(function, FunctionType) and function.__code__ in _CODES:
        found: Seal | None = getattr(function, "__soma_seal__", None)
        return found
    return None


def _same(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    return one.keys() == other.keys() and all(_identical(one[name], other[name]) for name in one)


def _identical(one: Any, other: Any) -> bool:
    if one is other:
        return True
    if type(one) is type(other) is tuple:
        return len(one) == len(other) and all(map(_identical, one, other))
    return type(one) is type(other) is dict and _same(one, other)


def _masks(outcome: Outcome) -> bool:
    return any(item.verdict == "redact" and not item.replace for item in outcome.decision.articles)


def _function(body: Callable[..., Any], given: Seal) -> Callable[..., Any]:
    def sealed(*args: Any, **kwargs: Any) -> Any:
        with given.seen() as seen:
            running, (args, kwargs) = at_once(given.admit(args, kwargs, seen))
            try:
                if given.effect:
                    assure()
                with running.to_its_end() as end:
                    end.result = body(*args, **kwargs)
                    return given.give(running, end.result)
            finally:
                at_once(running.settled())

    return sealed


def _coroutine(body: Callable[..., Any], given: Seal) -> Callable[..., Any]:
    async def sealed(*args: Any, **kwargs: Any) -> Any:
        with given.seen() as seen:
            running, (args, kwargs) = await in_turn(given.admit(args, kwargs, seen))
            try:
                if given.effect:
                    await assured()
                with running.to_its_end() as end:
                    end.result = await body(*args, **kwargs)
                    return given.give(running, end.result)
            finally:
                if running.charged:
                    await in_turn(running.settled())

    return sealed


def _generator(body: Callable[..., Any], given: Seal) -> Callable[..., Any]:
    def sealed(*args: Any, **kwargs: Any) -> Generator[Any, Any, Any]:
        with given.seen(held=False) as seen:
            running, (args, kwargs) = at_once(given.admit(args, kwargs, seen))
            try:
                if given.effect:
                    assure()
                with running.to_its_end(), closing(body(*args, **kwargs)) as items:
                    for item in items:
                        yield given.give(running, item)
            finally:
                at_once(running.settled())

    return sealed


def _async_generator(body: Callable[..., Any], given: Seal) -> Callable[..., Any]:
    async def sealed(*args: Any, **kwargs: Any) -> AsyncIterator[Any]:
        with given.seen(held=False) as seen:
            running, (args, kwargs) = await in_turn(given.admit(args, kwargs, seen))
            try:
                if given.effect:
                    await assured()
                with running.to_its_end():
                    async with aclosing(body(*args, **kwargs)) as items:
                        async for item in items:
                            yield given.give(running, item)
            finally:
                if running.charged:
                    await in_turn(running.settled())

    return sealed


def _code_of(maker: Callable[..., Any]) -> Any:
    nothing = Seal(stage="task", action="", effect=False, facts=None, signature=inspect.Signature())
    return maker(lambda: None, nothing).__code__


_CODES = frozenset(map(_code_of, (_function, _coroutine, _generator, _async_generator)))

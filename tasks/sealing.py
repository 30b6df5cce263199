"""A function that asks before it runs, and that does not hand out the function inside it."""

import functools
import inspect
from collections.abc import AsyncIterator, Callable, Generator, Mapping
from contextlib import aclosing
from contextvars import ContextVar
from dataclasses import dataclass
from types import FunctionType
from typing import Any

from prefect.context import TaskRunContext

from blocks.constitution.decisions import Action, Stage
from blocks.constitution.detectors.secrets import has_secret, redacted
from blocks.plain import plain
from tasks.asking import Outcome, judge, refused
from tasks.hooks import refusal
from tasks.refused_runs import name_refused_run

Facts = Callable[[Mapping[str, Any]], Mapping[str, Any]]
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

    def judge(self, arguments: Mapping[str, Any]) -> Outcome:
        """Asks about a call with these arguments."""
        given: dict[str, Any] = {}
        if self.stage in {"tool.call", "tool.result"}:
            given["tool"] = {"name": self.action, "arguments": arguments}
        try:
            given.update(self.facts(arguments) if self.facts else {})
        except Exception as error:  # noqa: BLE001  # facts that cannot be had must not let anything through
            return self._against(f"its facts cannot be had: {type(error).__name__}: {error}")
        return judge(self.stage, self.action, given, arguments)

    def judge_for_cache(self, run: TaskRunContext, arguments: Mapping[str, Any]) -> Outcome:
        """Asks, and keeps the answer for the body of the same run."""
        outcome = self.judge(arguments)
        _decided.set((run, arguments, outcome))
        return outcome

    def admit(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Outcome, Call]:
        """The outcome and the arguments to run with, or the refusal raised."""
        bound = self.signature.bind(*args, **kwargs)
        bound.apply_defaults()
        run = TaskRunContext.get()
        own_run = run is not None and seal_of(run.task.fn) is self
        outcome = self._outcome(run, bound.arguments) if own_run else self.judge(bound.arguments)
        if not outcome.refusal and any(item.verdict == "redact" for item in outcome.decision.articles):
            outcome = self._redact(bound, outcome)
        if outcome.refusal:
            if own_run and run is not None:
                name_refused_run(run.task_run)
            raise outcome.refusal
        return outcome, (bound.args, bound.kwargs)

    def _outcome(self, run: TaskRunContext | None, arguments: Mapping[str, Any]) -> Outcome:
        kept = _decided.get()
        _decided.set(None)
        if run is not None and not getattr(type(run.task), "keeps_seals", False):
            return self._against("its function was put into a task that does not ask; call the governed task")
        if kept and kept[0] is run and _same(kept[1], arguments):
            return kept[2]
        return self.judge(arguments)

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


def _function(body: Callable[..., Any], given: Seal) -> Callable[..., Any]:
    def sealed(*args: Any, **kwargs: Any) -> Any:
        outcome, (args, kwargs) = given.admit(args, kwargs)
        if given.effect and outcome.context:
            outcome.context.audit.flush_blocking()
        return body(*args, **kwargs)

    return sealed


def _coroutine(body: Callable[..., Any], given: Seal) -> Callable[..., Any]:
    async def sealed(*args: Any, **kwargs: Any) -> Any:
        outcome, (args, kwargs) = given.admit(args, kwargs)
        if given.effect and outcome.context:
            await outcome.context.audit.flush()
        return await body(*args, **kwargs)

    return sealed


def _generator(body: Callable[..., Any], given: Seal) -> Callable[..., Any]:
    def sealed(*args: Any, **kwargs: Any) -> Generator[Any, Any, Any]:
        outcome, (args, kwargs) = given.admit(args, kwargs)
        if given.effect and outcome.context:
            outcome.context.audit.flush_blocking()
        return (yield from body(*args, **kwargs))

    return sealed


def _async_generator(body: Callable[..., Any], given: Seal) -> Callable[..., Any]:
    async def sealed(*args: Any, **kwargs: Any) -> AsyncIterator[Any]:
        outcome, (args, kwargs) = given.admit(args, kwargs)
        if given.effect and outcome.context:
            await outcome.context.audit.flush()
        async with aclosing(body(*args, **kwargs)) as items:
            async for item in items:
                yield item

    return sealed


def _code_of(maker: Callable[..., Any]) -> Any:
    nothing = Seal(stage="task", action="", effect=False, facts=None, signature=inspect.Signature())
    return maker(lambda: None, nothing).__code__


_CODES = frozenset(map(_code_of, (_function, _coroutine, _generator, _async_generator)))

"""A function that asks before it runs, and that does not hand out the function inside it."""

import functools
import inspect
from collections.abc import AsyncIterator, Callable, Generator, Iterable, Mapping
from contextlib import aclosing, closing
from contextvars import ContextVar
from dataclasses import dataclass
from types import FunctionType
from typing import Any

from prefect.context import TaskRunContext

from blocks.constitution.decisions import Action, Stage
from blocks.constitution.detectors.secrets import has_secret, redacted
from blocks.errors import PolicyDenied
from blocks.plain import plain
from tasks.asking import Outcome, judge, refused
from tasks.hooks import refusal
from tasks.refused_runs import name_refused_run
from tasks.results import Running

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
        if outcome.context and not outcome.refusal and isinstance(self.labels, tuple) and self.labels:
            # An answer from the cache never passes through the body: what it is counts as seen from here on.
            outcome.context.trail.take(None, self.labels, self.action)
        return outcome

    def admit(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Running, Call]:
        """The body's run and the arguments to run it with, or the refusal raised."""
        bound = self.signature.bind(*args, **kwargs)
        bound.apply_defaults()
        run = self._own_run()
        outcome = self.judge(bound.arguments) if run is None else self._outcome(run, bound.arguments)
        if not outcome.refusal and any(item.verdict == "redact" for item in outcome.decision.articles):
            outcome = self._redact(bound, outcome)
        if outcome.refusal:
            if run is not None:
                name_refused_run(run.task_run)
            raise outcome.refusal
        return Running(seal=self, outcome=outcome, arguments=bound.arguments), (bound.args, bound.kwargs)

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

    def _outcome(self, run: TaskRunContext, arguments: Mapping[str, Any]) -> Outcome:
        kept = _decided.get()
        _decided.set(None)
        if not getattr(type(run.task), "keeps_seals", False):
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
        running, (args, kwargs) = given.admit(args, kwargs)
        if given.effect and running.outcome.context:
            running.outcome.context.audit.flush_blocking()
        with running.to_its_end() as end:
            end.result = body(*args, **kwargs)
            return given.give(running, end.result)

    return sealed


def _coroutine(body: Callable[..., Any], given: Seal) -> Callable[..., Any]:
    async def sealed(*args: Any, **kwargs: Any) -> Any:
        running, (args, kwargs) = given.admit(args, kwargs)
        if given.effect and running.outcome.context:
            await running.outcome.context.audit.flush()
        with running.to_its_end() as end:
            end.result = await body(*args, **kwargs)
            return given.give(running, end.result)

    return sealed


def _generator(body: Callable[..., Any], given: Seal) -> Callable[..., Any]:
    def sealed(*args: Any, **kwargs: Any) -> Generator[Any, Any, Any]:
        running, (args, kwargs) = given.admit(args, kwargs)
        if given.effect and running.outcome.context:
            running.outcome.context.audit.flush_blocking()
        with running.to_its_end(), closing(body(*args, **kwargs)) as items:
            for item in items:
                yield given.give(running, item)

    return sealed


def _async_generator(body: Callable[..., Any], given: Seal) -> Callable[..., Any]:
    async def sealed(*args: Any, **kwargs: Any) -> AsyncIterator[Any]:
        running, (args, kwargs) = given.admit(args, kwargs)
        if given.effect and running.outcome.context:
            await running.outcome.context.audit.flush()
        with running.to_its_end():
            async with aclosing(body(*args, **kwargs)) as items:
                async for item in items:
                    yield given.give(running, item)

    return sealed


def _code_of(maker: Callable[..., Any]) -> Any:
    nothing = Seal(stage="task", action="", effect=False, facts=None, signature=inspect.Signature())
    return maker(lambda: None, nothing).__code__


_CODES = frozenset(map(_code_of, (_function, _coroutine, _generator, _async_generator)))

"""The governed task: a Prefect task that asks before its body runs, whichever way it is run.

The question sits inside the function that Prefect calls, so no way of calling, submitting, copying or
reconfiguring the task leaves it out; the class around it only keeps caching and retries from getting past.
"""

import inspect
from collections.abc import Callable, Mapping
from typing import Any, ParamSpec, TypeVar, cast, overload

from prefect import Task
from prefect.client.schemas.objects import State, TaskRun
from prefect.tasks import _generate_task_key

from blocks.constitution.decisions import Stage
from blocks.errors import PolicyDenied
from tasks.asking import EFFECTS
from tasks.caching import GuardedCache, guarded
from tasks.charging import Costs
from tasks.deciding import decide as decide  # noqa: PLC0414  # asked for here
from tasks.refused_runs import refusal_in
from tasks.sealing import Facts, Labels, Seal, seal, seal_of

P = ParamSpec("P")
R = TypeVar("R")

LABELS: Mapping[Stage, tuple[str, ...]] = {"tool.call": ("tool_output",)}
"""What results are labelled with that a task says nothing about."""


class GovernedTask(Task[P, R]):
    """A task whose body runs only when every hook allows the call."""

    keeps_seals = True
    """A sealed function does not run in a task without this."""

    def __init__(
        self,
        fn: Callable[P, R],
        *,
        stage: Stage = "task",
        action: str | None = None,
        effect: bool | None = None,
        facts: Facts | None = None,
        labels: Labels | None = None,
        costs: Costs | None = None,
        **options: Any,
    ) -> None:
        body = fn.__func__ if isinstance(fn, classmethod | staticmethod) else fn
        given = Seal(
            stage=stage,
            action=action or str(getattr(body, "__name__", type(body).__name__)),
            effect=stage in EFFECTS if effect is None else effect,
            facts=facts,
            signature=inspect.signature(body),
            labels=LABELS.get(stage, ()) if labels is None else labels,
            costs=costs,
        )
        sealed: Any = body if seal_of(body) else seal(body, given)
        if isinstance(fn, classmethod | staticmethod):
            super().__init__(fn=type(fn)(sealed), **options)
        else:
            super().__init__(fn=sealed, **options)
        if sealed is not body:
            self._describe(body)

    def _describe(self, body: Callable[..., Any]) -> None:
        """What Prefect derives from a function's code comes from the body, not from the seal around it."""
        self.task_key = _generate_task_key(body)
        try:
            self.source_code = inspect.getsource(body)
        except (TypeError, OSError):
            self.source_code = None

    @property
    def seal(self) -> Seal:
        found = seal_of(self.__dict__.get("fn"))
        if found is None:
            raise PolicyDenied("this task has lost its seal; declare it again with @governed_task")
        return found

    @property
    def fn(self) -> Callable[P, R]:
        return cast("Callable[P, R]", self.__dict__["fn"])

    @fn.setter
    def fn(self, function: Callable[P, R]) -> None:
        self.__dict__["fn"] = function if seal_of(function) else seal(function, self.seal)

    @property
    def cache_policy(self) -> Any:
        return self.__dict__["cache_policy"]

    @cache_policy.setter
    def cache_policy(self, policy: Any) -> None:
        self.__dict__["cache_policy"] = guarded(policy, self.seal)

    @property
    def result_storage_key(self) -> Any:
        return self.__dict__["result_storage_key"]

    @result_storage_key.setter
    def result_storage_key(self, key: Any) -> None:
        self.__dict__["result_storage_key"] = key
        if key is not None and self.cache_policy is None:
            self.__dict__["cache_policy"] = GuardedCache(storage_key=key, seal=self.seal)

    @property
    def retry_condition_fn(self) -> Any:
        return self.__dict__["retry_condition_fn"]

    @retry_condition_fn.setter
    def retry_condition_fn(self, condition: Any) -> None:
        self.__dict__["retry_condition_fn"] = final_refusals(condition)

    def with_options(self, **options: Any) -> "GovernedTask[P, R]":
        """The same task with other options; it asks about the same action."""
        changed = super().with_options(**options)
        changed.__class__ = type(self)
        governed = cast("GovernedTask[P, R]", changed)
        governed.cache_policy = changed.__dict__["cache_policy"]
        governed.result_storage_key = changed.__dict__["result_storage_key"]
        governed.retry_condition_fn = changed.__dict__["retry_condition_fn"]
        governed.task_key, governed.source_code = self.task_key, self.source_code
        return governed


def final_refusals(condition: Any) -> Any:
    """A retry condition under which a refusal is never tried again."""
    if getattr(condition, "__code__", None) in _FINAL:
        return condition
    return _async_condition(condition) if inspect.iscoroutinefunction(condition) else _condition(condition)


def _condition(inner: Any) -> Callable[..., Any]:
    def final(task: Any, run: TaskRun, state: State[Any]) -> bool:
        return refusal_in(state) is None and (inner is None or bool(inner(task, run, state)))

    return final


def _async_condition(inner: Any) -> Callable[..., Any]:
    async def final(task: Any, run: TaskRun, state: State[Any]) -> bool:
        return refusal_in(state) is None and bool(await inner(task, run, state))

    return final


_FINAL = frozenset({_condition(None).__code__, _async_condition(None).__code__})


@overload
def governed_task(fn: Callable[P, R], /) -> GovernedTask[P, R]: ...


@overload
def governed_task(
    *,
    stage: Stage = "task",
    action: str | None = None,
    effect: bool | None = None,
    facts: Facts | None = None,
    labels: Labels | None = None,
    costs: Costs | None = None,
    **task_options: Any,
) -> Callable[[Callable[P, R]], GovernedTask[P, R]]: ...


def governed_task(fn: Callable[P, R] | None = None, /, **options: Any) -> Any:
    """Makes a function a governed task.

    `stage` and `action` (the function's name unless given) are what the constitution is asked about.
    `facts` maps the call's arguments to the stage's own facts. With `effect`, as at all stages of `EFFECTS`
    unless said otherwise, the decision is durable before the body runs. `labels` say where its results come
    from (`tool_output` for a tool): words for the whole result, or a function of arguments and result that
    gives parts with their labels. `costs` maps the arguments to the most that the call can cost, such as
    `{"tokens": 2000, "money": "0.02"}`; what it has used it tells with `tasks.charging.report_use`. The other
    options are those of Prefect's `@task`.
    """
    if fn is not None:
        return GovernedTask(fn, **options)
    return lambda function: GovernedTask(function, **options)

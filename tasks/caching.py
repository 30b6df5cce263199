"""Caching that asks first: what is refused now is not answered from what was allowed before."""

import hashlib
from dataclasses import dataclass
from typing import Any

from prefect.cache_policies import NO_CACHE, CachePolicy
from prefect.context import TaskRunContext
from prefect.results import _format_user_supplied_storage_key

from blocks.context import current
from tasks.sealing import Seal


@dataclass
class GuardedCache(CachePolicy):
    """Another policy's key, of this tenant and action only, and only while the guard allows the call."""

    inner: CachePolicy | None = None
    storage_key: str | None = None
    """A `result_storage_key` instead of a policy; Prefect answers from it without asking anybody."""
    seal: Seal | None = None

    def compute_key(
        self,
        task_ctx: TaskRunContext,
        inputs: dict[str, Any],
        flow_parameters: dict[str, Any],
        **kwargs: Any,
    ) -> str | None:
        key = self._key(task_ctx, inputs, flow_parameters, **kwargs)
        if self.seal is None:
            return None
        outcome = self.seal.judge_for_cache(task_ctx, inputs)
        # What is done with other arguments than these must not be found under these.
        return None if outcome.refusal or outcome.replace else key

    def _key(self, task_ctx: TaskRunContext, *given: Any, **kwargs: Any) -> str | None:
        if self.storage_key is not None:
            return _format_user_supplied_storage_key(self.storage_key)
        key = self.inner.compute_key(task_ctx, *given, **kwargs) if self.inner else None
        return None if key is None else self._own(key)

    def _own(self, key: str) -> str:
        context = current()
        tenant = context.tenant if context else ""
        action = self.seal.action if self.seal else ""
        return hashlib.sha256(f"{tenant}\0{action}\0{key}".encode()).hexdigest()


def guarded(policy: Any, seal: Seal) -> Any:
    """The policy behind the guard; policies that never answer from a cache stay as they are."""
    if isinstance(policy, GuardedCache):
        policy = policy.inner
    if not isinstance(policy, CachePolicy) or policy == NO_CACHE:
        return policy
    return GuardedCache(
        key_storage=policy.key_storage,
        isolation_level=policy.isolation_level,
        lock_manager=policy.lock_manager,
        inner=policy,
        seal=seal,
    )

"""Trying a node again: whether, and after how long a rest."""

import fnmatch
import random
from collections.abc import Iterable

from capsules.node import RetryPolicy


def rest_before(policy: RetryPolicy, failures: int, error: BaseException, seed: str) -> float | None:
    """Seconds to rest before the next attempt; None if there is to be none.

    `failures` counts the attempts that failed so far, with this one. The same seed gives the same jitter.
    """
    if failures >= policy.attempts or not is_worth_it(policy, kinds_of(error)):
        return None
    return pause(policy, failures, seed)


def pause(policy: RetryPolicy, failures: int, seed: str) -> float:
    """How long a node rests after this many failures, in seconds."""
    whole: float = policy.wait
    for _ in range(failures - 1):
        whole = min(whole * policy.factor, policy.longest)
    whole = min(whole, policy.longest)
    part = random.Random(seed).uniform(0.5, 1.0) if policy.jitter else 1.0  # noqa: S311  # spreads load, no secret
    return whole * part


def is_worth_it(policy: RetryPolicy, kinds: Iterable[str]) -> bool:
    """Whether an error, known by the names of its type and of its bases, lets a node be tried again."""
    known = list(kinds)
    if _any_fits(policy.never, known):
        return False
    return not policy.on or _any_fits(policy.on, known)


def kinds_of(error: BaseException) -> list[str]:
    """The name of the error's type, and those of the types it is a kind of."""
    return [kind.__name__ for kind in type(error).__mro__ if issubclass(kind, BaseException)]


def _any_fits(globs: Iterable[str], names: Iterable[str]) -> bool:
    return any(fnmatch.fnmatchcase(name, glob) for glob in globs for name in names)

"""What the two engines of memory have in common: points that carry a meaning, words and a payload."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

DENSE = "dense"
WORDS = "words"
KEYWORDS = ("scope", "labels", "project")
NUMBERS = ("expires_at", "created_at")
DEPTH = 100
"""How many of each ranking are fused."""
FUSION = 60
"""The constant of reciprocal rank fusion."""


@dataclass(frozen=True, kw_only=True)
class Words:
    """A text as the numbers and weights of its words, as BM25 counts them."""

    indices: list[int]
    values: list[float]


@dataclass(frozen=True, kw_only=True)
class Point:
    id: str
    dense: list[float]
    words: Words
    payload: dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Found:
    id: str
    score: float
    payload: dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Where:
    """Conditions that a point must satisfy, all of them."""

    tenant: str | None
    """None means all tenants: only for the hub's own upkeep."""
    equal: tuple[tuple[str, tuple[str, ...]], ...] = ()
    """Payload field and the values of which it must have one."""
    ids: tuple[str, ...] | None = None
    created_before: float | None = None
    alive_at: float | None = None
    """Not expired at this moment."""
    expired_at: float | None = None


@dataclass(frozen=True, kw_only=True)
class Question:
    """What is searched; a leg that is None takes no part."""

    dense: list[float] | None
    words: Words | None
    weights: tuple[float, float]
    """How much the dense and the words' ranking count in the fusion."""
    limit: int


class Engine(Protocol):
    """Keeps points; whatever it acknowledged survives the sudden end of its process."""

    async def put(self, points: Sequence[Point]) -> None: ...

    async def search(self, where: Where, question: Question) -> list[Found]: ...

    async def remove(self, where: Where) -> int:
        """Removes what matches and says how many that were."""
        ...

    async def count(self, where: Where) -> int: ...

    async def tidy(self) -> None:
        """Flushes and optimises; may take minutes, and readers and writers go on meanwhile."""
        ...

    async def close(self) -> None: ...

"""Memory as the rest of the hub sees it."""

from collections.abc import Sequence
from typing import Any, Protocol

from blocks.memory.items import Draft, Hit, Item, Mode, Selection


class MemoryStore(Protocol):
    """What one tenant remembers never shows to another; what was acknowledged is durable."""

    async def remember(self, tenant: str, scope: str, drafts: Sequence[Draft]) -> list[Item]:
        """Keeps the drafts and returns one item each, in order, once all of them are on the disk."""
        ...

    async def recall(
        self,
        tenant: str,
        query: str,
        *,
        scopes: Sequence[str] = (),
        labels: Sequence[str] = (),
        limit: int = 10,
        mode: Mode = "fused",
    ) -> list[Hit]:
        """The best answers first, from these scopes (none given: all), having all these labels."""
        ...

    async def forget(self, tenant: str, selection: Selection) -> int:
        """Removes what is selected and says how many that were; an empty selection is refused."""
        ...

    async def count(self, tenant: str, selection: Selection | None = None) -> int: ...

    async def put(
        self,
        tenant: str,
        scope: str,
        key: str,
        value: Any,  # any JSON value
        *,
        seconds: float | None = None,
    ) -> None:
        """Keep a JSON value of at most a megabyte under a name, for good or for so many seconds."""
        ...

    async def get(self, tenant: str, scope: str, key: str) -> Any:  # any JSON value
        """The value, or `NotFound`."""
        ...

    async def delete(self, tenant: str, scope: str, key: str) -> None:
        """Remove the value, or `NotFound`."""
        ...

    async def tidy(self) -> int:
        """Removes what has expired, of every tenant, keeps the index in shape; says how many went."""
        ...

    async def close(self) -> None: ...

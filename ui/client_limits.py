"""Concurrency limits, as calls of the client."""

from pydantic import TypeAdapter

from ui.transport import Transport, segment
from ui.wire_limits import Limit


class LimitCalls(Transport):
    """Looking at limits, and setting them (for admins)."""

    def limits(self) -> list[Limit]:
        """The tenant's limits by name."""
        return TypeAdapter(list[Limit]).validate_python(self._get("/v1/limits"))

    def set_limit(self, name: str, most: int) -> Limit:
        """Let at most so many attempts have a place of it."""
        return Limit.model_validate(self._put(f"/v1/limits/{segment(name)}", {"most": most}))

    def remove_limit(self, name: str) -> None:
        """Let any number be at work again."""
        self._delete(f"/v1/limits/{segment(name)}")

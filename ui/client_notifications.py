"""Notifications, as calls of the client."""

from typing import Any

from pydantic import TypeAdapter

from ui.transport import Transport, segment
from ui.wire_notifications import DeliveryView, RouteView


class NotificationCalls(Transport):
    """What people were told, and by which routes."""

    def deliveries(self, *, project: str | None = None, limit: int = 100) -> list[DeliveryView]:
        asked: dict[str, Any] = {"limit": limit, **({"project": project} if project else {})}
        return TypeAdapter(list[DeliveryView]).validate_python(self._get("/v1/notifications", **asked))

    def notification_routes(self) -> list[RouteView]:
        return TypeAdapter(list[RouteView]).validate_python(self._get("/v1/notifications/routes"))

    def say_whose_route(self, name: str, person: str) -> RouteView:
        """Let the route's questions carry links that answer as this person; for admins."""
        path = f"/v1/notifications/routes/{segment(name)}/person"
        return RouteView.model_validate(self._put(path, {"person": person}))

    def forget_whose_route(self, name: str) -> None:
        self._delete(f"/v1/notifications/routes/{segment(name)}/person")

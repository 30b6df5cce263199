"""Triggers, as calls of the client."""

from collections.abc import Mapping
from typing import Any

from pydantic import TypeAdapter

from ui.transport import Transport, segment
from ui.wire_triggers import Delivery, MadeTrigger, Published, Trigger, TriggerDetail


class TriggerCalls(Transport):
    """Making, trying, pausing and removing triggers."""

    def add_trigger(self, asked: Mapping[str, Any]) -> MadeTrigger:
        """A new trigger; `ui.wire_triggers.NewTrigger` says what may be asked."""
        return MadeTrigger.model_validate(self._post("/v1/triggers", dict(asked)))

    def triggers(self) -> list[Trigger]:
        return TypeAdapter(list[Trigger]).validate_python(self._get("/v1/triggers"))

    def trigger(self, trigger: str) -> TriggerDetail:
        """The trigger of that id or name, with its newest events."""
        return TriggerDetail.model_validate(self._get(f"/v1/triggers/{segment(trigger)}"))

    def remove_trigger(self, trigger: str) -> None:
        self._delete(f"/v1/triggers/{segment(trigger)}")

    def pause_trigger(self, trigger: str) -> Trigger:
        return Trigger.model_validate(self._post(f"/v1/triggers/{segment(trigger)}/pause"))

    def resume_trigger(self, trigger: str) -> Trigger:
        return Trigger.model_validate(self._post(f"/v1/triggers/{segment(trigger)}/resume"))

    def renew_secret(self, trigger: str) -> MadeTrigger:
        """A new secret for a webhook; it can be read here and nowhere else."""
        return MadeTrigger.model_validate(self._post(f"/v1/triggers/{segment(trigger)}/renew"))

    def try_trigger(self, trigger: str, event: Mapping[str, Any]) -> Delivery:
        """Hand the trigger an event that is made up."""
        asked = {"event": dict(event)}
        return Delivery.model_validate(self._post(f"/v1/triggers/{segment(trigger)}/test", asked))

    def publish_message(self, topic: str, data: Any) -> str:
        """Put a message on the tenant's bus; returns its place there."""
        return Published.model_validate(self._post(f"/v1/bus/{segment(topic)}", {"data": data})).id

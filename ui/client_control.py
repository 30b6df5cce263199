"""Control of projects, as calls of the client."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal

from ui.transport import Transport, segment
from ui.wire_control import Controlled, Forked, NodeHistory, Rerun


class ControlCalls(Transport):
    """Pausing, resuming, cancelling, deadlines, nodes done anew, and forks."""

    def control(self, project: str) -> Controlled:
        """What people want of the project."""
        return Controlled.model_validate(self._get(f"/v1/projects/{segment(project)}/control"))

    def wish(self, project: str, wish: Literal["pause", "resume", "cancel"], reason: str = "") -> Controlled:
        """Pause, resume or cancel the project."""
        path = f"/v1/projects/{segment(project)}/{wish}"
        return Controlled.model_validate(self._post(path, {"reason": reason}))

    def deadline(
        self, project: str, *, at: datetime | None = None, seconds: float | None = None
    ) -> Controlled:
        """Set the project's deadline; neither: take it away."""
        asked = {"at": at and at.isoformat(), "seconds": seconds}
        return Controlled.model_validate(self._post(f"/v1/projects/{segment(project)}/deadline", asked))

    def rerun(
        self, project: str, node: str, inputs: Mapping[str, Any] | None = None, reason: str = ""
    ) -> Rerun:
        """Do the node and all that stands on it anew."""
        asked = {"node": node, "inputs": dict(inputs or {}), "reason": reason}
        return Rerun.model_validate(self._post(f"/v1/projects/{segment(project)}/rerun", asked))

    def fork(
        self,
        project: str,
        *,
        node: str | None = None,
        at: int | None = None,
        inputs: Mapping[str, Any] | None = None,
        title: str | None = None,
        reason: str = "",
    ) -> Forked:
        """A new project that goes on from what this one has recorded."""
        asked = {"node": node, "at": at, "inputs": dict(inputs or {}), "title": title, "reason": reason}
        return Forked.model_validate(self._post(f"/v1/projects/{segment(project)}/fork", asked))

    def node_history(self, project: str, node: str) -> NodeHistory:
        """The node with every attempt at it."""
        path = f"/v1/projects/{segment(project)}/nodes/{segment(node)}/history"
        return NodeHistory.model_validate(self._get(path))

"""The client's calls about constitutions, replays and single verdicts."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import httpx
from pydantic import TypeAdapter

from ui.transport import Transport, segment
from ui.wire_constitutions import (
    Answered,
    Checked,
    FullVersion,
    Replay,
    ReplayReport,
    Shadowing,
    Step,
    Tested,
    Version,
)

HARD_WORK = httpx.Timeout(900.0, connect=5.0)
"""A replay of a hundred thousand decisions takes a minute or more."""
PATH = "/v1/constitutions"


class ConstitutionCalls(Transport):
    """What the gateway offers around constitutions."""

    def constitutions(self) -> list[Version]:
        return TypeAdapter(list[Version]).validate_python(self._get(PATH))

    def constitution(self, ref: str) -> FullVersion:
        """One published version with its document; `active` is the one in force."""
        return FullVersion.model_validate(self._get(f"{PATH}/{segment(ref)}"))

    def validate_constitution(self, text: str) -> Checked:
        return Checked.model_validate(self._work("POST", f"{PATH}/validate", {"text": text}))

    def test_constitution(self, text: str) -> Tested:
        return Tested.model_validate(self._work("POST", f"{PATH}/test", {"text": text}))

    def publish(self, text: str, *, signature: str, key: str) -> Version:
        body = {"text": text, "signature": signature, "key": key}
        return Version.model_validate(self._work("POST", PATH, body))

    def activate(self, ref: str, *, replay: str | None = None, reason: str = "") -> Step:
        """Put a version in force; the step that comes back may wait for a second person."""
        body = {"replay": replay, "reason": reason}
        return Step.model_validate(self._work("POST", f"{PATH}/{segment(ref)}/activate", body))

    def confirm(self, activation: int) -> Step:
        return Step.model_validate(self._work("POST", f"{PATH}/activations/{activation}/confirm"))

    def withdraw(self, activation: int) -> Step:
        return Step.model_validate(self._post(f"{PATH}/activations/{activation}/withdraw"))

    def rollback(self, *, reason: str = "") -> Step:
        return Step.model_validate(self._work("POST", f"{PATH}/rollback", {"reason": reason}))

    def constitution_history(self) -> list[Step]:
        return TypeAdapter(list[Step]).validate_python(self._get(f"{PATH}/history"))

    def difference(self, one: str, other: str) -> dict[str, Any]:
        found: dict[str, Any] = self._get(f"{PATH}/diff", one=one, other=other)
        return found

    def shadow(self) -> Shadowing:
        return Shadowing.model_validate(self._get(f"{PATH}/shadow"))

    def start_shadow(self, ref: str) -> Shadowing:
        return Shadowing.model_validate(self._put(f"{PATH}/shadow", {"ref": ref}))

    def end_shadow(self) -> None:
        self._delete(f"{PATH}/shadow")

    def replay(
        self,
        *,
        since: datetime,
        ref: str | None = None,
        text: str | None = None,
        project: str | None = None,
    ) -> Replay:
        """Decide recorded history again; fetch the report with `replay_report`."""
        body = {"ref": ref, "text": text, "since": since.isoformat(), "project": project}
        return Replay.model_validate(self._work("POST", "/v1/replays", body))

    def replay_report(self, replay: str) -> ReplayReport:
        """The report; it counts as looked at from now on."""
        return ReplayReport.model_validate(self._get(f"/v1/replays/{segment(replay)}"))

    def evaluate(
        self,
        stage: str,
        action: str,
        facts: Mapping[str, Any] | None = None,
        *,
        ref: str | None = None,
        text: str | None = None,
        explain: bool = False,
    ) -> Answered:
        """What a constitution would say to this action; nothing is recorded."""
        question = {"stage": stage, "action": action, "facts": dict(facts or {}), "explain": explain}
        body = {**question, "ref": ref, "text": text}
        return Answered.model_validate(self._work("POST", "/v1/policy/evaluate", body))

    def _work(self, method: str, path: str, body: Any = None) -> Any:
        return self._send(method, path, json=body, timeout=HARD_WORK).json()

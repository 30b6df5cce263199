"""The HTTP client that the command line and the wizard share; `ui/transport.py` says how to add calls."""

import os
import time
from collections.abc import Callable, Generator, Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

import httpx
from pydantic import TypeAdapter

from blocks.errors import (
    Refusal,
    SomaError,
    Unauthenticated,
    Unavailable,
)
from blocks.settings import Settings
from ui.client_audit import AuditCalls
from ui.client_budgets import BudgetCalls
from ui.client_constitutions import ConstitutionCalls
from ui.client_control import ControlCalls
from ui.client_intake import IntakeCalls
from ui.client_limits import LimitCalls
from ui.client_messages import MessageCalls
from ui.client_notifications import NotificationCalls
from ui.client_tokens import TokenCalls
from ui.client_triggers import TriggerCalls
from ui.client_users import UserCalls
from ui.signed_in import current_login
from ui.supervisor.lock import running_hub
from ui.transport import error_of, segment
from ui.wire import (
    Approval,
    Artifact,
    Event,
    LogLine,
    Project,
    ProjectDetail,
    Whoami,
)

QUIET = httpx.Timeout(30.0, connect=5.0, read=35.0)
"""An event stream sends a sign of life every ten seconds; one silent for longer is dead."""


class HubClient(
    IntakeCalls,
    LimitCalls,
    ConstitutionCalls,
    AuditCalls,
    TokenCalls,
    TriggerCalls,
    ControlCalls,
    BudgetCalls,
    NotificationCalls,
    MessageCalls,
    UserCalls,
):
    """Everything that the gateway offers, as methods that raise the hub's own errors."""

    @classmethod
    def from_settings(cls, settings: Settings) -> "HubClient":
        """The client of the hub on this data folder, wherever it says that it listens.

        It speaks with `SOMA_TOKEN`, else for whoever did `soma login`, else as the hub's admin.
        """
        if not os.environ.get("SOMA_TOKEN", "").strip() and (kept := current_login(settings)) is not None:
            return cls(kept.hub, kept.access_token, renew=lambda: _token_now(settings))
        info = running_hub(settings)
        return cls(info.gateway if info else settings.gateway_url, read_token(settings))

    def alive(self) -> None:
        """Raise `Unavailable` unless the gateway answers; it takes no token."""
        self._get("/health")

    def whoami(self) -> Whoami:
        return Whoami.model_validate(self._get("/v1/whoami"))

    def plan(self, blueprint: str, inputs: Mapping[str, Any], *, title: str | None = None) -> ProjectDetail:
        """A new project with its plan; nothing runs before `launch`."""
        asked = {"blueprint": blueprint, "inputs": dict(inputs), "title": title}
        return ProjectDetail.model_validate(self._post("/v1/projects", asked))

    def launch(self, project: str) -> Project:
        return Project.model_validate(self._post(f"/v1/projects/{segment(project)}/launch"))

    def projects(self, *, limit: int = 50) -> list[Project]:
        return TypeAdapter(list[Project]).validate_python(self._get("/v1/projects", limit=limit))

    def project(self, project: str) -> ProjectDetail:
        return ProjectDetail.model_validate(self._get(f"/v1/projects/{segment(project)}"))

    def artifacts(self, project: str) -> list[Artifact]:
        found = self._get(f"/v1/projects/{segment(project)}/artifacts")
        return TypeAdapter(list[Artifact]).validate_python(found)

    def artifact(self, project: str, name: str) -> bytes:
        """The content of one deliverable."""
        return self._send("GET", f"/v1/projects/{segment(project)}/artifacts/{segment(name)}").content

    def logs(self, project: str, *, offset: int = 0) -> list[LogLine]:
        found = self._get(f"/v1/projects/{segment(project)}/logs", offset=offset)
        return TypeAdapter(list[LogLine]).validate_python(found)

    def approvals(self, *, state: str | None = "pending", project: str | None = None) -> list[Approval]:
        asked = {name: value for name, value in (("state", state), ("project", project)) if value}
        return TypeAdapter(list[Approval]).validate_python(self._get("/v1/approvals", **asked))

    def approval(self, approval: str) -> Approval:
        return Approval.model_validate(self._get(f"/v1/approvals/{segment(approval)}"))

    def answer(
        self,
        approval: str,
        verdict: Literal["approve", "reject", "changes"],
        comment: str = "",
        *,
        arguments: Mapping[str, Any] | None = None,
        digest: str | None = None,
    ) -> Approval:
        """Answer a question; with `arguments`, agree to it with these; `digest` is what was looked at."""
        body: dict[str, Any] = {"verdict": verdict, "comment": comment}
        if arguments is not None:
            body["arguments"] = dict(arguments)
        if digest is not None:
            body["digest"] = digest
        return Approval.model_validate(self._post(f"/v1/approvals/{segment(approval)}", body))

    def blueprints(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self._get("/v1/blueprints")
        return found

    def capsules(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self._get("/v1/capsules")
        return found

    def events(self, project: str, *, after: int = 0) -> Generator[Event, None, None]:
        """The project's events as they come, until it is final or the connection breaks."""
        path = f"/v1/projects/{segment(project)}/events"
        try:
            with self._http.stream(
                "GET", path, headers={"Last-Event-ID": str(after)}, timeout=QUIET
            ) as answer:
                if not answer.is_success:
                    answer.read()
                    raise error_of(answer)
                yield from _events(answer.iter_lines())
        except httpx.HTTPError as error:
            raise self._away(error) from error

    def follow(
        self, project: str, *, after: int = 0, lost: Callable[[Unavailable], None] | None = None
    ) -> Generator[Event, None, None]:
        """As `events`, taken up again where it broke off; `lost` hears of each break and may raise."""
        pause = 0.25
        while True:
            try:
                for event in self.events(project, after=after):
                    after, pause = event.id, 0.25
                    yield event
                if self.project(project).final:
                    return
            except Unavailable as error:
                if lost:
                    lost(error)
            except Unauthenticated:
                if not self._renewed():
                    raise
            time.sleep(pause)
            pause = min(pause * 2, 5.0)


def _token_now(settings: Settings) -> str | None:
    kept = current_login(settings)
    return kept.access_token if kept is not None else None


def read_token(settings: Settings) -> str:
    """`SOMA_TOKEN` of the environment, else the admin token of the hub on this data folder."""
    if given := os.environ.get("SOMA_TOKEN", "").strip():
        return given
    path: Path = settings.token_path
    try:
        return path.read_text(encoding="ascii").strip()
    except FileNotFoundError:
        raise Unavailable(f"there is no hub in {settings.data_dir} yet; start it with `soma up`") from None
    except (OSError, UnicodeDecodeError) as error:
        raise Unavailable(f"the token file {path} cannot be read: {error}") from None


def is_refusal(error: SomaError) -> bool:
    """Whether the constitution said no, rather than something having gone wrong."""
    return isinstance(error, Refusal)


def _events(lines: Iterator[str]) -> Iterator[Event]:
    """Read server-sent events; those that carry no data are signs of life."""
    kind, data = "", ""
    for line in lines:
        if line:
            name, _, value = line.partition(":")
            if name == "event":
                kind = value.strip()
            elif name == "data":
                data += value.removeprefix(" ")
            continue
        if kind == "end":
            return
        if data:
            yield Event.model_validate_json(data)
        kind, data = "", ""

"""The HTTP client that the command line and the wizard share."""

import time
from collections.abc import Callable, Generator, Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self
from urllib.parse import quote

import httpx
from pydantic import TypeAdapter

from blocks.errors import (
    BadInput,
    Conflict,
    Forbidden,
    NotFound,
    Refusal,
    SomaError,
    Unauthenticated,
    Unavailable,
)
from blocks.settings import Settings
from ui.supervisor.lock import running_hub
from ui.wire import (
    Approval,
    Artifact,
    Event,
    LogLine,
    Project,
    ProjectDetail,
    Whoami,
)

PATIENCE = httpx.Timeout(30.0, connect=5.0)
QUIET = httpx.Timeout(30.0, connect=5.0, read=35.0)
"""An event stream sends a sign of life every ten seconds; one silent for longer is dead."""
BY_STATUS: Mapping[int, type[SomaError]] = {
    400: BadInput,
    401: Unauthenticated,
    403: Forbidden,
    404: NotFound,
    405: BadInput,
    409: Conflict,
    413: BadInput,
    421: BadInput,
    422: BadInput,
    503: Unavailable,
}


class HubClient:
    """Everything that the gateway offers, as methods that raise the hub's own errors."""

    def __init__(self, url: str, token: str) -> None:
        self.url = url.rstrip("/")
        self._http = httpx.Client(
            base_url=self.url, headers={"Authorization": f"Bearer {token}"}, timeout=PATIENCE
        )

    @classmethod
    def from_settings(cls, settings: Settings) -> "HubClient":
        """The client of the hub on this data folder, wherever it says that it listens."""
        info = running_hub(settings)
        return cls(info.gateway if info else settings.gateway_url, read_token(settings))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._http.close()

    def whoami(self) -> Whoami:
        return Whoami.model_validate(self._get("/v1/whoami"))

    def plan(self, blueprint: str, inputs: Mapping[str, Any], *, title: str | None = None) -> ProjectDetail:
        """A new project with its plan; nothing runs before `launch`."""
        asked = {"blueprint": blueprint, "inputs": dict(inputs), "title": title}
        return ProjectDetail.model_validate(self._post("/v1/projects", asked))

    def launch(self, project: str) -> Project:
        return Project.model_validate(self._post(f"/v1/projects/{_segment(project)}/launch"))

    def projects(self, *, limit: int = 50) -> list[Project]:
        return TypeAdapter(list[Project]).validate_python(self._get("/v1/projects", limit=limit))

    def project(self, project: str) -> ProjectDetail:
        return ProjectDetail.model_validate(self._get(f"/v1/projects/{_segment(project)}"))

    def artifacts(self, project: str) -> list[Artifact]:
        found = self._get(f"/v1/projects/{_segment(project)}/artifacts")
        return TypeAdapter(list[Artifact]).validate_python(found)

    def artifact(self, project: str, name: str) -> bytes:
        """The content of one deliverable."""
        return self._send("GET", f"/v1/projects/{_segment(project)}/artifacts/{_segment(name)}").content

    def logs(self, project: str, *, offset: int = 0) -> list[LogLine]:
        found = self._get(f"/v1/projects/{_segment(project)}/logs", offset=offset)
        return TypeAdapter(list[LogLine]).validate_python(found)

    def approvals(self, *, state: str | None = "pending", project: str | None = None) -> list[Approval]:
        asked = {name: value for name, value in (("state", state), ("project", project)) if value}
        return TypeAdapter(list[Approval]).validate_python(self._get("/v1/approvals", **asked))

    def approval(self, approval: str) -> Approval:
        return Approval.model_validate(self._get(f"/v1/approvals/{_segment(approval)}"))

    def answer(self, approval: str, verdict: Literal["approve", "reject"], comment: str = "") -> Approval:
        body = {"verdict": verdict, "comment": comment}
        return Approval.model_validate(self._post(f"/v1/approvals/{_segment(approval)}", body))

    def blueprints(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self._get("/v1/blueprints")
        return found

    def capsules(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self._get("/v1/capsules")
        return found

    def events(self, project: str, *, after: int = 0) -> Generator[Event, None, None]:
        """The project's events as they come, until it is final or the connection breaks."""
        path = f"/v1/projects/{_segment(project)}/events"
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
            time.sleep(pause)
            pause = min(pause * 2, 5.0)

    def _get(self, path: str, **query: Any) -> Any:
        return self._send("GET", path, params=query).json()

    def _post(self, path: str, body: Any = None) -> Any:
        return self._send("POST", path, json=body).json()

    def _send(self, method: str, path: str, **options: Any) -> httpx.Response:
        try:
            answer = self._http.request(method, path, **options)
        except httpx.HTTPError as error:
            raise self._away(error) from error
        if not answer.is_success:
            raise error_of(answer)
        return answer

    def _away(self, error: httpx.HTTPError) -> Unavailable:
        if isinstance(error, httpx.ConnectError):
            return Unavailable(f"the hub does not answer at {self.url}; start it with `soma up`")
        return Unavailable(f"the hub at {self.url} broke off: {str(error) or type(error).__name__}")


def read_token(settings: Settings) -> str:
    """The admin token of the hub on this data folder."""
    path: Path = settings.token_path
    try:
        return path.read_text(encoding="ascii").strip()
    except FileNotFoundError:
        raise Unavailable(f"there is no hub in {settings.data_dir} yet; start it with `soma up`") from None
    except (OSError, UnicodeDecodeError) as error:
        raise Unavailable(f"the token file {path} cannot be read: {error}") from None


def error_of(answer: httpx.Response) -> SomaError:
    """The error that a problem document stands for: the class it names, else one of the same status."""
    try:
        said = answer.json()
        told = dict(said) if isinstance(said, dict) else {}
    except ValueError:
        told = {}
    detail = str(told.pop("detail", "") or f"the gateway answered HTTP {answer.status_code}")
    name = str(told.pop("type", "")).removeprefix("urn:soma:problem:").replace("-", "")
    fallback = BY_STATUS.get(answer.status_code, SomaError)
    kind = next((known for known in _family(SomaError) if known.__name__.lower() == name), fallback)
    fields = {key: value for key, value in told.items() if key not in {"title", "status", "instance"}}
    fields.pop("message", None)
    return kind(detail, **fields)


def is_refusal(error: SomaError) -> bool:
    """Whether the constitution said no, rather than something having gone wrong."""
    return isinstance(error, Refusal)


def _family(kind: type[SomaError]) -> Iterator[type[SomaError]]:
    yield kind
    for child in kind.__subclasses__():
        yield from _family(child)


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


def _segment(name: str) -> str:
    """One path segment, whatever the name holds."""
    return quote(name, safe="", errors="replace")

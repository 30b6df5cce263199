"""What the gateway and its clients say to each other: the JSON of the HTTP API as types."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue, model_validator

from blocks.agreement import lacking, votes_of

FINAL_STATES = frozenset({"completed", "failed", "denied", "cancelled"})
"""A project in one of these states changes no more."""


class Said(BaseModel):
    """Something the gateway says; read from records by attribute, ignoring what it does not tell."""

    model_config = ConfigDict(frozen=True, from_attributes=True, extra="ignore")


class Asked(BaseModel):
    """Something a client asks; a field that does not exist is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    @model_validator(mode="before")
    @classmethod
    def _can_be_kept(cls, said: Any) -> Any:
        if not all(map(_storable, _texts(said))):
            raise ValueError("text with a NUL character or half a surrogate pair cannot be kept")
        return said


class NewProject(Asked):
    """A request for a plan."""

    blueprint: str = Field(min_length=1, max_length=100)
    inputs: dict[str, JsonValue] = Field(default_factory=dict)
    title: str | None = Field(default=None, min_length=1, max_length=200)


class Answer(Asked):
    """A person's answer to an approval."""

    verdict: Literal["approve", "reject", "changes"]
    comment: str = Field(default="", max_length=4000)
    """Why; with `changes`, what is to be changed."""
    arguments: dict[str, JsonValue] | None = None
    """With `approve`: those to be taken instead of the ones that were asked about, by name."""
    digest: str | None = Field(default=None, max_length=100)
    """What the person has seen (`bound_to`); needed once somebody else has changed arguments."""


class Node(Said):
    """One node of the plan and how far it is."""

    node: str
    title: str
    capsule: str
    version: str
    needs: list[str] = []
    state: str
    attempt: int
    reason: str | None
    flow_run: str | None
    started_at: datetime | None
    ended_at: datetime | None


class Artifact(Said):
    """A deliverable that can be fetched."""

    name: str
    media_type: str
    size: int
    sha256: str
    path: str
    """Where it lies on the hub's machine; relative to the deliverables folder unless absolute."""


class Approval(Said):
    """A question to people."""

    id: str
    project: str
    node: str
    question: str
    details: dict[str, Any]
    action_digest: str
    state: str
    requested_by: str
    requested_at: datetime
    expires_at: datetime | None
    decided_at: datetime | None
    decided_by: str | None
    comment: str | None
    requirements: list[dict[str, Any]] = []
    """Who has to agree, for each article that asks; none: anybody who may answer."""
    votes: list[dict[str, Any]] = []
    """What was answered so far."""
    generation: int = 1
    """How often the work that is asked about is being done, counted from 1."""
    reminders: int = 0
    escalations: int = 0
    """How often others were asked as well, because nobody had answered for long."""
    offered: dict[str, Any] | None = None
    """What may be approved with other arguments: `arguments`, and the `schema` of each."""
    edited: dict[str, Any] | None = None
    """The arguments that somebody wants instead; who approves agrees to these."""
    edited_digest: str | None = None
    run: str | None = None
    """The paused flow run by which it can be answered in Prefect."""

    @property
    def bound_to(self) -> str:
        """The digest of what is done when people agree now."""
        return self.edited_digest or self.action_digest

    @property
    def missing(self) -> list[str]:
        """Who must still agree, in words; empty once enough did."""
        return lacking(self.requirements, votes_of(self.votes, self.bound_to), self.requested_by)


class Project(Said):
    """A project as it is listed."""

    id: str
    title: str
    blueprint: str
    state: str
    reason: str | None
    requested_by: str
    created_at: datetime
    launched_at: datetime | None
    ended_at: datetime | None

    @property
    def final(self) -> bool:
        return self.state in FINAL_STATES


class ProjectDetail(Project):
    """A project with everything that is shown of it."""

    plan_digest: str
    inputs: dict[str, Any]
    plan: dict[str, Any]
    nodes: list[Node]
    deliverables: list[Artifact]
    approvals: list[Approval]
    """Those that wait for an answer."""
    last_event: int
    """The newest event that this tells of; follow the events after it to stay up to date."""


class Event(Said):
    """One thing that happened in a project."""

    id: int
    at: datetime
    kind: str
    node: str | None
    data: dict[str, Any]


class LogLine(Said):
    """One line that a run of the project logged."""

    id: str
    at: datetime
    level: str
    node: str | None
    message: str


class Whoami(Said):
    """Whom a token speaks for."""

    tenant: str
    name: str
    kind: str
    roles: list[str]


class Check(Said):
    """Whether one thing that the gateway needs answers."""

    name: str
    ok: bool
    detail: str = ""


class Readiness(Said):
    """Whether the gateway can do its work."""

    ready: bool
    checks: list[Check]


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for name, item in value.items():
            yield from _texts(name)
            yield from _texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)


def _storable(text: str) -> bool:
    """PostgreSQL keeps any text but NUL and what UTF-8 cannot say."""
    return "\0" not in text and not any("\ud800" <= letter <= "\udfff" for letter in text)

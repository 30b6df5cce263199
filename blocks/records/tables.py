"""The tables of the hub's own records; `migrations/` creates them."""

import secrets
from datetime import UTC, datetime
from typing import Any, Literal

from sqlalchemy import ARRAY, BigInteger, Column, DateTime, Index, Text, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

ProjectState = Literal[
    "planned",
    "running",
    "awaiting_approval",
    "waiting",
    "paused",
    "cancelling",
    "completed",
    "failed",
    "denied",
    "cancelled",
]
"""`waiting` is for a moment (`wake_at`), `awaiting_approval` for people; neither has a process."""
NodeState = Literal[
    "waiting",
    "queued",
    "running",
    "expanded",
    "awaiting_approval",
    "completed",
    "failed",
    "denied",
    "skipped",
    "cancelled",
]
"""`expanded` is a node whose own part is done while the nodes that it has become are at work."""
AttemptState = Literal[
    "queued", "running", "completed", "failed", "denied", "awaiting_approval", "lost", "cancelled"
]
ApprovalState = Literal["pending", "approved", "rejected", "expired", "sent_back", "withdrawn"]
"""`sent_back` asks for changes; `withdrawn` is a question that nobody needs an answer to any more."""

FINAL_PROJECT_STATES = frozenset({"completed", "failed", "denied", "cancelled"})
FINAL_NODE_STATES = frozenset({"completed", "failed", "denied", "skipped", "cancelled"})


def new_id(prefix: str) -> str:
    """An unguessable id such as `prj_4f1c…`: a prefix that tells the kind and 80 random bits."""
    return f"{prefix}_{secrets.token_hex(10)}"


def now() -> datetime:
    return datetime.now(UTC)


def _moment(*, nullable: bool = True) -> Any:
    return Field(default=None, sa_type=DateTime(timezone=True), nullable=nullable)


def _created() -> Any:
    return Field(default_factory=now, sa_type=DateTime(timezone=True), nullable=False)


def _json(*, nullable: bool = False) -> Any:
    default: dict[str, Any] = {"default": None} if nullable else {"default_factory": dict}
    return Field(sa_type=JSONB, nullable=nullable, **default)


class Tenant(SQLModel, table=True):
    """Whom everything belongs to."""

    __tablename__ = "tenants"
    id: str = Field(primary_key=True)
    name: str
    created_at: datetime = _created()


class Project(SQLModel, table=True):
    """A request with its plan, its state and its deliverables."""

    __tablename__ = "projects"
    __table_args__ = (
        Index("projects_of_tenant", "tenant", "created_at"),
        Index("projects_in_state", "state", "wake_at"),
    )
    id: str = Field(default_factory=lambda: new_id("prj"), primary_key=True)
    tenant: str = Field(foreign_key="tenants.id")
    title: str
    blueprint: str
    inputs: dict[str, Any] = _json()
    plan: dict[str, Any] = _json()
    plan_digest: str
    state: str = "planned"
    reason: str | None = Field(default=None, sa_type=Text)
    requested_by: str
    created_at: datetime = _created()
    launched_at: datetime | None = _moment()
    ended_at: datetime | None = _moment()
    fence: int = Field(default=0, sa_type=BigInteger)
    """Grows by one with every driver that takes the project over; older drivers cannot write."""
    driver_run: str | None = None
    """The Prefect flow run id of the driver that holds the project."""
    holder: str | None = None
    """The process that drives the project, as long as its lease lasts."""
    wake_at: datetime | None = _moment()
    """When a project that waits for a moment is to be driven again."""
    deadline_at: datetime | None = _moment()
    """When a project that has not ended is cancelled."""
    priority: int = 0
    """Among projects that compete for the same place, the higher goes first."""
    control: str = "run"
    """What people want of it: `run`, `pause` or `cancel`; its driver obeys."""
    control_by: str | None = None
    control_reason: str | None = Field(default=None, sa_type=Text)
    control_at: datetime | None = _moment()
    origin: dict[str, Any] | None = _json(nullable=True)
    """What it came from, if not from a person: `{kind: fork | trigger | schedule, …}`."""
    deliverables: list[dict[str, Any]] = Field(default_factory=list, sa_type=JSONB, nullable=False)
    trace: str | None = None
    """The W3C `traceparent` of what launched it, where traces are recorded."""


class NodeRecord(SQLModel, table=True):
    """The ledger's line for one node of one project's plan."""

    __tablename__ = "nodes"
    project: str = Field(foreign_key="projects.id", primary_key=True)
    node: str = Field(primary_key=True)
    position: int
    title: str
    capsule: str
    version: str
    state: str = "waiting"
    attempt: int = 0
    reason: str | None = Field(default=None, sa_type=Text)
    result: dict[str, Any] | None = _json(nullable=True)
    """Where the result lies: `{path, sha256, size}`; never the result itself."""
    flow_run: str | None = None
    started_at: datetime | None = _moment()
    ended_at: datetime | None = _moment()
    parent: str | None = None
    """The node that has become this one, among others, at run time."""
    spec: dict[str, Any] | None = _json(nullable=True)
    """The node as in a plan, where the project's plan does not have it so: made or changed at run time."""
    generation: int = 1
    """Grows by one each time that the node is to be done anew by a person's wish."""
    due_at: datetime | None = _moment()
    """When it is to be tried again."""


class Attempt(SQLModel, table=True):
    """One try at a node; at most one of a node's attempts completes in each generation."""

    __tablename__ = "attempts"
    __table_args__ = (
        Index("attempts_of_node", "project", "node", "number", unique=True),
        Index(
            "one_completed_attempt",
            "project",
            "node",
            "generation",
            unique=True,
            postgresql_where=text("state = 'completed'"),
        ),
        Index("live_attempts", "state", postgresql_where=text("state IN ('queued', 'running')")),
    )
    id: str = Field(default_factory=lambda: new_id("att"), primary_key=True)
    project: str = Field(foreign_key="projects.id")
    node: str
    number: int
    fence: int = Field(sa_type=BigInteger)
    state: str = "queued"
    runtime: str = "inline"
    flow_run: str | None = None
    reason: str | None = Field(default=None, sa_type=Text)
    created_at: datetime = _created()
    started_at: datetime | None = _moment()
    ended_at: datetime | None = _moment()
    generation: int = 1
    token: int | None = Field(default=None, sa_type=BigInteger)
    """The fencing token: greater than that of every attempt claimed before, whatever its node."""
    holder: str | None = None
    """The process that works at it, as long as its lease lasts."""
    limits: list[str] = Field(default_factory=list, sa_type=ARRAY(Text), nullable=False)
    """The concurrency limits that it takes a place of while it is queued or running."""
    error: str | None = None
    """The type of the error that it ended with."""
    trace: str | None = None
    """The W3C `traceparent` of the driver that opened it, where traces are recorded."""


class Holder(SQLModel, table=True):
    """A process that works for the hub, alive as long as it renews its lease."""

    __tablename__ = "holders"
    id: str = Field(default_factory=lambda: new_id("hld"), primary_key=True)
    kind: str
    """`driver`, `run` or `gateway`."""
    flow_run: str | None = None
    host: str
    """The machine's name and which of its process tables the pid is in, so that one can be looked up."""
    pid: int
    started_at: datetime = _created()
    expires_at: datetime = _moment(nullable=False)
    lost: str | None = Field(default=None, sa_type=Text)
    """Why it was declared dead, if it was; from then on it cannot renew its lease."""


class Limit(SQLModel, table=True):
    """How many attempts that take a place of it may be at work at once."""

    __tablename__ = "limits"
    name: str = Field(primary_key=True)
    """`tenant:NAME`, `capsule:NAME` or `resource:NAME`."""
    tenant: str = Field(foreign_key="tenants.id", primary_key=True)
    most: int


class PlaceRequest(SQLModel, table=True):
    """A project that waits for a place of a limit, for as long as it asks again and again."""

    __tablename__ = "place_requests"
    name: str = Field(primary_key=True)
    tenant: str = Field(primary_key=True)
    project: str = Field(foreign_key="projects.id", primary_key=True)
    priority: int
    since: datetime = _created()
    seen_at: datetime = _created()


class Approval(SQLModel, table=True):
    """A question to people, bound to the digest of exactly what will be done."""

    __tablename__ = "approvals"
    __table_args__ = (
        Index("approval_asked_once", "project", "node", "generation", "action_digest", unique=True),
        Index("approvals_of_tenant", "tenant", "state", "requested_at"),
        Index("approvals_that_wait", "expires_at", postgresql_where=text("state = 'pending'")),
        Index("approvals_open_in_prefect", "id", postgresql_where=text("NOT run_closed")),
    )
    id: str = Field(default_factory=lambda: new_id("apr"), primary_key=True)
    tenant: str = Field(foreign_key="tenants.id")
    project: str = Field(foreign_key="projects.id")
    node: str
    question: str = Field(sa_type=Text)
    details: dict[str, Any] = _json()
    action_digest: str
    state: str = "pending"
    requested_by: str
    requested_at: datetime = _created()
    expires_at: datetime | None = _moment()
    decided_at: datetime | None = _moment()
    decided_by: str | None = None
    comment: str | None = Field(default=None, sa_type=Text)
    requirements: list[dict[str, Any]] = Field(default_factory=list, sa_type=JSONB, nullable=False)
    """Who has to agree, `{article, who, quorum, requester}` for each article that asks; none: anybody."""
    votes: list[dict[str, Any]] = Field(default_factory=list, sa_type=JSONB, nullable=False)
    """What was answered so far: `{by, roles, approved, verdict, comment, at, waited, person, digest, via}`"""
    generation: int = 1
    """The node's: what is done anew is asked anew."""
    remind_at: datetime | None = _moment()
    """When those who may answer are told again."""
    escalate_at: datetime | None = _moment()
    """When others may answer as well, and are told."""
    reminders: int = 0
    escalations: int = 0
    offered: dict[str, Any] | None = _json(nullable=True)
    """What may be approved otherwise: `{kind: tool | node, arguments, schema, …}`; none: nothing."""
    edited: dict[str, Any] | None = _json(nullable=True)
    """The arguments, by name, that are to be taken instead of those that were asked about."""
    edited_digest: str | None = None
    """What the approval is bound to where arguments were changed."""
    revises: str | None = None
    """The node that does its work anew when changes are asked for; the asking one unless given."""
    run: str | None = None
    """The paused flow run through which it can be answered in Prefect."""
    run_closed: bool = False
    """Whether nothing more is to be done about that run."""


class Event(SQLModel, table=True):
    """One thing that happened in a project, in the order in which people see it."""

    __tablename__ = "events"
    __table_args__ = (Index("events_of_project", "project", "id"),)
    id: int | None = Field(default=None, sa_column=Column(BigInteger, primary_key=True, autoincrement=True))
    project: str = Field(foreign_key="projects.id")
    at: datetime = _created()
    kind: str
    node: str | None = None
    data: dict[str, Any] = _json()

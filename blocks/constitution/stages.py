"""What a condition may speak about at each stage.

A field that a caller does not give is missing: a condition that reads it without `has(...)` cannot be
evaluated, which denies. Fields of type `Any` and maps of `Any` are free-form.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from blocks.constitution.decisions import STAGES as STAGES  # noqa: PLC0414  # a stage and its facts belong together
from blocks.constitution.decisions import Stage
from blocks.constitution.history import History
from blocks.constitution.types import Type, type_of


@dataclass(frozen=True, kw_only=True)
class Principal:
    tenant: str
    name: str
    kind: str
    roles: list[str]
    on_behalf_of: str
    """Who is answered for; empty when nobody but the principal."""


@dataclass(frozen=True, kw_only=True)
class Project:
    id: str
    """Empty outside of a project."""
    blueprint: str
    requested_by: str
    workspace: str
    """The folder that the project's tools may touch; empty where there is none."""
    inputs: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Node:
    name: str
    """Empty outside of a plan."""
    attempt: int
    tools: list[str]
    memory: list[str]
    budget: Mapping[str, float]
    """What the plan gave, by kind; what is absent is unlimited."""


@dataclass(frozen=True, kw_only=True)
class PlannedNode:
    name: str
    id: str
    attempt: int
    runtime: str
    tools: list[str]
    memory: list[str]
    budget: Mapping[str, float]


@dataclass(frozen=True, kw_only=True)
class Capsule:
    name: str
    version: str
    owner: str
    digest: str
    """Of the capsule's files."""


@dataclass(frozen=True, kw_only=True)
class StartedCapsule:
    name: str
    version: str
    owner: str
    digest: str
    runtime: str
    tools: list[str]
    memory: list[str]
    inputs: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Task:
    name: str
    arguments: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class ToolCall:
    name: str
    arguments: Mapping[str, Any]
    isolated: bool
    """True where what it runs is shut into the sandbox, or not run at all; absent for other tools."""


@dataclass(frozen=True, kw_only=True)
class Data:
    """Where the action's values come from."""

    labels: list[str]
    """All labels on the action's arguments."""
    arguments: Mapping[str, list[str]]
    """Dotted path of an argument, such as `recipients.0` -> its labels."""
    seen: list[str]
    """Labels of everything that this node has taken in so far."""


@dataclass(frozen=True, kw_only=True)
class Budget:
    """What is left of the budgets of tenant, project and node; a field that is absent is unlimited.

    Each of the first four is the least of all levels; `left` has each level's own.
    """

    seconds_left: float
    tool_calls_left: float
    tokens_left: float
    money_left: float
    left: Mapping[str, float]
    """`LEVEL.KIND`, such as `project.tokens` -> what is left there."""
    over: list[str]
    """Each `LEVEL.KIND` whose limit this action would exceed."""


@dataclass(frozen=True, kw_only=True)
class Environment:
    name: str
    runtime: str


@dataclass(frozen=True, kw_only=True)
class Launch:
    blueprint: str
    version: str
    digest: str
    nodes: int
    inputs: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Model:
    provider: str
    name: str
    messages: list[Any]
    tools: list[str]
    tokens: int


@dataclass(frozen=True, kw_only=True)
class Response:
    text: str
    tool_calls: list[Any]
    input_tokens: int
    output_tokens: int


@dataclass(frozen=True, kw_only=True)
class ToolResult:
    name: str
    arguments: Mapping[str, Any]
    result: Any


@dataclass(frozen=True, kw_only=True)
class Memory:
    scope: str
    text: str
    query: str
    size: int
    labels: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Message:
    topic: str
    payload: Any


@dataclass(frozen=True, kw_only=True)
class Artifact:
    name: str
    path: str
    media_type: str
    size: int
    destination: str
    """A folder of the hub, or a URL outside of it."""


@dataclass(frozen=True, kw_only=True)
class Notification:
    channel: str
    recipients: list[str]
    subject: str
    body: str


_EVERYWHERE: Mapping[str, Any] = {
    "principal": Principal,
    "project": Project,
    "node": Node,
    "capsule": Capsule,
    "task": Task,
    "data": Data,
    "budget": Budget,
    "environment": Environment,
    "time": datetime,
    "history": History,
}
_OWN: Mapping[Stage, Mapping[str, Any]] = {
    "project.launch": {"launch": Launch},
    "plan.node": {"node": PlannedNode},
    "capsule.start": {"capsule": StartedCapsule},
    "task": {},
    "model.request": {"model": Model},
    "model.response": {"model": Model, "response": Response},
    "tool.call": {"tool": ToolCall},
    "tool.result": {"tool": ToolResult},
    "memory.write": {"memory": Memory},
    "memory.read": {"memory": Memory},
    "bus.publish": {"message": Message},
    "artifact.publish": {"artifact": Artifact},
    "notification": {"notification": Notification},
}


@cache
def variables(stage: Stage) -> Mapping[str, Type]:
    """The variables of a stage and their types."""
    return {name: type_of(kind) for name, kind in {**_EVERYWHERE, **_OWN[stage]}.items()}

"""Blueprints: reusable recipes, the questions they ask and the plan that the answers give."""

import re
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError

from blocks.errors import BadInput, NotFound
from capsules.blueprint_checks import read_document
from capsules.catalogue import find_capsule
from capsules.manifest import Name, Strict, Version
from capsules.node import RetryPolicy, Undo
from capsules.plan import After, ApprovalSpec, NodeAuthority, Plan, PlanNode
from capsules.runtime import planned_kind

FOLDER = Path(__file__).parent / "blueprints"


class Question(Strict):
    """One question of the wizard; its id names the answer."""

    id: Name
    text: str
    help: str = ""
    type: Literal["text", "long_text", "number", "boolean", "select"] = "text"
    options: list[str] = []
    required: bool = True
    default: Any = None


class Step(Strict):
    """A node of the recipe: as in a plan, with `{"$answer": "question"}` where an answer goes."""

    id: str
    capsule: Name
    title: str
    needs: list[str] = []
    tolerates: list[str] = []
    inputs: dict[str, Any] = {}
    tools: list[str] | None = None
    """Fewer tools than the capsule declares; all of them unless given."""
    approval: ApprovalSpec | None = None
    each: Any = None
    """As in a plan, like all that follow; of `{"$answer": "question"}`, each line of the answer."""
    parallel: int | None = None
    may_fail: int = 0
    expand: str | None = None
    when: str | None = None
    at_least: int | None = None
    timeout: float | None = None
    priority: int = 0
    resources: list[str] = []
    retry: RetryPolicy | None = None
    undo: Undo | None = None


class Blueprint(Strict):
    """A recipe."""

    apiVersion: Literal["soma/v1"]  # noqa: N815  # the spelling that readers of such files know
    kind: Literal["Blueprint"]
    name: Name
    version: Version
    title: str
    summary: str
    questions: Annotated[list[Question], Field(min_length=1)]
    nodes: Annotated[list[Step], Field(min_length=1)]
    on_failure: After = "keep"
    on_cancel: After = "keep"
    deadline: float | None = None
    priority: int = 0
    budget: dict[str, float] = {}

    def plan(self, answers: dict[str, Any]) -> Plan:
        """The plan that these answers give; `BadInput` names each answer that is wrong or missing."""
        try:
            return self.plan_of(self.complete(answers))
        except ValidationError as error:
            raise BadInput("; ".join(str(item["msg"]) for item in error.errors())) from None

    def plan_of(self, complete: dict[str, Any]) -> Plan:
        """The plan that these answers give, which are taken as they are."""
        return Plan(
            blueprint=self.name,
            blueprint_version=self.version,
            nodes=[_node(step, complete) for step in self.nodes],
            **{name: getattr(self, name) for name in Plan.later},
        )

    def complete(self, answers: dict[str, Any]) -> dict[str, Any]:
        """The answers with defaults filled in, each checked against its question."""
        known = {question.id: question for question in self.questions}
        problems = [
            f"inputs.{name}: {self.name} does not ask this; it asks {', '.join(known)}"
            for name in answers
            if name not in known
        ]
        complete = {}
        for question in self.questions:
            value = answers.get(question.id)
            value = question.default if value is None else value
            if (problem := _problem(question, value)) is not None:
                problems.append(f"inputs.{question.id}: {problem}")
            complete[question.id] = value
        if problems:
            raise BadInput("; ".join(problems), problems=problems)
        return complete


def _problem(question: Question, value: Any) -> str | None:
    if value is None or value == "":
        return f"is missing: {question.text}" if question.required else None
    kinds: dict[str, tuple[type, ...]] = {"number": (int, float), "boolean": (bool,)}
    expected = kinds.get(question.type, (str,))
    if not isinstance(value, expected) or (question.type == "number" and isinstance(value, bool)):
        return f"must be a {question.type.replace('_', ' ')}, not {type(value).__name__}"
    if question.type == "select" and value not in question.options:
        return f"must be one of {', '.join(question.options)}, not {value!r}"
    if isinstance(value, str) and CREDENTIALS.search(value):
        return (
            "holds a password, which would be recorded; leave it out and give the hub's user an SSH key "
            "or a git credential helper"
        )
    if isinstance(value, str) and ("\0" in value or len(value) > MOST_CHARACTERS[question.type]):
        return f"must have at most {MOST_CHARACTERS[question.type]:,} characters, and no NUL among them"
    return None


CREDENTIALS = re.compile(r"\bhttps?://[^/\s@]+@|://[^/\s@:]*:[^/\s@]+@", re.IGNORECASE)
MOST_CHARACTERS = {"text": 2_000, "long_text": 50_000, "select": 200}


def _node(step: Step, answers: dict[str, Any]) -> PlanNode:
    manifest = find_capsule(step.capsule).manifest
    tools = manifest.tools if step.tools is None else {name: manifest.tools[name] for name in step.tools}
    return PlanNode(
        id=step.id,
        title=step.title,
        capsule=manifest.name,
        version=manifest.version,
        inputs=_fill(step.inputs, answers),
        needs=step.needs,
        tolerates=step.tolerates,
        authority=NodeAuthority(tools=tools, memory=list(manifest.memory), budget=manifest.budget.limits()),
        runtime=planned_kind(manifest.runtime),
        attempts=manifest.runtime.attempts,
        approval=step.approval,
        **{name: getattr(step, name) for name in PlanNode.later - {"each", "undo"}},
        each=_each(step.each, answers),
        undo=step.undo and step.undo.model_copy(update={"inputs": _fill(step.undo.inputs, answers)}),
    )


def _each(each: Any, answers: dict[str, Any]) -> Any:
    """The list to go over; of a text that somebody has answered, its lines."""
    filled = _fill(each, answers)
    return (
        [line.strip() for line in filled.splitlines() if line.strip()] if isinstance(filled, str) else filled
    )


def _fill(value: Any, answers: dict[str, Any]) -> Any:
    if isinstance(value, dict):
        if set(value) == {"$answer"}:
            return answers[value["$answer"]]
        return {name: _fill(item, answers) for name, item in value.items()}
    if isinstance(value, list):
        return [_fill(item, answers) for item in value]
    return value


def list_blueprints() -> list[Blueprint]:
    """Every blueprint that ships with the hub, by name."""
    return [_read(path) for path in sorted(FOLDER.glob("*.yaml"))]


def get_blueprint(name: str) -> Blueprint:
    """The blueprint of that name, or `NotFound` that lists those there are."""
    found = {blueprint.name: blueprint for blueprint in list_blueprints()}
    if name not in found:
        raise NotFound(f"there is no blueprint {name!r}; there are: {', '.join(found)}")
    return found[name]


@cache
def _read(path: Path) -> Blueprint:
    return read_document(path.read_text(encoding="utf-8"), path.name, Blueprint)

"""Blueprints: reusable recipes, the questions they ask and the plan that the answers give."""

from dataclasses import dataclass, replace
from functools import cache, lru_cache
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError

from blocks.errors import BadInput, NotFound
from blocks.settings import default_data_dir
from capsules.blueprint_checks import read_document
from capsules.blueprint_nodes import Step, planned
from capsules.manifest import Name, Strict, Version
from capsules.plan import After, Plan
from capsules.question import Question, Rule
from capsules.questionnaire import Filled, Problem, fill_in

FOLDER = Path(__file__).parent / "blueprints"


class Blueprint(Strict):
    """A recipe."""

    apiVersion: Literal["soma/v1"]  # noqa: N815  # the spelling that readers of such files know
    kind: Literal["Blueprint"]
    name: Name
    version: Version
    title: str
    summary: str
    examples: list[str] = []
    """What people say when they want this; a typed request is compared with them."""
    questions: Annotated[list[Question], Field(min_length=1)]
    rules: list[Rule] = []
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
            nodes=[planned(step, complete) for step in self.nodes],
            **{name: getattr(self, name) for name in Plan.later},
        )

    def complete(self, answers: dict[str, Any]) -> dict[str, Any]:
        """The answers with defaults filled in, each checked against its question, all against the rules."""
        filled = self.fill_in(answers)
        if filled.problems:
            told = [{"question": item.question, "message": item.message} for item in filled.problems]
            raise BadInput("; ".join(map(str, filled.problems)), problems=told)
        return filled.answers

    def fill_in(self, answers: dict[str, Any]) -> Filled:
        """The answers so far, which questions they lead to, and everything that is wrong with them."""
        known = {question.id for question in self.questions}
        strange = tuple(
            Problem(
                question=name, message=f"{self.name} does not ask this; it asks {', '.join(sorted(known))}"
            )
            for name in answers
            if name not in known
        )
        filled = fill_in(self.questions, self.rules, answers)
        return replace(filled, problems=(*strange, *filled.problems))


def list_blueprints() -> list[Blueprint]:
    """Every blueprint that can be launched, by name: those of the hub, and the own ones that are valid."""
    found = {blueprint.name: blueprint for blueprint in _shipped(FOLDER)}
    for file in own_blueprints():
        if file.blueprint is not None:
            found[file.blueprint.name] = file.blueprint
    return [found[name] for name in sorted(found)]


def get_blueprint(name: str) -> Blueprint:
    """The blueprint of that name, or `NotFound` that lists those there are."""
    found = {blueprint.name: blueprint for blueprint in list_blueprints()}
    if name in found:
        return found[name]
    for file in own_blueprints():
        if file.problem is not None and file.path.stem in {name, name.replace("-", "_")}:
            raise file.problem
    raise NotFound(f"there is no blueprint {name!r}; there are: {', '.join(found)}")


@dataclass(frozen=True, kw_only=True)
class OwnBlueprint:
    """A file in the data folder's `blueprints`: a blueprint, or why it is none."""

    path: Path
    blueprint: Blueprint | None = None
    problem: BadInput | None = None


def own_blueprints() -> list[OwnBlueprint]:
    """The files of the data folder's `blueprints`, by name; each is read anew when it has changed."""
    taken = {blueprint.name: f"the hub's own {blueprint.name}" for blueprint in _shipped(FOLDER)}
    found = []
    for path in sorted((default_data_dir() / "blueprints").glob("*.yaml")):
        file = _own(path)
        name = file.blueprint.name if file.blueprint else None
        if name in taken:
            problem = BadInput(f"{path}: there is a blueprint {name!r} already: {taken[name]}; rename one")
            file = OwnBlueprint(path=path, problem=problem)
        elif name is not None:
            taken[name] = str(path)
        found.append(file)
    return found


def read_blueprint(path: Path) -> Blueprint:
    """The blueprint in the file, or `BadInput` that says what is wrong with it, with the line."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise BadInput(f"{path}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise BadInput(f"{path}: is not UTF-8 text (byte {error.start})") from None
    return read_document(text, path.name, Blueprint)


@cache
def _shipped(folder: Path) -> tuple[Blueprint, ...]:
    return tuple(read_blueprint(path) for path in sorted(folder.glob("*.yaml")))


def _own(path: Path) -> OwnBlueprint:
    try:
        status = path.stat()
    except OSError as error:
        return OwnBlueprint(path=path, problem=BadInput(f"{path}: cannot be read: {error.strerror}"))
    return _read(path, status.st_mtime_ns, status.st_size)


@lru_cache(maxsize=256)
def _read(path: Path, changed: int, size: int) -> OwnBlueprint:  # noqa: ARG001  # what tells versions apart
    try:
        return OwnBlueprint(path=path, blueprint=read_blueprint(path))
    except BadInput as error:
        return OwnBlueprint(path=path, problem=error)

"""What is checked of a blueprint when it is read, before anybody answers it: problems with line and mend."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import yaml
from pydantic import ValidationError

from blocks.constitution.closeness import closest
from blocks.errors import BadInput, NotFound
from capsules.catalogue import find_capsule
from capsules.manifest import line_of
from capsules.question_checks import question_problems
from capsules.references import answers_in, references_in

if TYPE_CHECKING:
    from capsules.blueprint import Blueprint
    from capsules.blueprint_nodes import Step

ANSWERS: Mapping[str, Any] = {
    "number": 1,
    "integer": 1,
    "boolean": True,
    "multi_select": [],
    "date": "2000-01-01",
}
"""What stands for an answer while the plan is checked."""


def read_document(text: str, place: str, model: "type[Blueprint]") -> "Blueprint":
    """The blueprint in the text, or `BadInput` that lists every problem as `place:line: where: what`."""
    try:
        tree, document = yaml.compose(text, Loader=yaml.SafeLoader), yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = mark.line + 1 if mark is not None else 1
        raise BadInput(f"{place}:{line}: is not YAML: {getattr(error, 'problem', error)}") from None
    try:
        blueprint = model.model_validate(document)
    except ValidationError as error:
        found = [(tuple(item["loc"]), _told(item, model)) for item in error.errors()]
    else:
        found = list(_problems(blueprint))
        if not found:
            return blueprint
    told = [f"{place}:{line_of(tree, where)}: {_dotted(where)}: {what}" for where, what in found]
    raise BadInput("\n".join(told), problems=told)


def _problems(blueprint: "Blueprint") -> Iterator[tuple[tuple[int | str, ...], str]]:
    questions = {question.id for question in blueprint.questions}
    steps = {step.id: step for step in blueprint.nodes}
    wrong = list(question_problems(blueprint))
    yield from wrong
    sound = not wrong
    for index, step in enumerate(blueprint.nodes):
        for name, what in _step_problems(step, questions, steps):
            sound = False
            yield ("nodes", index, name), what
    if not sound:
        return
    try:
        blueprint.plan_of({question.id: ANSWERS.get(question.type, "") for question in blueprint.questions})
    except ValidationError as error:
        for item in error.errors():
            message = str(item["msg"]).removeprefix("Value error, ")
            where = next((i for i, step in enumerate(blueprint.nodes) if f"{step.id!r}" in message), None)
            yield ("nodes",) if where is None else ("nodes", where), message


def _step_problems(step: "Step", questions: set[str], steps: "dict[str, Step]") -> Iterator[tuple[str, str]]:
    asked = answers_in([step.inputs, step.each, step.undo and step.undo.inputs])
    for name in sorted(asked - questions):
        yield "inputs", f"`$answer` names no question {name!r}{closest(name, questions)}"
    try:
        manifest = find_capsule(step.capsule).manifest
        if step.undo is not None:
            find_capsule(step.undo.capsule)
    except NotFound as error:
        yield "capsule", error.message
        return
    for tool in step.tools or ():
        if tool not in manifest.tools:
            yield "tools", f"{step.capsule} declares no tool {tool!r}{closest(tool, manifest.tools)}"
    if step.expand is not None and step.expand not in manifest.outputs:
        yield (
            "expand",
            f"{step.capsule} has no output {step.expand!r}{closest(step.expand, manifest.outputs)}",
        )
    for node, path in references_in([step.inputs, step.each]):
        if path and node in steps and (wrong := _no_output(steps[node], str(path[0]))):
            yield "inputs", wrong


def _no_output(step: "Step", name: str) -> str | None:
    """What is wrong with taking this part of the step's result; nothing if its capsule is not installed."""
    try:
        outputs = set(find_capsule(step.capsule).manifest.outputs)
    except NotFound:
        return None
    if step.each is not None:
        outputs = {"items", "failed"}
    elif step.expand is not None:
        outputs.add("failed")
    return None if name in outputs else f"{step.id} has no output {name!r}{closest(name, outputs)}"


def _told(item: Any, model: "type[Blueprint]") -> str:
    message = str(item["msg"]).removeprefix("Value error, ")
    if item["type"] == "extra_forbidden":
        known = _fields(model, item["loc"])
        return f"there is no such field{closest(str(item['loc'][-1]), known) if known else '; remove it'}"
    return "is missing; add it" if item["type"] == "missing" else message


def _fields(model: Any, location: tuple[int | str, ...]) -> list[str]:
    """The fields that the mapping has in which something stands at the location; none further inside."""
    if len(location) == 1:
        return list(model.model_fields)
    if len(location) == 3 and location[0] in {"nodes", "questions", "rules"}:
        (inner,) = model.model_fields[str(location[0])].annotation.__args__
        return list(inner.model_fields)
    return []


def _dotted(where: tuple[int | str, ...]) -> str:
    text = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in where)
    return text.removeprefix(".") or "blueprint"

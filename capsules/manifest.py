"""The manifest of a capsule: `capsule.yaml`, read strictly, with errors that name line and mend."""

import re
from collections.abc import Mapping
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from blocks.errors import BadInput
from capsules.runtime import Amounts, Resources, Runtime, Toleration

Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9]*(?:[-_][a-z0-9]+)*$", max_length=63)]
Version = Annotated[str, Field(pattern=r"^\d+\.\d+\.\d+(?:[-+][0-9A-Za-z.-]+)?$")]
TypeName = Literal["string", "integer", "number", "boolean", "object", "array"]


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Parameter(Strict):
    """One input or output of a capsule, described as JSON Schema would."""

    type: TypeName
    description: str = ""
    default: Any = None
    enum: list[Any] | None = None
    items: dict[str, Any] | None = None
    properties: dict[str, Any] | None = None

    @property
    def required(self) -> bool:
        return "default" not in self.model_fields_set

    def schema_fragment(self) -> dict[str, Any]:
        """The parameter as a JSON Schema."""
        return self.model_dump(exclude_unset=True, exclude={"default"})


class Budget(Strict):
    """What one run may use up; what is not named is not limited."""

    seconds: Annotated[float, Field(gt=0)] | None = None
    tool_calls: Annotated[int, Field(ge=0)] | None = None
    tokens: Annotated[int, Field(ge=0)] | None = None
    money: Annotated[float, Field(ge=0)] | None = None

    def limits(self) -> dict[str, float]:
        return self.model_dump(exclude_none=True)


class PromptFile(Strict):
    """A text that lies in a file of the capsule, by its name in `prompts`."""

    prompt: Name


Wording = Annotated[str, Field(min_length=1, max_length=50_000)] | PromptFile


class AgentPart(Strict):
    """What makes a capsule an agent: what a model is told, which one, and how long it may go on."""

    instructions: Wording
    """Who it is and how it works. They have no variables: what a node takes in gives an agent no orders."""
    request: Wording | None = None
    """What it is to do now, with `{{ input }}` where an input stands; unless given, all inputs by name."""
    model: Name = "default"
    """The alias of a model; which one that is, the hub's `ModelAccess` blocks say."""
    max_steps: Annotated[int, Field(ge=1, le=200)] = 30
    """How many answers of the model it may take to come to an end."""
    max_tokens: Annotated[int, Field(ge=16, le=200_000)] = 4096
    """How long one answer of the model may be."""
    temperature: Annotated[float, Field(ge=0, le=2)] | None = None


class Manifest(Strict):
    """What a capsule declares of itself; nothing it has not declared is given to it."""

    apiVersion: Literal["soma/v1"]  # noqa: N815  # the spelling that readers of such files know
    kind: Literal["Capsule", "Agent"]
    name: Name
    version: Version
    summary: Annotated[str, Field(min_length=10, max_length=200)]
    owner: Annotated[str, Field(min_length=1)]
    inputs: dict[Name, Parameter]
    outputs: dict[Name, Parameter]
    tools: dict[str, dict[str, Any]] = {}
    policies: list[str] = []
    memory: list[Literal["project", "repository", "tenant"]] = []
    budget: Budget = Budget()
    runtime: Runtime = Runtime()
    prompts: dict[Name, str] = {}
    agent: AgentPart | None = None
    """Of a capsule of the kind `Agent`: it has no code of its own."""

    @field_validator("tools", mode="before")
    @classmethod
    def _tools_as_mapping(cls, value: Any) -> Any:
        if isinstance(value, list) and all(isinstance(item, str) for item in value):
            return {item: {} for item in value}
        return value

    @model_validator(mode="after")
    def _has_outputs(self) -> "Manifest":
        if not self.outputs:
            raise ValueError("a capsule gives something back: name at least one of `outputs`")
        return self

    @model_validator(mode="after")
    def _is_of_its_kind(self) -> "Manifest":
        if (self.kind == "Agent") != (self.agent is not None):
            raise ValueError("a capsule with `agent` is of the kind `Agent`, and no other is")
        wordings = (self.agent.instructions, self.agent.request) if self.agent else ()
        for wording in wordings:
            if isinstance(wording, PromptFile) and wording.prompt not in self.prompts:
                raise ValueError(f"`prompts` names no file {wording.prompt!r}")
        return self


class ManifestInvalid(BadInput):
    """The capsule's manifest is not valid."""


@cache
def read_manifest(path: Path) -> Manifest:
    """The manifest in the file, or `ManifestInvalid` that lists every problem with its line."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise ManifestInvalid(f"{path}: cannot be read: {error.strerror}", problems=[]) from None
    except UnicodeDecodeError as error:
        raise ManifestInvalid(f"{path}: is not UTF-8 text (byte {error.start})", problems=[]) from None
    return parse_manifest(text, str(path))


def parse_manifest(text: str, place: str) -> Manifest:
    """The manifest in the text; `place` is what errors call it."""
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        document = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ManifestInvalid(f"{place}{_mark(error)}: is not YAML: {_problem(error)}", problems=[]) from None
    if not isinstance(document, Mapping):
        raise ManifestInvalid(f"{place}:1: a manifest is a mapping that begins with `apiVersion: soma/v1`")
    try:
        return Manifest.model_validate(document)
    except ValidationError as error:
        problems = [
            f"{place}:{line_of(node, item['loc'])}: {_dotted(item['loc'])}: {_mend(item)}"
            for item in error.errors()
        ]
        raise ManifestInvalid("\n".join(problems), problems=problems) from None


def line_of(node: yaml.Node | None, location: tuple[int | str, ...]) -> int:
    """The line (from 1) on which the value at `location` stands, or the nearest one above it."""
    line = node.start_mark.line + 1 if node is not None else 1
    for step in location:
        found = _step(node, step)
        if found is None:
            break
        key_line, node = found
        line = key_line
    return line


def _step(node: yaml.Node | None, step: int | str) -> tuple[int, yaml.Node] | None:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if key.value == str(step):
                return key.start_mark.line + 1, value
    if isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
        return node.value[step].start_mark.line + 1, node.value[step]
    return None


def _dotted(location: tuple[int | str, ...]) -> str:
    return (
        re.sub(r"\.(\d+)", r"[\1]", ".".join(str(step) for step in location if step != "[key]")) or "manifest"
    )


def _mend(item: Any) -> str:
    message = str(item["msg"]).removeprefix("Value error, ")
    if item["type"] == "extra_forbidden":
        models = (Manifest, AgentPart, Parameter, Budget, Runtime, Resources, Amounts, Toleration)
        known = [name for model in models for name in model.model_fields]
        close = get_close_matches(str(item["loc"][-1]), known, n=1)
        return "there is no such field" + (f"; did you mean `{close[0]}`?" if close else "; remove it")
    if item["type"] == "missing":
        return "is missing; add it"
    return f"{message} (it is {item['input']!r})" if len(repr(item["input"])) < 80 else message


def _mark(error: yaml.YAMLError) -> str:
    mark = getattr(error, "problem_mark", None)
    return f":{mark.line + 1}" if mark is not None else ""


def _problem(error: yaml.YAMLError) -> str:
    return str(getattr(error, "problem", None) or error)

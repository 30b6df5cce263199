"""The constitution as its authors write it: YAML, validated, every problem with its line."""

import re
from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from blocks.constitution.checker import closest
from blocks.constitution.conditions import Condition, compile_condition
from blocks.constitution.constitution import PLACEHOLDER, Article, Constitution
from blocks.constitution.decisions import Severity, Stage, Verdict
from blocks.constitution.lexer import ConditionError
from blocks.constitution.stages import STAGES, variables
from blocks.constitution.types import Type
from blocks.constitution.yaml_places import Place, Placed, Problem, read_yaml
from blocks.errors import BadInput
from blocks.plain import digest

Text = Annotated[str, StringConstraints(min_length=1, max_length=4000, strip_whitespace=True)]
Id = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9.-]{0,62}$")]
_BRACES = re.compile(r"\{[^}]*\}?|\}")


class ConstitutionInvalid(BadInput):
    """The constitution is not valid; nothing of it is in force."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Metadata(_Strict):
    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,62}$")]
    version: Annotated[str, Field(pattern=r"^\d+\.\d+\.\d+$")]
    effective: date | None = None
    title: str = ""


class Principle(_Strict):
    id: Id
    text: Text


class Example(_Strict):
    """Facts and the verdict they must get; run by `check_examples`."""

    stage: Stage | None = None
    """The article's first stage unless given."""
    action: Text
    facts: dict[str, Any] = {}
    verdict: Verdict


class ArticleText(_Strict):
    id: Id
    principle: Id | None = None
    title: Text
    stages: Annotated[list[Stage], Field(min_length=1)]
    actions: Annotated[list[Text], Field(min_length=1)] = ["*"]
    when: Text | None = None
    verdict: Verdict
    severity: Severity = "medium"
    reason: Text
    remedy: str = ""
    tests: list[Example] = []


class Document(_Strict):
    apiVersion: Literal["soma/v1"]  # noqa: N815  # the field's name in the file
    kind: Literal["Constitution"]
    metadata: Metadata
    principles: list[Principle] = []
    default: Verdict
    articles: list[ArticleText]


def load_constitution(path: Path) -> Constitution:
    """The constitution of a file, or `ConstitutionInvalid` with every problem in it."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConstitutionInvalid(
            f"cannot read the constitution {path}: {error}", mend="name a readable UTF-8 file"
        ) from None
    return parse_constitution(text, str(path))


def parse_constitution(text: str, name: str) -> Constitution:
    """The constitution of a text; the name is where problems are said to be."""
    placed = read_yaml(text, "constitution")
    problems = list(placed.problems)
    document = _validated(placed, problems)
    articles: list[Article] = []
    if document:
        problems.extend(_cross_references(document))
        for number, article in enumerate(document.articles):
            articles.append(_compiled(article, ("articles", number), problems))
    if problems or document is None:
        raise _invalid(problems, placed, name)
    written = document.model_dump(mode="json", exclude_unset=True)
    return Constitution(
        name=document.metadata.name,
        version=document.metadata.version,
        digest=digest(written),
        default=document.default,
        articles=tuple(articles),
        document=MappingProxyType(written),
    )


def _validated(placed: Placed, problems: list[Problem]) -> Document | None:
    if placed.data is None:
        return None
    try:
        return Document.model_validate(placed.data)
    except ValidationError as error:
        for item in error.errors():
            place: Place = tuple(item["loc"])
            problems.append(Problem(place, _mended(item["msg"], item["type"], place)))
    return None


def _mended(message: str, kind: str, place: Place) -> str:
    if kind == "extra_forbidden":
        fields = {
            name: None for model in (Document, ArticleText, Example, Metadata) for name in model.model_fields
        }
        return f"unknown key{closest(str(place[-1]), fields)}"
    if kind == "string_type" and place[-1] == "version":
        return "write the version in quotes, as '1.0.0'"
    return message[0].lower() + message[1:]


def _cross_references(document: Document) -> Iterator[Problem]:
    principles = {principle.id: None for principle in document.principles}
    for number, article in enumerate(document.articles):
        place: Place = ("articles", number)
        if article.principle and article.principle not in principles:
            yield Problem(
                (*place, "principle"),
                f"no principle {article.principle!r}{closest(article.principle, principles)}",
            )
        if any(other.id == article.id for other in document.articles[:number]):
            yield Problem((*place, "id"), f"a second article {article.id!r}")
        for index, example in enumerate(article.tests):
            if example.stage and example.stage not in article.stages:
                yield Problem(
                    (*place, "tests", index, "stage"), f"the article does not speak of {example.stage!r}"
                )
    for number, principle in enumerate(document.principles):
        if any(other.id == principle.id for other in document.principles[:number]):
            yield Problem(("principles", number, "id"), f"a second principle {principle.id!r}")


def _compiled(article: ArticleText, place: Place, problems: list[Problem]) -> Article:
    conditions: dict[Stage, Condition | None] = {}
    for stage in article.stages:
        conditions[stage] = _condition(article, stage, place, problems)
        mistakes = _template_mistakes(article.reason, stage)
        problems.extend(Problem((*place, "reason"), mistake) for mistake in mistakes)
    return Article(
        id=article.id,
        title=article.title,
        actions=tuple(article.actions),
        conditions=conditions,
        verdict=article.verdict,
        severity=article.severity,
        reason=article.reason,
        remedy=article.remedy,
    )


def _condition(article: ArticleText, stage: Stage, place: Place, problems: list[Problem]) -> Condition | None:
    if article.when is None:
        return None
    try:
        return compile_condition(article.when, variables(stage))
    except ConditionError as error:
        where = f" (at stage {stage})" if len(article.stages) > 1 else ""
        problems.append(
            Problem((*place, "when"), f"{error.message}{where}", within=article.when[: error.position])
        )
        return None


def _template_mistakes(reason: str, stage: Stage) -> Iterator[str]:
    for match in _BRACES.finditer(reason):
        inner = PLACEHOLDER.fullmatch(match.group())
        if inner is None:
            yield f"{match.group()!r} is no placeholder: write a field's path, as {{tool.name}}"
            continue
        kind = Type("record", fields=tuple(variables(stage).items()))
        for name in inner[1].split("."):
            if kind.is_record and name not in dict(kind.fields):
                yield f"no field {name!r} for {match.group()}{closest(name, dict(kind.fields))}"
                break
            if not kind.is_record and kind.name not in {"map", "dyn"}:
                yield f"{match.group()}: {kind} has no field {name!r}"
                break
            kind = dict(kind.fields)[name] if kind.is_record else (kind.inner[1] if kind.inner else kind)


def _invalid(problems: list[Problem], placed: Placed, name: str) -> ConstitutionInvalid:
    located = sorted(((placed.line(problem), problem) for problem in problems), key=lambda pair: pair[0])
    lines = [f"{name}:{line}: {problem}" for line, problem in located]
    unique: Mapping[str, None] = dict.fromkeys(lines)
    return ConstitutionInvalid(
        "\n".join(unique),
        problems=list(unique),
        mend=f"the stages are {', '.join(STAGES)}" if any("stages" in line for line in lines) else "",
    )

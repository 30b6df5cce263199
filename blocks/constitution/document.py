"""A constitution's document becomes one that can be asked, or a list of problems with their lines."""

import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from types import MappingProxyType
from typing import Any

from pydantic import ValidationError

from blocks.constitution.articles import Article
from blocks.constitution.checker import check_condition, closest
from blocks.constitution.conditions import Condition, compile_condition, tree_of
from blocks.constitution.constitution import PLACEHOLDER, Constitution
from blocks.constitution.decisions import Stage, Verdict
from blocks.constitution.fact_paths import names
from blocks.constitution.lexer import ConditionError
from blocks.constitution.parser import parse
from blocks.constitution.reachability import examine
from blocks.constitution.replacements import STAGES as REPLACING
from blocks.constitution.replacements import replacement_mistakes
from blocks.constitution.signatures import Signatures
from blocks.constitution.stages import STAGES, variables
from blocks.constitution.terms import ApprovalTerms
from blocks.constitution.types import Type
from blocks.constitution.written import KEYS, PAST, ArticleText, Document
from blocks.constitution.yaml_places import Place, Placed, Problem, read_yaml
from blocks.errors import BadInput
from blocks.plain import digest

LIMITS = ("budget", "over")
"""The fact whose mention makes an article say what happens at a limit."""
MOST_SHOWN = 200
"""How many problems are told at once."""
_BRACES = re.compile(r"\{[^}]*\}?|\}")
_IMPOSSIBLE: Mapping[Verdict, Mapping[Stage, str]] = {
    "approve": dict.fromkeys(("tool.result", "model.response"), "it has happened already when it is decided"),
    "redact": dict.fromkeys(("project.launch", "plan.node", "capsule.start"), "nothing of it can be masked"),
}
"""The stages at which a verdict cannot be carried out, and why."""


class ConstitutionInvalid(BadInput):
    """The constitution is not valid; nothing of it is in force."""


@dataclass(slots=True)
class _Found:
    """What was noticed while the articles were compiled."""

    signatures: Signatures
    problems: list[Problem] = field(default_factory=list)
    warnings: list[Problem] = field(default_factory=list)


def load_constitution(path: Path, signatures: Signatures | None = None) -> Constitution:
    """The constitution of a file, or `ConstitutionInvalid` with every problem in it."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConstitutionInvalid(
            f"cannot read the constitution {path}: {error}", mend="name a readable UTF-8 file"
        ) from None
    return parse_constitution(text, str(path), signatures)


def parse_constitution(text: str, name: str, signatures: Signatures | None = None) -> Constitution:
    """The constitution of a text; the name is where problems are said to be.

    With the signatures of what is installed, the arguments that articles read are checked too.
    """
    placed = read_yaml(text, "constitution")
    found = _Found(signatures or Signatures(), list(placed.problems))
    document = _validated(placed, found.problems)
    if document is None:
        for place, article in _valid_articles(placed):
            _compiled(article, place, found)
        raise _invalid(found.problems, placed, name)
    found.problems.extend(_cross_references(document))
    articles = [
        _compiled(article, ("articles", number), found) for number, article in enumerate(document.articles)
    ]
    if not found.problems:
        found.problems, doubts = examine(document)
        found.warnings.extend(doubts)
    if found.problems:
        raise _invalid(found.problems, placed, name)
    written = document.model_dump(mode="json", exclude_unset=True)
    return Constitution(
        name=document.metadata.name,
        version=document.metadata.version,
        digest=digest(written),
        default=document.default,
        articles=tuple(articles),
        document=MappingProxyType(written),
        warnings=tuple(_located(found.warnings, placed, name)),
    )


def _validated(placed: Placed, problems: list[Problem]) -> Document | None:
    if placed.data is None:
        return None
    try:
        return Document.model_validate(placed.data)
    except ValidationError as error:
        for item in error.errors(include_url=False):
            place: Place = tuple(item["loc"])
            problems.append(Problem(place, _mended(item["msg"], item["type"], place, item["input"])))
    return None


def _valid_articles(placed: Placed) -> Iterator[tuple[Place, ArticleText]]:
    """The articles that are well formed in a document that is not, so that all mistakes are told at once."""
    articles = placed.data.get("articles") if isinstance(placed.data, dict) else None
    for number, article in enumerate(articles if isinstance(articles, list) else ()):
        with suppress(ValidationError):
            yield ("articles", number), ArticleText.model_validate(article)


def _mended(message: str, kind: str, place: Place, given: object) -> str:
    if kind == "extra_forbidden":
        return f"unknown key{closest(str(place[-1]), KEYS)}"
    if kind == "string_type" and place[-1] == "version":
        return "write the version in quotes, as '1.0.0'"
    if kind == "string_type" and isinstance(given, bool | int | float | date):
        return f"YAML reads this as {type(given).__name__}; write it in quotes"
    if kind == "literal_error" and isinstance(given, str):
        message += closest(given, dict.fromkeys(re.findall(r"'([^']+)'", message)))
    message = message.removeprefix("Value error, ")
    return message[0].lower() + message[1:]


def _cross_references(document: Document) -> Iterator[Problem]:
    principles = {principle.id: None for principle in document.principles}
    seen: set[str] = set()
    for number, article in enumerate(document.articles):
        place: Place = ("articles", number)
        if article.principle and article.principle not in principles:
            yield Problem(
                (*place, "principle"),
                f"no principle {article.principle!r}{closest(article.principle, principles)}",
            )
        if article.id in seen:
            yield Problem((*place, "id"), f"a second article {article.id!r}")
        if article.id == "default":
            yield Problem(
                (*place, "id"), "'default' is what holds where no article speaks; choose another id"
            )
        seen.add(article.id)
        yield from _misplaced_verdicts(article, place)
        yield from _wrong_examples(article, place)
    for number, principle in enumerate(document.principles):
        if any(other.id == principle.id for other in document.principles[:number]):
            yield Problem(("principles", number, "id"), f"a second principle {principle.id!r}")


def _misplaced_verdicts(article: ArticleText, place: Place) -> Iterator[Problem]:
    impossible = _IMPOSSIBLE.get(article.verdict, {})
    for index, stage in enumerate(article.stages):
        if stage in impossible:
            message = f"{stage} cannot be answered with {article.verdict!r}: {impossible[stage]}"
            yield Problem((*place, "stages", index), message)
        if stage in article.stages[:index]:
            yield Problem((*place, "stages", index), f"{stage} is named twice")
    if article.approve and article.verdict != "approve":
        yield Problem((*place, "approve"), f"only the verdict 'approve' has terms, this is {article.verdict}")
    yield from _misplaced_replacement(article, place)


def _misplaced_replacement(article: ArticleText, place: Place) -> Iterator[Problem]:
    if not article.replace:
        return
    if article.verdict != "redact":
        said = f"only the verdict 'redact' replaces arguments, this is {article.verdict}"
        yield Problem((*place, "replace"), said)
    for index, stage in enumerate(article.stages):
        if stage not in REPLACING:
            message = f"arguments are replaced at {' and '.join(sorted(REPLACING))} only, not at {stage}"
            yield Problem((*place, "stages", index), message)


def _wrong_examples(article: ArticleText, place: Place) -> Iterator[Problem]:
    for index, example in enumerate(article.tests):
        inner: Place = (*place, "tests", index)
        stage = example.stage or article.stages[0]
        if stage not in article.stages:
            yield Problem((*inner, "stage"), f"the article does not speak of {stage!r}")
            continue
        if example.approve and example.verdict != "approve":
            yield Problem((*inner, "approve"), f"{example.verdict!r} has no terms")
        for inside, message in _wrong_facts(example.facts, stage):
            yield Problem((*inner, "facts", *inside), message)


def _wrong_facts(facts: Mapping[str, Any], stage: Stage) -> Iterator[tuple[Place, str]]:
    """Facts that no action of this stage has: an example with them would prove nothing."""
    known = variables(stage)
    for name, given in facts.items():
        if name not in known:
            yield (name,), f"no variable {name!r} at {stage}{closest(name, known)}"
        elif name == "history":
            yield from _wrong_history(given)
        elif known[name].is_record and not isinstance(given, dict):
            yield (name,), f"`{name}` has fields; write a mapping"
        elif known[name].is_record:
            fields = dict(known[name].fields)
            for key in given:
                if key not in fields:
                    yield (name, str(key)), f"no field {key!r} in `{name}`{closest(str(key), fields)}"


def _wrong_history(given: object) -> Iterator[tuple[Place, str]]:
    try:
        PAST.validate_python(given)
    except ValidationError as error:
        for item in error.errors(include_url=False):
            place: Place = ("history", *item["loc"])
            yield place, _mended(item["msg"], item["type"], place, item["input"])


def _compiled(article: ArticleText, place: Place, found: _Found) -> Article:
    conditions: dict[Stage, Condition | None] = {}
    for stage in article.stages:
        conditions[stage] = _condition(article, stage, place, found)
        known = found.signatures.refined(stage, article.actions, variables(stage))
        for mistake in _template_mistakes(article.reason, known):
            found.problems.append(Problem((*place, "reason"), mistake))
        for path, mistake in replacement_mistakes(article.replace, known):
            found.problems.append(Problem((*place, "replace", path), mistake))
    for index, doubt in found.signatures.unknown(article.stages, article.actions):
        found.warnings.append(Problem((*place, "actions", index), doubt))
    return Article(
        id=article.id,
        title=article.title,
        actions=tuple(article.actions),
        conditions=conditions,
        verdict=article.verdict,
        severity=article.severity,
        reason=article.reason,
        remedy=article.remedy,
        terms=_terms(article),
        replace=article.replace,
        at_limit=any(
            condition and names(tree_of(condition.source), LIMITS) for condition in conditions.values()
        ),
    )


def _terms(article: ArticleText) -> ApprovalTerms | None:
    if article.approve:
        return article.approve.compiled()
    return ApprovalTerms() if article.verdict == "approve" else None


def _condition(article: ArticleText, stage: Stage, place: Place, found: _Found) -> Condition | None:
    if article.when is None:
        return None
    known = variables(stage)
    try:
        condition = compile_condition(article.when, known)
        refined = found.signatures.refined(stage, article.actions, known)
        if refined is not known:
            check_condition(parse(article.when), refined)
    except ConditionError as error:
        where = f" (at stage {stage})" if len(article.stages) > 1 else ""
        within = article.when[: error.position]
        found.problems.append(Problem((*place, "when"), f"{error.message}{where}", within))
        return None
    return condition


def _template_mistakes(reason: str, known: Mapping[str, Type]) -> Iterator[str]:
    for match in _BRACES.finditer(reason):
        inner = PLACEHOLDER.fullmatch(match.group())
        if inner is None:
            yield f"{match.group()[:80]!r} is no placeholder: write a field's path, as {{tool.name}}"
            continue
        kind = Type("record", fields=tuple(known.items()))
        for name in inner[1].split("."):
            if kind.is_record and name not in dict(kind.fields):
                yield f"no field {name!r} for {match.group()}{closest(name, dict(kind.fields))}"
                break
            if not kind.is_record and kind.name not in {"map", "dyn"}:
                yield f"{match.group()}: {kind} has no field {name!r}"
                break
            kind = dict(kind.fields)[name] if kind.is_record else (kind.inner[1] if kind.inner else kind)


def _located(problems: Iterable[Problem], placed: Placed, name: str) -> list[str]:
    located = sorted(((placed.line(problem), problem) for problem in problems), key=lambda pair: pair[0])
    return list(dict.fromkeys(f"{name}:{line}: {_one_line(problem)}" for line, problem in located))


def _one_line(problem: Problem) -> str:
    return str(problem).replace("\r", " ").replace("\n", " ")


def _invalid(problems: list[Problem], placed: Placed, name: str) -> ConstitutionInvalid:
    lines = _located(problems, placed, name)
    if len(lines) > MOST_SHOWN:
        line = placed.line(problems[-1])
        lines = [
            *lines[:MOST_SHOWN],
            f"{name}:{line}: and {len(lines) - MOST_SHOWN} more problems up to here",
        ]
    return ConstitutionInvalid(
        "\n".join(lines),
        problems=lines,
        mend=f"the stages are {', '.join(STAGES)}" if any("stages" in line for line in lines) else "",
    )

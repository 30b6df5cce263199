"""Why a decision came out as it did: what matched, what almost did, and what made the difference."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from blocks.constitution.articles import Article
from blocks.constitution.clauses import clauses_of
from blocks.constitution.conditions import Condition, compile_condition, context_of
from blocks.constitution.constitution import Constitution
from blocks.constitution.decisions import RANK, Action, Decision, Determination, Verdict
from blocks.constitution.detectors.secrets import redact_text
from blocks.constitution.inquiry import Inquiry
from blocks.constitution.lexer import ConditionError
from blocks.constitution.quoting import quoted
from blocks.constitution.stages import variables


@dataclass(frozen=True, kw_only=True, slots=True)
class NearMiss:
    """An article that speaks of the action and did not match."""

    article: str
    title: str
    verdict: Verdict
    clause: str
    """The part of its condition that was false, or could not be evaluated."""
    problem: str
    """Why the part could not be evaluated; empty when it was false."""
    values: Mapping[str, str]
    """What the part reads and asks -> what it found; masked and cut."""
    others_held: int
    others: int
    """How many other parts the condition has, and how many of them held."""

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True, kw_only=True, slots=True)
class Explanation:
    """A decision with the articles that matched, and those that did not, nearest first."""

    decision: Decision
    matched: tuple[Determination, ...]
    almost: tuple[NearMiss, ...]


@dataclass(frozen=True, slots=True)
class _Part:
    """One clause and what became of it."""

    source: str
    condition: Condition
    holds: bool | None
    """None when it could not be evaluated."""
    problem: str = ""


def explain(
    constitution: Constitution, action: Action, answers: Mapping[str, Any] | None = None
) -> Explanation:
    """The decision and its reasons; never raises, and agrees with `decide`."""
    decision = constitution.decide(action, answers)
    matched = tuple(item for item in decision.articles if item.article != "default")
    names = {item.article for item in matched}
    inquiry = Inquiry(action.facts, {**(answers or {}), **decision.answers})
    almost = [
        _near_miss(article, article.conditions[action.stage], action, inquiry)
        for article in constitution.articles
        if article.id not in names and article.speaks_of(action.stage, action.name)
    ]
    almost.sort(key=lambda miss: (miss.others - miss.others_held, -miss.others_held, -RANK[miss.verdict]))
    return Explanation(decision=decision, matched=matched, almost=tuple(almost))


def _near_miss(article: Article, condition: Condition | None, action: Action, inquiry: Inquiry) -> NearMiss:
    source = condition.source if condition else "true"
    try:
        parts = [_part(clause, action, inquiry) for clause in clauses_of(source)]
        failed = [part for part in parts if part.holds is False] or [part for part in parts if not part.holds]
        others = [part for part in parts if part is not failed[0]]
        clause, problem = failed[0].source, failed[0].problem
        values = _values(failed[0].condition, inquiry)
    except Exception as error:  # noqa: BLE001  # an explanation that fails must not hide the decision
        clause, problem, values, others = source, redact_text(str(error)), {}, []
    return NearMiss(
        article=article.id,
        title=article.title,
        verdict=article.verdict,
        clause=clause,
        problem=problem,
        values=values,
        others_held=sum(part.holds is True for part in others),
        others=len(others),
    )


def _part(clause: str, action: Action, inquiry: Inquiry) -> _Part:
    condition = compile_condition(clause, variables(action.stage))
    try:
        holds = condition.holds(context_of(condition, inquiry), inquiry)
    except ConditionError as error:
        return _Part(clause, condition, None, redact_text(error.message))
    return _Part(clause, condition, holds)


def _values(condition: Condition, inquiry: Inquiry) -> dict[str, str]:
    found: dict[str, str] = {}
    for wanted in dict.fromkeys(
        [
            *(reading.fact for reading in condition.readings),
            *(item for question in condition.questions for item in question.facts),
        ]
    ):
        found[str(wanted)] = inquiry.quote(wanted.path)
    for question in condition.questions:
        if inquiry.answers.get(question.text) is not None:
            found[question.text] = quoted(inquiry.answers[question.text])
    return found

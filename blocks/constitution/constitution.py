"""The compiled constitution: immutable, and quick to ask."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

import cel

from blocks.constitution.conditions import Condition, context_of
from blocks.constitution.decisions import (
    RANK,
    Action,
    Decision,
    Determination,
    Severity,
    Stage,
    Verdict,
    decision_id,
)
from blocks.constitution.flattening import MISSING, Reading, fact, merged
from blocks.constitution.globs import like
from blocks.constitution.detectors.secrets import redact_text
from blocks.constitution.terms import ApprovalTerms
from blocks.plain import plain

PLACEHOLDER = re.compile(r"\{([A-Za-z_][\w.]*)\}")
LONGEST_QUOTE = 200
MOST_REMEMBERED = 4096
"""How many (stage, action) pairs the index keeps; action names may come from outside."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Article:
    """One compiled article."""

    id: str
    title: str
    actions: tuple[str, ...]
    conditions: Mapping[Stage, Condition | None]
    """One for each stage that the article names; None means always."""
    verdict: Verdict
    severity: Severity
    reason: str
    remedy: str
    terms: ApprovalTerms | None = None
    """Who must agree; given exactly where the verdict is `approve`."""

    def speaks_of(self, stage: Stage, action: str) -> bool:
        return stage in self.conditions and any(like(action, pattern) for pattern in self.actions)


@dataclass(frozen=True, slots=True)
class _Chapter:
    """The articles that speak of one (stage, action), and the facts they read."""

    articles: tuple[tuple[Article, Condition | None], ...]
    readings: tuple[Reading, ...]
    functions: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, eq=False)
class Constitution:
    """Answers what may happen; build it with `parse_constitution` or `load_constitution`."""

    name: str
    version: str
    digest: str
    default: Verdict
    articles: tuple[Article, ...]
    default_reason: str = "no article allows it"
    document: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}), repr=False)
    """The document as data, as it was digested."""
    warnings: tuple[str, ...] = ()
    """What is likely a mistake but does not keep the document from being valid."""
    _chapters: dict[tuple[Stage, str], _Chapter] = field(default_factory=dict, repr=False)

    def decide(self, action: Action, answers: Mapping[str, Any] | None = None) -> Decision:
        """The verdict on the action; never raises, and what cannot be evaluated denies."""
        found, unread = self._matching(self._chapter(action.stage, action.name), action.facts)
        if len(found) > 1:
            found.sort(key=_by_weight)
        elif not found:
            found = self._by_default(unread)
        return Decision(
            id=decision_id(),
            verdict=found[0].verdict if found else self.default,
            stage=action.stage,
            action=action.name,
            articles=tuple(found),
            constitution=self.digest,
            at=datetime.now(UTC),
        )

    def _chapter(self, stage: Stage, action: str) -> _Chapter:
        chapter = self._chapters.get((stage, action))
        if chapter is None:
            if len(self._chapters) >= MOST_REMEMBERED:
                self._chapters.clear()
            chapter = self._chapters[stage, action] = self._collected(stage, action)
        return chapter

    def _collected(self, stage: Stage, action: str) -> _Chapter:
        articles = tuple(
            (article, article.conditions[stage])
            for article in self.articles
            if article.speaks_of(stage, action)
        )
        conditions = [condition for _, condition in articles if condition]
        return _Chapter(
            articles,
            merged(reading for condition in conditions for reading in condition.readings),
            tuple(dict.fromkeys(name for condition in conditions for name in condition.functions)),
        )

    def _matching(
        self, chapter: _Chapter, facts: Mapping[str, Any]
    ) -> tuple[list[Determination], list[Determination]]:
        """The articles that match, and the permissions that could not be evaluated."""
        found: list[Determination] = []
        unread: list[Determination] = []
        context: cel.Context | None = None
        for article, condition in chapter.articles:
            try:
                if condition is not None and context is None:
                    context = context_of(chapter.readings, chapter.functions, facts)
                if condition is None or condition.holds(context):
                    found.append(_determined(article, facts))
            except Exception as error:  # noqa: BLE001  # whatever goes wrong must not let anything through
                (unread if article.verdict == "allow" else found).append(_unreadable(article, error))
        return found, unread

    def _by_default(self, unread: list[Determination]) -> list[Determination]:
        if self.default == "allow":
            return []
        notes = "; ".join(f"article {item.article} {item.reason}" for item in unread)
        reason = f"{self.default_reason} ({notes})" if notes else self.default_reason
        return [Determination(article="default", verdict=self.default, reason=reason)]


def _by_weight(determination: Determination) -> int:
    return -RANK[determination.verdict]


def _determined(article: Article, facts: Mapping[str, Any]) -> Determination:
    reason = article.reason
    if "{" in reason:
        reason = PLACEHOLDER.sub(lambda match: _quoted(match[1], facts), reason)
    return Determination(
        article=article.id,
        verdict=article.verdict,
        reason=reason,
        remedy=article.remedy,
        severity=article.severity,
        terms=article.terms,
    )


def _unreadable(article: Article, error: Exception) -> Determination:
    """An article that restricts but cannot be asked denies; one that only warns warns."""
    return Determination(
        article=article.id,
        verdict="warn" if article.verdict == "warn" else "deny",
        reason=f"could not be evaluated: {redact_text(str(error))}",
        remedy=article.remedy,
        severity=article.severity,
    )


def _quoted(path: str, facts: Mapping[str, Any]) -> str:
    value = fact(tuple(path.split(".")), facts)
    if value is MISSING:
        return "(not given)"
    text = redact_text(str(plain(value)))
    return text if len(text) <= LONGEST_QUOTE else f"{text[:LONGEST_QUOTE]}..."

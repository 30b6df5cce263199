"""The compiled constitution: immutable, and quick to ask."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

from blocks.constitution.articles import Article
from blocks.constitution.chapters import Chapter
from blocks.constitution.decisions import (
    RANK,
    Action,
    Decision,
    Determination,
    Stage,
    Verdict,
    decision_id,
)
from blocks.constitution.detectors.secrets import redact_text
from blocks.constitution.inquiry import Inquiry

PLACEHOLDER = re.compile(r"\{([A-Za-z_][\w.]*)\}")
MOST_REMEMBERED = 4096
"""How many (stage, action) pairs the index keeps; action names may come from outside."""


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
    _chapters: dict[tuple[Stage, str], Chapter] = field(default_factory=dict, init=False, repr=False)
    _collected: dict[tuple[str, ...], Chapter] = field(default_factory=dict, init=False, repr=False)

    def decide(self, action: Action, answers: Mapping[str, Any] | None = None) -> Decision:
        """The verdict on the action; never raises, and what cannot be evaluated denies.

        With `answers`, as an earlier decision gave them, those calls are not worked out again.
        """
        inquiry = Inquiry(action.facts, answers)
        found, unread = self._matching(self.chapter(action.stage, action.name), inquiry)
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
            answers=inquiry.answers,
            unreadable=inquiry.unreadable,
        )

    def chapter(self, stage: Stage, action: str) -> Chapter:
        """The articles that speak of the action; found once, then remembered."""
        chapter = self._chapters.get((stage, action))
        if chapter is None:
            if len(self._chapters) >= MOST_REMEMBERED:
                self._chapters.clear()
                self._collected.clear()
            chapter = self._chapters[stage, action] = self._collect(stage, action)
        return chapter

    def _collect(self, stage: Stage, action: str) -> Chapter:
        """The chapter of the action; actions of which the same articles speak share theirs."""
        speaking = tuple(article for article in self.articles if article.speaks_of(stage, action))
        key = (stage, *(article.id for article in speaking))
        chapter = self._collected.get(key)
        if chapter is None:
            chapter = Chapter.of((article, article.conditions[stage]) for article in speaking)
            self._collected[key] = chapter
        return chapter

    def prepare_like(self, other: "Constitution") -> None:
        """Collect what the other was asked about: the first decisions are then as quick as later ones."""
        for stage, action in list(other._chapters):  # noqa: SLF001  # its own kind
            self.chapter(stage, action)

    @staticmethod
    def _matching(chapter: Chapter, inquiry: Inquiry) -> tuple[list[Determination], list[Determination]]:
        """The articles that match, and the permissions that could not be evaluated."""
        found: list[Determination] = []
        unread: list[Determination] = []
        for article, problem in chapter.ask(inquiry):
            if problem is None:
                found.append(_determined(article, inquiry))
            else:
                inquiry.unreadable = True
                (unread if article.verdict == "allow" else found).append(_unreadable(article, problem))
        return found, unread

    def _by_default(self, unread: list[Determination]) -> list[Determination]:
        if self.default == "allow":
            return []
        notes = "; ".join(f"article {item.article} {item.reason}" for item in unread)
        reason = f"{self.default_reason} ({notes})" if notes else self.default_reason
        return [Determination(article="default", verdict=self.default, reason=reason)]


def _by_weight(determination: Determination) -> int:
    return -RANK[determination.verdict]


def _determined(article: Article, inquiry: Inquiry) -> Determination:
    reason = article.reason
    if "{" in reason:
        reason = PLACEHOLDER.sub(lambda match: inquiry.quote(tuple(match[1].split("."))), reason)
    return Determination(
        article=article.id,
        verdict=article.verdict,
        reason=reason,
        remedy=article.remedy,
        severity=article.severity,
        terms=article.terms,
        replace=article.replace,
        at_limit=article.at_limit,
    )


def _unreadable(article: Article, problem: str) -> Determination:
    """An article that restricts but cannot be asked denies; one that only warns warns."""
    return Determination(
        article=article.id,
        verdict="warn" if article.verdict == "warn" else "deny",
        reason=f"could not be evaluated: {redact_text(problem)}",
        remedy=article.remedy,
        severity=article.severity,
    )

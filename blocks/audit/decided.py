"""A decision's record: frozen when it is made, written out in the log's own thread."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from blocks.audit.keeping import facts_of, frozen, keep, thawed
from blocks.constitution.decisions import Action, Decision, Determination
from blocks.plain import digest

if TYPE_CHECKING:
    from blocks.context import RunContext

GONE = "[withheld]"
_NOTHING: Mapping[str, Any] = {}


class Decided:
    """One decision and the circumstances under which it was made, none of which can change any more."""

    __slots__ = ("_arguments", "_base", "_decision", "_extra", "_facts")

    def __init__(
        self,
        decision: Decision,
        context: "RunContext",
        arguments: Mapping[str, Any],
        action: Action | None,
        extra: Mapping[str, Any],
    ) -> None:
        self._decision = decision
        self._base = _circumstances(context, action.facts if action else _NOTHING)
        self._arguments = frozen(arguments)
        self._facts = frozen(facts_of(action)) if action else None
        self._extra = frozen(extra) if extra else None

    def record(self) -> dict[str, Any]:
        """The record as plain JSON; `facts_failed` says why facts are missing, if they are."""
        decision = self._decision
        record = self._base | {
            "id": decision.id,
            "kind": "decision",
            "at": decision.at.isoformat(),
            "stage": decision.stage,
            "action": decision.action,
            "verdict": decision.verdict,
            "articles": [_article(item) for item in decision.articles],
            "constitution": decision.constitution,
            "arguments_sha256": digest(thawed(self._arguments)),
        }
        if decision.answers:
            record["answers"] = dict(decision.answers)
        if self._extra:
            record |= thawed(self._extra)
        if self._facts is not None:
            self._add_facts(record, self._facts)
        return record

    def _add_facts(self, record: dict[str, Any], text: str) -> None:
        try:
            record["facts"], hidden = keep(thawed(text))
            for articles in (record["articles"], *_shadowed(record)):
                _mask(articles, hidden)
        except Exception as error:  # noqa: BLE001  # a decision is recorded whatever its facts are like
            record["facts_failed"] = type(error).__name__
            for articles in (record["articles"], *_shadowed(record)):
                for article in articles:
                    article["reason"] = GONE


def _circumstances(context: "RunContext", facts: Mapping[str, Any]) -> dict[str, Any]:
    principal, capsule = context.principal, facts.get("capsule") or _NOTHING
    return {
        "tenant": context.tenant,
        "principal": {
            "name": principal.name,
            "kind": principal.kind,
            "roles": sorted(principal.roles),
            "on_behalf_of": principal.on_behalf_of or None,
        },
        "project": context.project,
        "node": context.node,
        "attempt": context.attempt,
        "capsule": {
            "name": context.capsule or "",
            "version": context.capsule_version or "",
            "digest": str(capsule.get("digest") or ""),
        },
    }


def _article(item: Determination) -> dict[str, Any]:
    return {
        "article": item.article,
        "verdict": item.verdict,
        "reason": item.reason,
        "remedy": item.remedy,
        "severity": item.severity,
    }


def _shadowed(record: Mapping[str, Any]) -> list[list[dict[str, Any]]]:
    shadow = record.get("shadow") or _NOTHING
    return [shadow["articles"]] if shadow.get("articles") else []


def _mask(articles: list[dict[str, Any]], hidden: list[str]) -> None:
    """Reasons quote values; what is not kept as a fact is not kept as a quotation either."""
    for text in hidden:
        quoted = text[:QUOTED]
        for article in articles:
            for spelling in (quoted, repr(quoted)[1:-1]):
                article["reason"] = article["reason"].replace(spelling, GONE)


QUOTED = 150
"""Characters of a value that a reason shows for certain."""

"""Counting how the verdicts of one constitution differ from those that were recorded under another."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, cast, get_args

from blocks.constitution.decisions import Verdict

Change = Literal["refused", "asked", "let_through", "marked"]
"""What became of an action: refused, asked of people, or let through, which it was not before; `marked` was
let through both times, but with another one of allow, warn and redact."""
CHANGES: tuple[Change, ...] = get_args(Change)
REFUSING = frozenset({"deny", "approve"})
EXAMPLES_EACH = 5
"""Examples of one kind of change by one article."""
MOST_EXAMPLES = 200
MOST_NAMES = 1000
"""Articles, and projects, that are counted by name; the rest are counted together."""
SHOWN_PROJECTS = 200
LONGEST_REASON = 400
REST = "(others)"


def change_of(was: Verdict, would: Verdict) -> Change | None:
    """The kind of change from the recorded verdict to the other constitution's, if it is one."""
    if was == would:
        return None
    if would == "deny":
        return "refused"
    if would == "approve":
        return "asked"
    return "let_through" if was in REFUSING else "marked"


@dataclass(kw_only=True)
class Tally:
    """Takes decisions one by one, in bounded memory, however many there are."""

    same: int = 0
    changes: Counter[Change] = field(default_factory=Counter)
    articles: dict[str, Counter[Change]] = field(default_factory=lambda: defaultdict(Counter))
    projects: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    examples: list[dict[str, Any]] = field(default_factory=list)
    _shown: Counter[tuple[Change, str]] = field(default_factory=Counter)

    def count(
        self, record: Mapping[str, Any], would: Verdict, articles: Iterable[Mapping[str, Any]]
    ) -> Change | None:
        """Take one recorded decision and what the other constitution says to it, with its articles."""
        was = cast("Verdict", record["verdict"])
        change = change_of(was, would)
        project = _named(record.get("project") or "", self.projects)
        self.projects[project][change or "same"] += 1
        if change is None:
            self.same += 1
            return None
        self.changes[change] += 1
        deciding = _deciding(record, was, would, articles)
        for article in dict.fromkeys(item["article"] for item in deciding):
            self.articles[_named(article, self.articles)][change] += 1
        self._show(record, change, would, deciding)
        return change

    def _show(
        self, record: Mapping[str, Any], change: Change, would: Verdict, deciding: list[Mapping[str, Any]]
    ) -> None:
        first = deciding[0] if deciding else {"article": "", "reason": ""}
        kind = (change, str(first["article"]))
        if len(self.examples) >= MOST_EXAMPLES or self._shown[kind] >= EXAMPLES_EACH:
            return
        self._shown[kind] += 1
        told = {name: record.get(name) for name in ("project", "node", "stage", "action", "at")}
        self.examples.append(
            {
                "change": change,
                "decision": record.get("id"),
                **told,
                "was": record["verdict"],
                "would": would,
                "article": first["article"],
                "reason": str(first.get("reason", ""))[:LONGEST_REASON],
            }
        )

    def as_json(self) -> dict[str, Any]:
        """The counts and examples: those that change most stand first."""
        listed = sorted(self.projects.items(), key=lambda pair: (_same(pair[1]) - pair[1].total(), pair[0]))
        return {
            "same": self.same,
            "changes": {change: self.changes[change] for change in CHANGES},
            "articles": [
                {"article": article, **{change: counts[change] for change in CHANGES}}
                for article, counts in sorted(self.articles.items(), key=lambda pair: -pair[1].total())
            ],
            "projects": [
                {"project": project, "same": counts["same"], **{change: counts[change] for change in CHANGES}}
                for project, counts in listed[:SHOWN_PROJECTS]
            ],
            "more_projects": max(0, len(listed) - SHOWN_PROJECTS),
            "examples": self.examples,
        }


def _same(counts: Counter[str]) -> int:
    return counts["same"]


def _named(name: str, known: Mapping[str, Any]) -> str:
    return name if name in known or len(known) < MOST_NAMES else REST


def _deciding(
    record: Mapping[str, Any], was: Verdict, would: Verdict, articles: Iterable[Mapping[str, Any]]
) -> list[Mapping[str, Any]]:
    """The articles behind a change: those that now decide, or those whose say no longer counts."""
    now = [item for item in articles if item["verdict"] == would]
    before = [item for item in record.get("articles") or () if item.get("verdict") == was]
    gone = would == "allow" or (was in REFUSING and would not in REFUSING)
    return (before or now) if gone else (now or before)

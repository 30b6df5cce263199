from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import groupby

from capsules.library.security.rules import advice_for
from capsules.repository.analysis import SEVERITIES, Finding, Severity, finding_id, storable
from capsules.repository.places import Place

MOST_OF_A_RULE = 1000
_SHOWN = 10
_LONGEST = 500


@dataclass(frozen=True, kw_only=True)
class Weakness:
    """One weak place that one rule found."""

    rule: str
    name: str
    severity: Severity
    path: str
    place: Place
    line: int
    content: str
    """The text that the finding is recognised by in the next audit."""
    detail: str
    advice: str = ""
    link: str = ""


@dataclass(kw_only=True)
class Weaknesses:
    """All that was found, counted in full and kept up to a bound for each rule."""

    kept: list[Weakness] = field(default_factory=list)
    counts: Counter[tuple[str, Severity]] = field(default_factory=Counter)

    def add(self, weakness: Weakness) -> None:
        severity = _judged(weakness)
        self.counts[weakness.rule, severity] += 1
        if self.counts[weakness.rule, severity] <= MOST_OF_A_RULE:
            self.kept.append(replace(weakness, severity=severity, content=weakness.content[:_LONGEST]))


def as_findings(weaknesses: Weaknesses) -> list[Finding]:
    """One finding a place for what is medium or worse, one finding a rule for the rest."""
    mild = [weakness for weakness in weaknesses.kept if weakness.severity in {"low", "info"}]
    single = [_single(weakness) for weakness in weaknesses.kept if weakness.severity not in {"low", "info"}]
    return [*_numbered(single), *_grouped(mild, weaknesses.counts)]


def _judged(weakness: Weakness) -> Severity:
    """Code that no user reaches is judged more mildly: tests at most low, examples one grade less."""
    grade = SEVERITIES.index(weakness.severity)
    if weakness.place == "test":
        grade = max(grade + 1, SEVERITIES.index("low"))
    elif weakness.place != "product":
        grade += 1
    return SEVERITIES[min(grade, len(SEVERITIES) - 1)]


def _single(weakness: Weakness) -> Finding:
    return Finding.of(
        weakness.rule,
        weakness.content,
        path=weakness.path,
        title=weakness.name[:1].upper() + weakness.name[1:],
        severity=weakness.severity,
        line=weakness.line,
        detail=weakness.detail,
        advice=weakness.advice or advice_for(weakness.rule),
        links=[weakness.link] if weakness.link else [],
    )


def _numbered(findings: list[Finding]) -> list[Finding]:
    """The same line twice in a file gives two findings: the second one gets an id of its own."""
    seen: dict[str, int] = {}
    numbered = []
    for finding in findings:
        seen[finding.id] = count = seen.get(finding.id, 0) + 1
        numbered.append(finding if count == 1 else finding.model_copy(update={"id": f"{finding.id}-{count}"}))
    return numbered


def _grouped(weaknesses: list[Weakness], counts: Counter[tuple[str, Severity]]) -> Iterator[Finding]:
    def key(weakness: Weakness) -> tuple[int, str]:
        return SEVERITIES.index(weakness.severity), weakness.rule

    for (_, rule), group in groupby(sorted(weaknesses, key=key), key=key):
        found = list(group)
        first, count = found[0], counts[rule, found[0].severity]
        if count == 1:
            yield _single(first)
            continue
        places = ", ".join(f"{weakness.path}:{weakness.line}" for weakness in found[:_SHOWN])
        more = f" and {count - _SHOWN:,} more" if count > _SHOWN else ""
        yield _single(first).model_copy(
            update={
                "id": finding_id(rule, None, first.severity),
                "title": f"{first.name[:1].upper()}{first.name[1:]} ({count:,} places)",
                "path": None,
                "line": None,
                "detail": storable(f"{first.detail}. At {places}{more}."),
            }
        )

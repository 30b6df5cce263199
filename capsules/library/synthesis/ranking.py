"""The few things to do first, out of thousands of findings.

Findings of one rule are one action; findings of two areas at the same place are one action, too.
An action's priority is severity times reach over effort, and each action taken from an area makes
that area's next one a little less pressing, so that one loud tool does not fill the list.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from math import log2

from capsules.library.synthesis.result import Action, Effort
from capsules.repository.analysis import SEVERITIES, Analysis, Finding, Severity

MOST_ACTIONS = 10
MOST_PLACES = 5
MOST_IDS = 50
SEVERITY_WEIGHT: Mapping[Severity, float] = {"critical": 120, "high": 40, "medium": 12, "low": 3}
EFFORT_COST: Mapping[Effort, float] = {"minutes": 1.0, "hours": 1.5, "days": 2.5}
MANY = 10
"""From so many findings on, an action is a size of effort larger than its single finding."""
AREA_FATIGUE = 0.75
BUSY_FACTOR = 1.3


@dataclass(frozen=True, kw_only=True)
class Group:
    """The findings of one rule in one area, the worst first."""

    capsule: str
    area: str
    findings: tuple[Finding, ...]

    @property
    def worst(self) -> Finding:
        return self.findings[0]

    @property
    def effort(self) -> Effort:
        if len(self.findings) < MANY:
            return self.worst.effort
        return "hours" if self.worst.effort == "minutes" else "days"


def rank_actions(analyses: Mapping[str, Analysis], limit: int = MOST_ACTIONS) -> list[Action]:
    """The most pressing things to do, at most `limit`, none of them mere information."""
    groups = list(group_findings(analyses))
    busy = busy_paths(analyses)
    waiting = {index: priority_of(group, busy) for index, group in enumerate(groups)}
    taken: Counter[str] = Counter()
    actions: list[Action] = []
    while waiting and len(actions) < limit:
        index = max(waiting, key=lambda at: (_felt(waiting[at], groups[at], taken), -at))
        group, priority = groups[index], waiting.pop(index)
        taken[group.capsule] += 1
        actions.append(_action(len(actions) + 1, group, priority))
    return actions


def group_findings(analyses: Mapping[str, Analysis]) -> Iterator[Group]:
    """One group for each rule of each area, without what another area reports at the same place."""
    seen: dict[tuple[str, int], Severity] = {}
    for capsule, analysis in sorted(analyses.items(), key=lambda item: _severest(item[1])):
        rules: dict[str, list[Finding]] = defaultdict(list)
        here: dict[tuple[str, int], Severity] = {}
        for finding in sorted(analysis.findings, key=_order):
            place = (finding.path, finding.line) if finding.path and finding.line else None
            if finding.severity == "info" or (place and _covered(seen.get(place), finding.severity)):
                continue
            if place:
                here.setdefault(place, finding.severity)
            rules[finding.rule].append(finding)
        seen |= here
        for findings in rules.values():
            yield Group(capsule=capsule, area=analysis.title, findings=tuple(findings))


def busy_paths(analyses: Mapping[str, Analysis]) -> frozenset[str]:
    """The files that the hotspots analysis points at: what is wrong there is met most often."""
    hotspots = analyses.get("hotspots")
    return (
        frozenset(finding.path for finding in hotspots.findings if finding.path) if hotspots else frozenset()
    )


def priority_of(group: Group, busy: frozenset[str]) -> float:
    """Severity times reach over effort."""
    alike = sum(finding.severity == group.worst.severity for finding in group.findings)
    reach = min(1 + log2(alike) / 4, 2.5)
    if any(finding.path in busy for finding in group.findings):
        reach *= BUSY_FACTOR
    return round(SEVERITY_WEIGHT[group.worst.severity] * reach / EFFORT_COST[group.effort], 2)


def _felt(priority: float, group: Group, taken: Counter[str]) -> float:
    """What is critical does not grow stale by waiting behind its own kind."""
    if group.worst.severity == "critical":
        return priority + SEVERITY_WEIGHT["critical"]
    return priority * AREA_FATIGUE ** taken[group.capsule]


def _action(rank: int, group: Group, priority: float) -> Action:
    worst, places = group.worst, places_of(group.findings)
    return Action(
        rank=rank,
        title=title_of(group),
        capsule=group.capsule,
        area=group.area,
        rule=worst.rule,
        severity=worst.severity,
        effort=group.effort,
        count=len(group.findings),
        places=places[:MOST_PLACES],
        more_places=max(0, len(places) - MOST_PLACES),
        why=worst.detail,
        first_step=worst.advice,
        links=worst.links[:3],
        finding_ids=[finding.id for finding in group.findings[:MOST_IDS]],
        priority=priority,
    )


def title_of(group: Group) -> str:
    """The worst finding's title, and how many there are beside it that are called otherwise."""
    others = sum(finding.title != group.worst.title for finding in group.findings)
    return f"{group.worst.title}, and {others:,} more of the kind" if others else group.worst.title


def places_of(findings: Iterable[Finding]) -> list[str]:
    """`path:line` of each, once."""
    places = (f"{found.path}:{found.line}" if found.line else found.path for found in findings)
    return list(dict.fromkeys(place for place in places if place))


def _order(finding: Finding) -> tuple[int, str, int, str]:
    return SEVERITIES.index(finding.severity), finding.path or "", finding.line or 0, finding.id


def _severest(analysis: Analysis) -> tuple[int, str]:
    """Areas with worse findings speak first, so that a merged duplicate keeps the worse severity."""
    ranks = [SEVERITIES.index(finding.severity) for finding in analysis.findings]
    return min(ranks, default=len(SEVERITIES)), analysis.capsule


def _covered(before: Severity | None, severity: Severity) -> bool:
    return before is not None and SEVERITIES.index(before) <= SEVERITIES.index(severity)

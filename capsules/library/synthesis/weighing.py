from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from capsules.library.synthesis.comparison import compare
from capsules.library.synthesis.ranking import rank_actions
from capsules.library.synthesis.result import AreaScore, Comparison, Synthesis, TrendPoint
from capsules.library.synthesis.scoring import explain_method, grade_of, overall_score, score_areas
from capsules.library.synthesis.snapshot import History, Snapshot, take_snapshot
from capsules.library.synthesis.wording import (
    describe_change,
    describe_gaps,
    risks_of,
    strengths_of,
    summarise,
)
from capsules.repository.analysis import Analysis
from capsules.repository.checkout import Checkout


@dataclass(frozen=True, kw_only=True)
class Audit:
    """Everything that one synthesis weighs."""

    checkout: Checkout
    survey: Analysis
    analyses: Mapping[str, Analysis]
    refused: Mapping[str, str]
    at: datetime
    project: str | None = None

    @property
    def everything(self) -> dict[str, Analysis]:
        return {"survey": self.survey, **self.analyses}

    @property
    def titles(self) -> dict[str, str]:
        return {name: analysis.title for name, analysis in self.everything.items()}

    def areas(self) -> list[AreaScore]:
        return score_areas(self.survey, self.analyses)


def snapshot_of(audit: Audit) -> Snapshot:
    """What the next audit of the repository will compare itself with."""
    areas = audit.areas()
    point = TrendPoint(at=audit.at, commit=audit.checkout.commit, score=overall_score(areas))
    return take_snapshot(audit.everything, areas, audit=point, project=audit.project)


def compare_with(audit: Audit, history: History | None, why: str = "") -> Comparison:
    """The comparison with the last audit, or why there is none."""
    if history is None or why:
        note = f"The last audit could not be recalled, so nothing is compared: {why}"
        return Comparison(status="unavailable", note=note)
    return compare(history, snapshot_of(audit), audit.titles)


def weigh(audit: Audit, comparison: Comparison, notes: list[str]) -> Synthesis:
    """What the analyses come to."""
    areas = [area.model_copy(update={"change": comparison.areas.get(area.capsule)}) for area in audit.areas()]
    score = overall_score(areas)
    grade = grade_of(score)
    told = (
        summarise(audit.checkout.name, score, grade, areas),
        describe_gaps(list(audit.refused)),
        describe_change(comparison),
    )
    return Synthesis(
        name=audit.checkout.name,
        source=audit.checkout.source,
        commit=audit.checkout.commit,
        at=audit.at,
        score=score,
        grade=grade,
        summary=" ".join(filter(None, told)),
        method=explain_method(areas),
        areas=areas,
        actions=rank_actions(audit.everything),
        strengths=strengths_of(areas),
        risks=risks_of(areas, audit.survey, audit.refused, comparison),
        comparison=comparison,
        refused=dict(audit.refused),
        notes=notes,
    )

"""From the scores of the areas to one score.

The weights say how much harm neglect of an area does: what lets an attacker in weighs most, what
slows the next change down comes second, what is only inconvenient comes last.
"""

from collections import Counter
from collections.abc import Iterable, Mapping

from capsules.library.synthesis.result import AreaScore, Grade
from capsules.repository.analysis import SEVERITIES, Analysis

WEIGHTS: Mapping[str, int] = {
    "secrets": 3,
    "security": 3,
    "dependencies": 2,
    "tests": 2,
    "quality": 2,
    "documentation": 1,
    "hotspots": 1,
}
OTHER_WEIGHT = 1
GRADES: tuple[tuple[int, Grade], ...] = ((90, "A"), (75, "B"), (60, "C"), (40, "D"), (0, "E"))
CEILING_WITH_CRITICAL = 74


def grade_of(score: int | None) -> Grade | None:
    """A from 90, B from 75, C from 60, D from 40, E below."""
    if score is None:
        return None
    return next(grade for least, grade in GRADES if score >= least)


def score_areas(survey: Analysis, analyses: Mapping[str, Analysis]) -> list[AreaScore]:
    """Every area, the survey first, the others by weight and name."""
    ordered = sorted(analyses.items(), key=lambda item: (-weight_of(item[0]), item[0]))
    areas = [_area("survey", survey, 0)]
    return areas + [_area(name, analysis, weight_of(name)) for name, analysis in ordered]


def weight_of(capsule: str) -> int:
    return WEIGHTS.get(capsule, OTHER_WEIGHT)


def overall_score(areas: Iterable[AreaScore]) -> int | None:
    """The weighted mean of the areas that have a score, held below B while anything critical is open."""
    areas = list(areas)
    scored = [(area.score, area.weight) for area in areas if area.score is not None and area.weight]
    if not scored:
        return None
    total = sum(weight for _, weight in scored)
    mean = round(sum(score * weight for score, weight in scored) / total)
    return min(mean, CEILING_WITH_CRITICAL) if criticals(areas) else mean


def criticals(areas: Iterable[AreaScore]) -> int:
    return sum(area.findings.get("critical", 0) for area in areas)


def explain_method(areas: Iterable[AreaScore]) -> list[str]:
    """How the score came about, for the reader who wants to check it."""
    areas = list(areas)
    used = [area for area in areas if area.score is not None and area.weight]
    unscored = [area.title for area in areas if area.score is None and area.weight]
    lines = ["Grades: A from 90, B from 75, C from 60, D from 40, E below."]
    if used:
        weights = ", ".join(f"{area.title} {area.score} (weight {area.weight})" for area in used)
        lines.insert(0, f"The overall score is the weighted mean of the areas: {weights}.")
    if unscored:
        lines.append(f"Without a score, so not counted: {', '.join(unscored)}.")
    if criticals(areas):
        lines.append(
            f"While a critical finding is open, the overall score is at most {CEILING_WITH_CRITICAL}."
        )
    lines.append(
        "What to do first is ranked by severity, by how many places it touches and whether they change "
        "often, and by effort; one rule is listed once, and areas take turns."
    )
    return lines


def _area(capsule: str, analysis: Analysis, weight: int) -> AreaScore:
    counts = Counter(finding.severity for finding in analysis.findings)
    return AreaScore(
        capsule=capsule,
        title=analysis.title,
        score=analysis.score,
        grade=grade_of(analysis.score),
        weight=weight,
        headline=analysis.headline,
        findings={severity: counts[severity] for severity in SEVERITIES if counts[severity]},
    )

"""The synthesis in plain words: what somebody who knows the repository can agree with or correct."""

from collections.abc import Mapping, Sequence

from capsules.library.synthesis.result import AreaScore, Comparison, Grade
from capsules.repository.analysis import Analysis, Severity

SHAPE: Mapping[Grade, str] = {"A": "very good", "B": "good", "C": "fair", "D": "poor", "E": "bad"}
STRONG = 85
WEAK = 60
MOST_LINES = 6


def summarise(name: str, score: int | None, grade: Grade | None, areas: Sequence[AreaScore]) -> str:
    """The first paragraph but for the comparison: how it stands, where it is best and worst."""
    if score is None or grade is None:
        return f"Nothing in {name} could be scored. {' '.join(_sentence(area.headline) for area in areas)}"
    opening = f"{name} is in {SHAPE[grade]} shape: {score} of 100, grade {grade}."
    return " ".join(filter(None, (opening, _extremes(areas), _count(areas))))


def describe_change(comparison: Comparison) -> str:
    """The comparison as one sentence."""
    if comparison.status != "compared" or comparison.at is None:
        return comparison.note
    then = f"{comparison.at.day} {comparison.at:%B %Y}"
    change = comparison.change
    if change is None:
        moved = "the scores are not comparable"
    elif change == 0:
        moved = "the score has not changed"
    else:
        moved = f"the score {'rose' if change > 0 else 'fell'} by {_points(abs(change))}"
    since = "" if comparison.commits is None else f", {_plural(comparison.commits, 'commit')} ago"
    return (
        f"Since the last audit (on {then}{since}), {moved}; "
        f"{_plural(comparison.resolved_total, 'finding')} resolved, {comparison.new_total:,} new."
    )


def describe_gaps(titles: Sequence[str]) -> str:
    """What the score says nothing about."""
    if not titles:
        return ""
    them = "it" if len(titles) == 1 else "them"
    return f"Not examined: {_listed(titles)}; the score says nothing about {them}."


def strengths_of(areas: Sequence[AreaScore]) -> list[str]:
    """What is good, the best first."""
    good = [area for area in areas if area.score is not None and area.score >= STRONG and area.weight]
    good.sort(key=lambda area: -(area.score or 0))
    return [f"{area.title} ({area.score}): {area.headline}" for area in good[:MOST_LINES]]


def risks_of(
    areas: Sequence[AreaScore], survey: Analysis, refused: Mapping[str, str], comparison: Comparison
) -> list[str]:
    """What may go wrong, the worst first."""
    risks = [
        f"{area.title}: {_plural(area.findings[severity], f'{severity} finding')} open."
        for severity in ("critical", "high")
        for area in areas
        if area.findings.get(severity)
    ]
    risks += _crossings({area.capsule: area.score for area in areas if area.score is not None})
    risks += _few_people(survey)
    risks += [
        f"{area.title} lost {_points(-area.change)} since the last audit."
        for area in areas
        if area.change is not None and area.change <= -5  # below, it is noise
    ]
    if comparison.status == "unavailable":
        risks.append("Whether things got worse since the last audit is not known.")
    return risks[: MOST_LINES + 2] + [describe_refusal(name, why) for name, why in sorted(refused.items())]


def describe_refusal(capsule: str, why: str) -> str:
    """Why there is no analysis, as a sentence; the hub's reasons begin with what happened."""
    name = capsule.replace("_", " ").replace("-", " ").capitalize()
    told = why.startswith(("was ", "failed", "refused", "skipped"))
    return f"{name} {'' if told else 'was not examined: '}{_sentence(why)}"


def _crossings(scores: Mapping[str, int]) -> list[str]:
    """What two weak areas mean together, and neither says alone."""
    weak = {name for name, score in scores.items() if score < WEAK}
    told: dict[frozenset[str], str] = {
        frozenset(
            {"tests", "hotspots"}
        ): "The code that changes most is complex, and tests are thin: mistakes there are found late.",
        frozenset({"tests", "quality"}): "Code that is hard to follow has few tests: write tests before "
        "restructuring it.",
        frozenset({"tests", "dependencies"}): "Dependencies need attention, and tests are thin: upgrades may "
        "break things unnoticed.",
        frozenset({"documentation", "hotspots"}): "The code that changes most is complex, and little is "
        "documented: newcomers will find it hard to change safely.",
    }
    return [text for areas, text in told.items() if areas <= weak]


def _few_people(survey: Analysis) -> list[str]:
    for metric in survey.metrics:
        if metric.name.casefold() == "bus factor" and metric.value == 1:
            return ["One person wrote at least half of the recent changes: their absence would be felt."]
    return []


def _extremes(areas: Sequence[AreaScore]) -> str:
    scored = sorted((area for area in areas if area.score is not None and area.weight), key=_by_score)
    if len(scored) < 2:  # no best and worst of one
        return ""
    best, worst = [area for area in reversed(scored) if (area.score or 0) >= STRONG][:2], scored[0]
    if worst in best or (worst.score or 0) >= STRONG:
        return f"No area stands out as weak; the lowest is {_named(worst)}."
    weakest = f"weakest is {_named(worst)}: {_sentence(worst.headline)}"
    if not best:
        return weakest[0].upper() + weakest[1:]
    verb = "is" if len(best) == 1 else "are"
    return f"Strongest {verb} {_listed([_named(area) for area in best])}; {weakest}"


def _count(areas: Sequence[AreaScore]) -> str:
    counts: dict[Severity, int] = {}
    for area in areas:
        for severity, number in area.findings.items():
            counts[severity] = counts.get(severity, 0) + number
    serious = [f"{counts[level]:,} {level}" for level in ("critical", "high") if counts.get(level)]
    rest = sum(number for level, number in counts.items() if level in {"medium", "low"})
    if not serious:
        smaller = _plural(rest, "smaller thing")
        return f"Nothing critical or of high severity was found, and {smaller} to improve."
    one = sum(counts.get(level, 0) for level in ("critical", "high")) == 1
    verb, noun = ("is", "finding") if one else ("are", "findings")
    smaller = f", and {_plural(rest, 'smaller one')}" if rest else ""
    return f"There {verb} {_listed(serious)} {noun}{smaller}."


def _by_score(area: AreaScore) -> tuple[int, int]:
    return area.score or 0, -area.weight


def _named(area: AreaScore) -> str:
    begins_lower = area.title[:1].lower() + area.title[1:] if area.title[1:2].islower() else area.title
    return f"{begins_lower} ({area.score})"


def _listed(words: Sequence[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


def _plural(number: int, word: str) -> str:
    return f"{number:,} {word}" if number == 1 else f"{number:,} {word}s"


def _points(number: int) -> str:
    return _plural(number, "point")


def _sentence(text: str) -> str:
    text = text.strip()
    return text if text.endswith((".", "!", "?", "…")) else f"{text}."

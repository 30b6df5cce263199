import pytest

from capsules.library.synthesis.result import Grade
from capsules.library.synthesis.scoring import explain_method, grade_of, overall_score, score_areas
from capsules.repository.analysis import Analysis, Finding


def analysis(capsule: str, score: int | None, *severities: str) -> Analysis:
    findings = [
        Finding.of("rule", str(at), title="Something", severity=severity)
        for at, severity in enumerate(severities)
    ]
    return Analysis(
        capsule=capsule, title=capsule.title(), score=score, headline="So it is", findings=findings
    )


SURVEY = analysis("survey", None)


@pytest.mark.parametrize(
    ("score", "grade"),
    [
        (100, "A"),
        (90, "A"),
        (89, "B"),
        (75, "B"),
        (74, "C"),
        (60, "C"),
        (59, "D"),
        (40, "D"),
        (39, "E"),
        (0, "E"),
    ],
)
def test_a_grade_begins_at_its_least_score(score: int, grade: Grade) -> None:
    """Each grade reaches from its least score to just below the next one's."""
    assert grade == grade_of(score)


def test_no_score_is_no_grade() -> None:
    """What was not scored is not graded."""
    assert grade_of(None) is None


def test_the_overall_score_is_the_weighted_mean() -> None:
    """Security counts three times as much as documentation."""
    areas = score_areas(
        SURVEY, {name: analysis(name, score) for name, score in (("security", 40), ("documentation", 100))}
    )

    assert overall_score(areas) == 55  # (3*40 + 1*100) / 4


def test_an_area_without_a_score_does_not_count() -> None:
    """Nothing to score neither lowers nor raises the whole, and the method says that it was left out."""
    areas = score_areas(SURVEY, {"security": analysis("security", None), "tests": analysis("tests", 80)})

    assert overall_score(areas) == 80
    assert "Without a score, so not counted: Security." in explain_method(areas)


def test_nothing_scored_gives_no_overall_score() -> None:
    """A repository of pictures has no grade."""
    assert overall_score(score_areas(SURVEY, {})) is None


def test_a_critical_finding_holds_the_score_below_b() -> None:
    """However good the rest is, a critical finding shows in the overall grade, and the method says so."""
    areas = score_areas(
        SURVEY, {"secrets": analysis("secrets", 90, "critical"), "tests": analysis("tests", 100)}
    )

    assert grade_of(overall_score(areas)) == "C"
    assert any("critical finding is open" in line for line in explain_method(areas))


def test_findings_are_counted_by_severity_the_worst_first() -> None:
    """An area says how many findings of each severity it has, without the severities it has none of."""
    area = score_areas(SURVEY, {"tests": analysis("tests", 1, "low", "high", "low")})[1]

    assert list(area.findings.items()) == [("high", 1), ("low", 2)]


def test_an_unknown_capsule_counts_a_little() -> None:
    """An area that somebody adds is scored with the least weight."""
    assert [
        area.weight for area in score_areas(SURVEY, {"accessibility": analysis("accessibility", 50)})
    ] == [0, 1]

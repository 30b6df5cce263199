from datetime import UTC, datetime, timedelta
from typing import Any

from capsules.library.synthesis.result import Synthesis
from capsules.library.synthesis.snapshot import History
from capsules.library.synthesis.weighing import Audit, compare_with, snapshot_of, weigh
from capsules.repository.analysis import Analysis, Finding, Metric
from capsules.repository.checkout import Checkout

NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)
CHECKOUT = Checkout(root="/nowhere", commit="c" * 40, source="https://example.org/kettle", name="kettle")


def analysis(capsule: str, score: int | None, *findings: Finding, **fields: Any) -> Analysis:
    fields.setdefault("headline", f"What {capsule} says")
    return Analysis(capsule=capsule, title=capsule.title(), score=score, findings=list(findings), **fields)


def audit(*analyses: Analysis, survey: Analysis | None = None, **fields: Any) -> Audit:
    given = {item.capsule: item for item in analyses}
    defaults: dict[str, Any] = {"checkout": CHECKOUT, "refused": {}, "at": NOW}
    return Audit(survey=survey or analysis("survey", None), analyses=given, **defaults | fields)


def weighed(given: Audit, history: History | None = None) -> Synthesis:
    return weigh(given, compare_with(given, history if history is not None else History()), [])


def test_the_summary_names_the_score_the_best_and_the_worst() -> None:
    """The first paragraph says in words how it stands, what is good, and what is worst and why."""
    high = Finding.of("r", title="Bad", severity="high")
    summary = weighed(
        audit(analysis("tests", 95), analysis("security", 45, high), analysis("quality", 80))
    ).summary

    assert summary.startswith(
        "kettle is in fair shape: 69 of 100, grade C."
    )  # (2*95 + 3*45 + 2*80) / 7 = 69.3
    assert "Strongest is tests (95); weakest is security (45): What security says." in summary
    assert "There is 1 high finding." in summary


def test_nothing_to_score_is_said_plainly() -> None:
    """A repository without anything to examine gets no grade and no invented praise."""
    synthesis = weighed(audit(analysis("security", None, headline="No source code: nothing to examine")))

    assert (synthesis.score, synthesis.grade, synthesis.strengths) == (None, None, [])
    assert "Nothing in kettle could be scored" in synthesis.summary


def test_a_refused_area_is_a_gap_and_a_risk() -> None:
    """Whoever reads the score sees what it says nothing about, and by which article."""
    synthesis = weighed(
        audit(analysis("tests", 90), refused={"security": "was refused: article A-3: not here"})
    )

    assert "Not examined: security; the score says nothing about it." in synthesis.summary
    assert "Security was refused: article A-3: not here." in synthesis.risks


def test_everything_refused_still_gives_a_synthesis() -> None:
    """With no analysis but the survey there is a synthesis, and it lists every gap."""
    refused = dict.fromkeys(("security", "tests", "quality"), "failed: out of time")
    synthesis = weighed(audit(refused=refused))

    assert synthesis.score is None
    assert synthesis.risks == [f"{name} failed: out of time." for name in ("Quality", "Security", "Tests")]


def test_a_memory_that_does_not_answer_is_told() -> None:
    """Without the last audit the synthesis comes all the same and says that nothing was compared."""
    given = audit(analysis("tests", 90))
    synthesis = weigh(given, compare_with(given, None, "memory does not answer"), [])

    assert synthesis.comparison.status == "unavailable"
    assert "could not be recalled, so nothing is compared: memory does not answer" in synthesis.summary


def test_areas_show_what_they_gained_and_lost() -> None:
    """The change of each area since the last audit stands beside its score, a loss among the risks."""
    before = audit(analysis("tests", 90), analysis("quality", 60), at=NOW - timedelta(days=3))
    now = audit(analysis("tests", 80), analysis("quality", 70))
    synthesis = weighed(now, History().with_audit(snapshot_of(before)))

    assert {area.capsule: area.change for area in synthesis.areas if area.score} == {
        "tests": -10,
        "quality": 10,
    }
    assert "Since the last audit (on 1 May 2026), the score has not changed" in synthesis.summary
    assert "Tests lost 10 points since the last audit." in synthesis.risks


def test_two_weak_areas_together_are_a_risk_of_their_own() -> None:
    """Thin tests under the code that changes most are more than the two facts apart."""
    synthesis = weighed(audit(analysis("tests", 30), analysis("hotspots", 40)))

    assert any("tests are thin" in risk for risk in synthesis.risks)


def test_one_person_carrying_it_all_is_a_risk() -> None:
    """A bus factor of one is told in plain words."""
    survey = analysis("survey", None, metrics=[Metric(name="Bus factor", value=1)])

    assert any("One person" in risk for risk in weighed(audit(survey=survey)).risks)


def test_a_synthesis_survives_being_stored() -> None:
    """The result is persisted as JSON between capsules."""
    synthesis = weighed(audit(analysis("tests", 90, Finding.of("r", title="T", severity="low"))))

    assert synthesis == Synthesis.model_validate_json(synthesis.model_dump_json())

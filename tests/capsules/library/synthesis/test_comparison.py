from datetime import UTC, datetime, timedelta

from capsules.library.synthesis.comparison import compare
from capsules.library.synthesis.result import Comparison
from capsules.library.synthesis.snapshot import History, Snapshot
from capsules.library.synthesis.weighing import Audit, snapshot_of
from capsules.repository.analysis import MOST_FINDINGS, Analysis, Finding
from capsules.repository.checkout import Checkout

NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)
SURVEY = Analysis(capsule="survey", title="Overview", headline="A few files")


def analysis(capsule: str, score: int | None, *rules: str, tools: dict[str, str] | None = None) -> Analysis:
    findings = [Finding.of(rule, title=f"About {rule}", severity="medium") for rule in rules]
    return Analysis(
        capsule=capsule,
        title=capsule.title(),
        score=score,
        headline="So it is",
        findings=findings,
        tools=tools or {},
    )


def snapshot(
    *analyses: Analysis, commit: str = "a" * 40, days: int = 0, project: str | None = None
) -> Snapshot:
    checkout = Checkout(root="/nowhere", commit=commit, source="https://example.org/x", name="x")
    given = {item.capsule: item for item in analyses}
    at = NOW + timedelta(days=days)
    return snapshot_of(
        Audit(checkout=checkout, survey=SURVEY, analyses=given, refused={}, at=at, project=project)
    )


def compared(before: Snapshot, now: Snapshot) -> Comparison:
    return compare(History().with_audit(before), now, {"quality": "Code quality"})


def test_the_first_audit_says_so() -> None:
    """Without an earlier audit nothing is compared, and the reader is told why."""
    comparison = compare(History(), snapshot(), {})

    assert comparison.status == "first"
    assert "first audit" in comparison.note


def test_new_and_resolved_findings_are_told_apart_by_their_ids() -> None:
    """What is only here now is new, what was only there before is resolved."""
    comparison = compared(
        snapshot(analysis("quality", 70, "a", "b")), snapshot(analysis("quality", 80, "b", "c", "d"))
    )

    assert [line.title for line in comparison.new] == ["About c", "About d"] or comparison.new_total == 2
    assert [line.title for line in comparison.resolved] == ["About a"]
    assert (comparison.new_total, comparison.resolved_total, comparison.unchanged_total) == (2, 1, 1)


def test_scores_are_compared_per_area_and_overall() -> None:
    """Each area that was scored both times has its change in points."""
    comparison = compared(
        snapshot(analysis("quality", 70), analysis("tests", 90)),
        snapshot(analysis("quality", 80), analysis("tests", 84)),
    )

    assert comparison.areas == {"quality": 10, "tests": -6}
    assert (comparison.score, comparison.change) == (80, 2)  # (70 + 90) / 2, then (80 + 84) / 2


def test_an_area_that_is_missing_resolves_nothing() -> None:
    """Findings of an area that was refused this time are not called resolved, and a caveat says so."""
    comparison = compared(
        snapshot(analysis("quality", 70, "a"), analysis("tests", 50)), snapshot(analysis("tests", 50))
    )

    assert comparison.resolved_total == 0
    assert comparison.change is None  # the overall scores stand for different areas
    assert comparison.caveats == [
        "Code quality was not examined this time, so its findings are not compared."
    ]


def test_an_area_with_more_findings_than_are_kept_resolves_nothing() -> None:
    """Where the list was cut, a finding that is not in it may still be there."""
    many = analysis("quality", 10, *(f"rule{at}" for at in range(MOST_FINDINGS)))
    comparison = compared(snapshot(many), snapshot(analysis("quality", 90)))

    assert comparison.resolved_total == 0
    assert "more findings than are kept" in comparison.caveats[0]


def test_other_versions_of_the_tools_are_a_caveat() -> None:
    """A difference may come from the tools, so the reader is told when they changed."""
    comparison = compared(
        snapshot(analysis("quality", 70, tools={"ruff": "1"})),
        snapshot(analysis("quality", 70, tools={"ruff": "2"})),
    )

    assert "other versions of its tools" in comparison.caveats[0]


def test_a_second_attempt_does_not_compare_an_audit_with_itself() -> None:
    """What the same project left before it was interrupted is set aside; the audit before it counts."""
    first = snapshot(analysis("quality", 70), commit="1" * 40, project="prj_1")
    second = snapshot(analysis("quality", 80), commit="2" * 40, days=1, project="prj_2")
    history = History().with_audit(first).with_audit(second)

    assert compare(history.seen_by("prj_2"), second, {}).commit == first.commit
    assert compare(history.seen_by("prj_3"), second, {}).commit == second.commit
    assert history == history.seen_by("prj_2").with_audit(second)  # trying again adds nothing


def test_a_history_survives_being_stored() -> None:
    """What is written as JSON comes back the same, and the scores of all audits are in it."""
    history = History()
    for day in range(3):
        history = history.with_audit(snapshot(analysis("quality", 70 + day, "a"), days=day))

    assert history == History.model_validate_json(history.model_dump_json())
    assert [point.score for point in history.trend] == [70, 71, 72]


def test_a_snapshot_stays_small() -> None:
    """Eight areas full of findings with long names fit into one value of the memory."""
    long = [
        Finding.of(f"r{at}", title="ü" * 500, severity="low", path="p" * 500) for at in range(MOST_FINDINGS)
    ]
    areas = [
        Analysis(capsule=f"area{at}", title="Area", headline="h", findings=long, score=1) for at in range(8)
    ]
    history = History().with_audit(snapshot(*areas)).with_audit(snapshot(*areas))

    assert len(history.model_dump_json()) < 1_000_000

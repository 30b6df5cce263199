import pytest
from pydantic import ValidationError

from capsules.repository.analysis import Analysis, Coverage, Finding, Metric


def finding(severity: str, name: str) -> Finding:
    return Finding.of("rule", name, path="a.py", title=name, severity=severity)


def test_an_id_survives_moved_lines_and_white_space() -> None:
    """The id of a finding depends on rule, path and content alone."""
    one = Finding.of("r", "x  =\n1", path="a.py", line=3, title="t", severity="low")
    other = Finding.of("r", "x = 1", path="a.py", line=99, title="other", severity="high")
    elsewhere = Finding.of("r", "x = 1", path="b.py", line=3, title="t", severity="low")

    assert one.id == other.id
    assert one.id != elsewhere.id


def test_the_most_severe_findings_are_kept_and_the_rest_is_told() -> None:
    """A bounded analysis says how many findings there were."""
    findings = [finding("info", "d"), finding("critical", "a"), finding("low", "c"), finding("high", "b")]
    analysis = Analysis(capsule="x", title="X", headline="h", findings=findings).bounded(2)

    assert [kept.title for kept in analysis.findings] == ["a", "b"]
    assert analysis.metrics[-1].value == 4
    assert "4 findings in all" in analysis.notes[0]


def test_hostile_text_can_be_stored() -> None:
    """Control characters and lone surrogates are escaped; new lines and other writing stay."""
    metric = Metric(name="n\0ame\x1b[31m", value="caf\udce9 é\n")

    assert metric.name == "n\\x00ame\\x1b[31m"
    assert metric.value == "caf\\xdce9 é\n"
    assert Metric.model_validate_json(metric.model_dump_json()) == metric


def test_an_analysis_survives_json() -> None:
    """What is stored is what was made, numbers with their types."""
    analysis = Analysis(
        capsule="x",
        title="X",
        score=90,
        headline="h",
        metrics=[Metric(name="a", value=1), Metric(name="b", value=1.5), Metric(name="c", value="1")],
        coverage=Coverage(examined=1, total=2, skipped={"binary": 1}),
    )

    assert Analysis.model_validate_json(analysis.model_dump_json()) == analysis


def test_a_score_outside_of_its_range_is_refused() -> None:
    """A score is a percentage."""
    with pytest.raises(ValidationError):
        Analysis(capsule="x", title="X", headline="h", score=101)

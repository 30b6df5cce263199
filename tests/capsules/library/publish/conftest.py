"""A report made of whatever text a test wants to see in every place of it."""

from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from capsules.library.publish.contents import Report
from capsules.library.publish.provenance import Provenance
from capsules.library.synthesis.snapshot import History
from capsules.library.synthesis.weighing import Audit, compare_with, snapshot_of, weigh
from capsules.repository.analysis import Analysis, Coverage, Finding, Metric, Plot, Table
from capsules.repository.checkout import Checkout

NOW = datetime(2026, 5, 4, 12, 30, tzinfo=UTC)
MakeReport = Callable[..., Report]


@pytest.fixture
def make_report() -> MakeReport:
    """Makes a report in which every free text is the given one."""
    return report_of


def report_of(text: str = "kettle", *, findings: int = 3, rows: int = 3, refused: bool = True) -> Report:
    checkout = Checkout(root="/nowhere", commit="c" * 40, source=text, name=text, default_branch=text)
    survey, analyses = (
        analysis("survey", text, 0, rows),
        {"security": analysis("security", text, findings, rows)},
    )
    gaps = {"secrets": f"was refused: {text}"} if refused else {}
    before = Audit(
        checkout=checkout,
        survey=survey,
        analyses={"security": analysis("security", "old", 2, 1)},
        refused={},
        at=NOW,
    )
    audit = Audit(checkout=checkout, survey=survey, analyses=analyses, refused=gaps, at=NOW)
    history = History()
    for _ in range(3):
        history = history.with_audit(snapshot_of(before))
    synthesis = weigh(audit, compare_with(audit, history), [text])
    provenance = Provenance(
        project=text, requested_by=text, approved_by=text, approval_comment=text, approved_at=NOW
    )
    return Report(
        checkout=checkout,
        survey=survey,
        analyses=analyses,
        synthesis=synthesis,
        refused=gaps,
        provenance=provenance,
    )


def analysis(capsule: str, text: str, findings: int, rows: int) -> Analysis:
    return Analysis(
        capsule=capsule,
        title=text,
        score=70 if findings else None,
        headline=text,
        metrics=[Metric(name=text, value=text, unit=text, note=text), Metric(name="size", value=1234.5)],
        findings=[finding(text, at) for at in range(findings)],
        tables=[Table(title=text, columns=[text, "lines"], rows=[[text, at] for at in range(rows)])],
        plots=[plot("barh", text), plot("scatter", text)],
        coverage=Coverage(examined=3, total=4, skipped={text: 1}),
        notes=[text],
        tools={"tool": text},
        attachments={"sbom.cdx.json": "{}"} if capsule == "security" else {},
    )


def finding(text: str, at: int) -> Finding:
    return Finding.of(
        f"rule{at % 12}",
        f"{text}{at}",
        title=text,
        severity="high",
        path=text,
        line=at + 1,
        detail=text,
        advice=text,
        links=[text, "https://example.org/a?b=1&c=2"],
    )


def plot(kind: str, text: str) -> Plot:
    series = (
        {"x": [1.0, 2.0], "y": [3.0, 1.0]} if kind == "scatter" else {text: [2.0, 1.0], "more": [1.0, 1.0]}
    )
    return Plot.model_validate(
        {
            "kind": kind,
            "title": text,
            "x_label": text,
            "y_label": text,
            "labels": [text, "other"],
            "series": series,
        }
    )

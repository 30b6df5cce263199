import json
from collections.abc import Callable
from dataclasses import replace

from capsules.library.publish.contents import MOST_FINDINGS, Report
from capsules.library.publish.files import make_files
from capsules.library.publish.findings_file import SCHEMA


def test_the_deliverables_are_page_markdown_sbom_and_findings(make_report: Callable[..., Report]) -> None:
    """A maintainer gets the report to read, and programs get the rest."""
    assert list(make_files(make_report())) == ["findings.json", "report.html", "report.md", "sbom.cdx.json"]


def test_the_findings_file_has_every_finding(make_report: Callable[..., Report]) -> None:
    """What the page cuts is whole in the JSON, under a schema with a version."""
    report = make_report(findings=MOST_FINDINGS + 10)
    document = json.loads(make_files(report)["findings.json"])

    assert document["schema"] == SCHEMA
    assert {finding["id"] for finding in document["findings"]} == {
        finding.id for finding in report.analyses["security"].findings
    }
    assert document["not_examined"] == [{"capsule": "secrets", "reason": "was refused: kettle"}]


def test_the_findings_file_keeps_its_shape(make_report: Callable[..., Report]) -> None:
    """Programs rely on these names; a change of them is a new version of the schema."""
    document = json.loads(make_files(make_report())["findings.json"])

    assert set(document) == {
        *("schema", "repository", "audited_at", "score", "grade", "summary", "areas", "not_examined"),
        *("actions", "comparison", "findings", "provenance"),
    }
    assert set(document["findings"][0]) == {
        *(
            "capsule",
            "id",
            "rule",
            "title",
            "severity",
            "path",
            "line",
            "detail",
            "advice",
            "effort",
            "links",
        ),
    }


def test_an_attachment_cannot_leave_the_folder(make_report: Callable[..., Report]) -> None:
    """A name with a path in it, or one of the report's own, is never written as given."""
    report = make_report()
    names = {
        "../evil.json": "x",
        "/etc/passwd": "x",
        ".hidden": "x",
        "a/b": "x",
        "report.html": "x",
        "ok.csv": "1",
    }
    security = report.analyses["security"].model_copy(update={"attachments": names})
    files = make_files(replace(report, analyses={"security": security}))

    assert set(files) == {"ok.csv", "report.html", "report.md", "findings.json"}
    assert files["report.html"].startswith("<!doctype html>")

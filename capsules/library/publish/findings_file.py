import json
from typing import Any

from capsules.library.publish.contents import Report

SCHEMA = "soma/repository-audit-findings/v1"


def findings_json(report: Report) -> str:
    """Every finding of every area, with the scores, for programs."""
    synthesis = report.synthesis
    document: dict[str, Any] = {
        "schema": SCHEMA,
        "repository": {"name": synthesis.name, "source": synthesis.source, "commit": synthesis.commit},
        "audited_at": synthesis.at.isoformat(),
        "score": synthesis.score,
        "grade": synthesis.grade,
        "summary": synthesis.summary,
        "areas": [_area(report, area.capsule) for area in synthesis.areas],
        "not_examined": [{"capsule": name, "reason": why} for name, why in sorted(report.refused.items())],
        "actions": [action.model_dump(mode="json") for action in synthesis.actions],
        "comparison": synthesis.comparison.model_dump(mode="json"),
        "findings": [
            {"capsule": name, **finding.model_dump(mode="json")}
            for name, analysis in report.everything.items()
            for finding in analysis.findings
        ],
        "provenance": report.provenance.model_dump(mode="json"),
    }
    return json.dumps(document, ensure_ascii=False, indent=1) + "\n"


def _area(report: Report, capsule: str) -> dict[str, Any]:
    area = next(area for area in report.synthesis.areas if area.capsule == capsule)
    analysis = report.everything[capsule]
    return {
        **area.model_dump(mode="json"),
        "metrics": [metric.model_dump(mode="json") for metric in analysis.metrics],
        "coverage": analysis.coverage.model_dump(mode="json"),
        "notes": analysis.notes,
        "tools": analysis.tools,
    }

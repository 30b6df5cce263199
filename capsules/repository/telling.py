"""What the sides of an audit tell each other while they work: each its headline and its worst places."""

from typing import Any

from blocks.constitution.detectors.secrets import redacted
from capsules.repository.analysis import SEVERITIES, Analysis
from tasks.messages import mention

MOST = 5
WORTH = frozenset({"critical", "high", "medium"})
LONGEST = 1_500


async def told(analysis: Analysis) -> Analysis:
    """The analysis, when the other steps of the project have been told of it; outside of one, nobody is."""
    text, data = gist(analysis)
    await mention(text, data=data)
    return analysis


def gist(analysis: Analysis) -> tuple[str, dict[str, Any]]:
    """The headline with the worst finding, and the worst findings that have a place, without secrets."""
    worst = sorted(
        (finding for finding in analysis.findings if finding.path and finding.severity in WORTH),
        key=lambda finding: SEVERITIES.index(finding.severity),
    )[:MOST]
    told = not worst or worst[0].title in analysis.headline
    first = "" if told else f" Worst: {worst[0].title} ({worst[0].path})."
    places = [
        {"title": finding.title[:300], "severity": finding.severity, "path": str(finding.path)[:500]}
        for finding in worst
    ]
    said = {"side": analysis.capsule, "title": analysis.title, "score": analysis.score, "worst": places}
    text: str = redacted(f"{analysis.headline}{first}"[:LONGEST])
    data: dict[str, Any] = redacted(said)
    return text, data

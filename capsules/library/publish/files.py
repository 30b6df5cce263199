import re
from collections.abc import Iterator

from capsules.library.publish.contents import Report
from capsules.library.publish.findings_file import findings_json
from capsules.library.publish.rendering import render_html, render_markdown

PAGE, TEXT, FINDINGS = "report.html", "report.md", "findings.json"
_SAFE = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")


def make_files(report: Report) -> dict[str, str]:
    """Everything that is published, by name; the same report always gives the same bytes."""
    files = dict(_attachments(report))
    files |= {
        PAGE: render_html(report),
        TEXT: render_markdown(report),
        FINDINGS: findings_json(report),
    }
    return dict(sorted(files.items()))


def _attachments(report: Report) -> Iterator[tuple[str, str]]:
    """What the analyses give along, such as the SBOM; names that are not plainly safe are left out."""
    for analysis in report.everything.values():
        for name, content in analysis.attachments.items():
            if _SAFE.fullmatch(name):
                yield name, content

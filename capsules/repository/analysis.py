"""The one result of every capsule that examines a repository; the report renders it generically."""

import hashlib
from collections import Counter
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from blocks.records.text import escaped

Severity = Literal["critical", "high", "medium", "low", "info"]
SEVERITIES: tuple[Severity, ...] = ("critical", "high", "medium", "low", "info")
MOST_FINDINGS = 500


def storable(value: object) -> object:
    """Escape in a text what JSON or PostgreSQL cannot hold: control characters and lone surrogates."""
    if not isinstance(value, str):
        return value
    return escaped(value)


Text = Annotated[str, BeforeValidator(storable)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)


class Finding(_Part):
    """One thing that a maintainer would want to act on."""

    id: str
    """The same in every audit of a repository as long as the thing itself is the same."""
    rule: Text
    title: Text
    severity: Severity
    path: Text | None = None
    line: int | None = None
    detail: Text = ""
    advice: Text = ""
    effort: Literal["minutes", "hours", "days"] = "hours"
    links: list[Text] = []

    @classmethod
    def of(cls, rule: str, content: str = "", *, path: str | None = None, **fields: Any) -> Self:
        """Make a finding whose id comes from rule, path and content (a function's name, a line's text)."""
        return cls(id=finding_id(rule, path, content), rule=rule, path=path, **fields)


def finding_id(rule: str, path: str | None, content: str = "") -> str:
    """An id that survives moved lines and changed white space."""
    parts = "\0".join((rule, path or "", " ".join(content.split())))
    return hashlib.sha256(parts.encode("utf-8", "backslashreplace")).hexdigest()[:16]


class Metric(_Part):
    """One figure, with a note that says how it was found."""

    name: Text
    value: int | float | Text
    unit: Text = ""
    note: Text = ""


class Table(_Part):
    """Rows under column names."""

    title: Text
    columns: list[Text]
    rows: list[list[int | float | Text | None]]


class Plot(_Part):
    """What to draw; a scatter has the series `x` and `y`, and its labels name the points."""

    kind: Literal["bar", "barh", "line", "scatter", "stacked"]
    title: Text
    x_label: Text = ""
    y_label: Text = ""
    labels: list[Text]
    series: dict[Text, list[float]]


class Coverage(_Part):
    """How many files were looked at, of how many, and why the others were not."""

    examined: int = 0
    total: int = 0
    skipped: dict[Text, int] = {}


class Analysis(_Part):
    """What one capsule found out about a repository."""

    capsule: str
    title: Text
    score: Annotated[int, Field(ge=0, le=100)] | None = None
    """None when there is nothing to score."""
    headline: Text
    """The one sentence that a maintainer reads first."""
    metrics: list[Metric] = []
    findings: list[Finding] = []
    tables: list[Table] = []
    plots: list[Plot] = []
    coverage: Coverage = Coverage()
    notes: list[Text] = []
    tools: dict[str, Text] = {}
    """The version of each tool that was used."""
    attachments: dict[str, Text] = {}
    """File name to text content, such as `sbom.cdx.json`."""

    def bounded(self, limit: int = MOST_FINDINGS) -> Self:
        """The same with its `limit` most severe findings, worst first, and a note on what was left out."""
        total = len(self.findings)
        counts = Counter(finding.severity for finding in self.findings)
        spread = ", ".join(f"{counts[severity]} {severity}" for severity in SEVERITIES if counts[severity])
        metric = Metric(name="findings", value=total, note=spread)
        notes = [*self.notes]
        if total > limit:
            notes.append(f"{total:,} findings in all; the {limit:,} most severe are listed.")
        findings = sorted(self.findings, key=lambda finding: SEVERITIES.index(finding.severity))[:limit]
        return self.model_copy(
            update={"findings": findings, "notes": notes, "metrics": [*self.metrics, metric]}
        )

from collections import Counter
from importlib.metadata import version

from capsules.library.security.python_code import PythonScan
from capsules.library.security.scan import DeliveryScan
from capsules.library.security.weakness import Weaknesses, as_findings
from capsules.repository.analysis import (
    MOST_FINDINGS,
    SEVERITIES,
    Analysis,
    Coverage,
    Finding,
    Metric,
    Plot,
    Table,
)
from capsules.repository.walk import Walk

WEIGHTS = {"critical": 30.0, "high": 10.0, "medium": 3.0, "low": 0.5, "info": 0.0}
_SHOWN = 10
_RULES_SHOWN = 20


def report_python(walk: Walk, scan: PythonScan) -> Analysis:
    """What bandit found in the Python files."""
    return Analysis(
        capsule="security",
        title="Python code",
        headline="",
        metrics=[
            Metric(name="lines of Python examined", value=scan.lines, unit="lines"),
            Metric(
                name="findings hidden by comments",
                value=scan.suppressed,
                note="`nosec`, and `noqa` with the rule's number, were obeyed; so many findings they hide",
            ),
            Metric(
                name="asserts in tests",
                value=scan.test_asserts,
                note="not listed: tests are written with them",
            ),
        ],
        findings=_listed(scan.weaknesses),
        tables=_rules(scan.weaknesses),
        coverage=walk.coverage,
        notes=[*walk.notes(), *_unread("have a syntax error", scan.broken), *_unread(_FAILED, scan.failed)],
        tools={"bandit": version("bandit")},
    )


def report_delivery(scan: DeliveryScan) -> Analysis:
    """What workflows, Dockerfiles and names of files showed."""
    return Analysis(
        capsule="security",
        title="Delivery",
        headline="",
        findings=_listed(scan.weaknesses),
        tables=_rules(scan.weaknesses),
        coverage=scan.walk.coverage,
        notes=scan.walk.notes(),
    )


def combine(python: Analysis, delivery: Analysis) -> Analysis:
    """One analysis of both parts, with a score and a headline."""
    findings = [*python.findings, *delivery.findings]
    lines = int(python.metrics[0].value)
    rows = [row for part in (python, delivery) for table in part.tables for row in table.rows]
    rows.sort(key=lambda row: (SEVERITIES.index(str(row[1])), -int(row[2] or 0), str(row[0])))
    analysis = Analysis(
        capsule="security",
        title="Security",
        score=_score(findings, lines) if python.coverage.examined + delivery.coverage.examined else None,
        headline=_headline(python, delivery, findings),
        metrics=[*python.metrics, _weights(lines)],
        findings=findings,
        tables=[Table(title="Places by rule", columns=["rule", "severity", "places"], rows=rows)]
        if rows
        else [],
        plots=_plots(rows),
        coverage=_sum(python.coverage, delivery.coverage),
        notes=[*python.notes, *delivery.notes, _NOTE],
        tools=python.tools,
    )
    return analysis.bounded()


_FAILED = "could not be examined (nested too deeply, or bandit gave up)"
_NOTE = (
    "Settings of bandit in the repository were ignored. Hard-coded passwords are the secrets capsule's part. "
    "Findings in tests count as low at most, in examples and documentation one grade less."
)


def _listed(weaknesses: Weaknesses) -> list[Finding]:
    findings = as_findings(weaknesses)
    return sorted(findings, key=lambda finding: SEVERITIES.index(finding.severity))[:MOST_FINDINGS]


def _rules(weaknesses: Weaknesses) -> list[Table]:
    names = {weakness.rule: weakness.name for weakness in weaknesses.kept}
    rows: list[list[str | int | float | None]] = [
        [f"{rule}: {names[rule]}", severity, count] for (rule, severity), count in weaknesses.counts.items()
    ]
    return [Table(title="Places by rule", columns=["rule", "severity", "places"], rows=rows)]


def _unread(what: str, paths: list[str]) -> list[str]:
    if not paths:
        return []
    more = f" and {len(paths) - _SHOWN:,} more" if len(paths) > _SHOWN else ""
    return [f"{len(paths):,} Python files {what}: {', '.join(paths[:_SHOWN])}{more}."]


def _points(findings: list[Finding]) -> float:
    return sum(WEIGHTS[finding.severity] for finding in findings)


def _score(findings: list[Finding], lines: int) -> int:
    """A hundred without findings; a larger project may have a few more for the same score."""
    allowance = 20 + 2 * lines / 1000
    score = round(100 / (1 + _points(findings) / allowance))
    return min(score, 50) if any(finding.severity == "critical" for finding in findings) else score


def _weights(lines: int) -> Metric:
    weights = ", ".join(f"{severity} {points:g}" for severity, points in WEIGHTS.items())
    allowance = 20 + 2 * lines / 1000
    return Metric(
        name="points a finding costs",
        value=weights,
        note=f"the score is 100 / (1 + points / {allowance:.0f}); the {allowance:.0f} are 20 and 2 for each "
        "1,000 lines of Python",
    )


def _headline(python: Analysis, delivery: Analysis, findings: list[Finding]) -> str:
    files = python.coverage.examined
    if not files and not delivery.coverage.examined:
        return "No Python source, no workflow and no Dockerfile: nothing to examine."
    looked = f"{files:,} Python files" if files else "no Python source, only the delivery files"
    counts = Counter(finding.severity for finding in findings)
    serious = [f"{counts[severity]} {severity}" for severity in SEVERITIES[:3] if counts[severity]]
    if not serious:
        return f"No serious weakness found ({looked} examined)."
    worst = min(findings, key=lambda finding: SEVERITIES.index(finding.severity))
    where = f" in {worst.path} line {worst.line}" if worst.path else ""
    return f"{', '.join(serious)} ({looked} examined); first look at: {worst.title}{where}."


def _plots(rows: list[list[str | int | float | None]]) -> list[Plot]:
    most = sorted(rows, key=lambda row: -int(row[2] or 0))[:_RULES_SHOWN]
    if not most:
        return []
    return [
        Plot(
            kind="barh",
            title="Places by rule",
            x_label="places",
            labels=[str(row[0]) for row in most],
            series={"places": [float(row[2] or 0) for row in most]},
        )
    ]


def _sum(one: Coverage, other: Coverage) -> Coverage:
    skipped = Counter(one.skipped)
    skipped.update(other.skipped)
    return Coverage(
        examined=one.examined + other.examined, total=one.total + other.total, skipped=dict(skipped)
    )

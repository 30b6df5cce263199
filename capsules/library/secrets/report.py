import re
from collections import Counter
from collections.abc import Iterator
from importlib.metadata import version
from itertools import groupby

from capsules.library.secrets.detectors import CROWDED, LONGEST_LINE
from capsules.library.secrets.scan import Scan, Secret
from capsules.repository.analysis import SEVERITIES, Analysis, Finding, Metric, Table

WEIGHTS = {"critical": 50, "high": 25, "medium": 8, "low": 1, "info": 0}
_REVOKE = (
    "Revoke it at its provider first: whoever has a clone has the value, so removing it from the tree or the "
    "history is not enough. Then read it from the environment or a secret store."
)
_CHECK = (
    "Check that it is made for this purpose and opens nothing real. A comment `pragma: allowlist secret` on "
    "the line says that somebody has checked."
)
_SHOWN = 20


def report_secrets(scan: Scan) -> Analysis:
    """What a scan found, without a single value of it."""
    findings = [*_single(scan.secrets), *_grouped(scan.secrets)]
    analysis = Analysis(
        capsule="secrets",
        title="Secrets",
        score=_score(findings) if scan.walk.examined else None,
        headline=_headline(scan, findings),
        metrics=_metrics(scan),
        findings=findings,
        tables=_tables(scan),
        coverage=scan.walk.coverage,
        notes=_notes(scan),
        tools={"detect-secrets": version("detect-secrets")},
    )
    return analysis.bounded()


def _single(secrets: list[Secret]) -> Iterator[Finding]:
    """In the product's own files each place is a finding."""
    for secret in secrets:
        if secret.place == "product":
            yield Finding.of(
                f"secret-{_slug(secret.kind)}",
                secret.fingerprint,
                path=secret.path,
                title=f"{secret.kind} committed",
                severity=secret.severity,
                line=secret.line,
                detail=f"{_described(secret)}. The value is not shown.",
                advice=_REVOKE,
            )


def _grouped(secrets: list[Secret]) -> Iterator[Finding]:
    """In tests, examples, documentation and vendored code all places of one file are one finding."""
    others = [secret for secret in secrets if secret.place != "product"]
    for path, group in groupby(others, key=lambda secret: secret.path):
        found = list(group)
        worst = min(found, key=lambda secret: SEVERITIES.index(secret.severity))
        places = "; ".join(_described(secret) for secret in found[:_SHOWN])
        more = f"; and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
        yield Finding.of(
            f"secret-in-{worst.place}",
            ",".join(sorted({secret.fingerprint for secret in found})),
            path=path,
            title=_counted(len(found), "secret-looking value") + f" in {_PLACES[worst.place]}",
            severity=worst.severity,
            line=worst.line,
            detail=f"{places}{more}. The values are not shown.",
            advice=_CHECK,
            effort="minutes",
        )


_PLACES = {
    "test": "a test",
    "example": "an example",
    "documentation": "documentation",
    "vendored": "vendored code",
}


def _described(secret: Secret) -> str:
    return f"Line {secret.line}: {secret.kind} (fingerprint {secret.fingerprint})"


def _score(findings: list[Finding]) -> int:
    return max(0, 100 - sum(WEIGHTS[finding.severity] for finding in findings))


def _headline(scan: Scan, findings: list[Finding]) -> str:
    if not scan.walk.examined:
        return "No text file: nothing to examine."
    own = [secret for secret in scan.secrets if secret.place == "product"]
    rest = len(findings) - len(own)
    mild = f"; {_counted(rest, 'file')} of tests, examples or documentation to check" if rest else ""
    if not own:
        return f"No secret found in the product's part of {scan.walk.examined:,} text files{mild}."
    worst = min(own, key=lambda secret: SEVERITIES.index(secret.severity))
    counted = _counted(len(own), "suspected secret")
    return f"{counted}, the worst a {worst.kind} in {worst.path} line {worst.line}{mild}."


def _metrics(scan: Scan) -> list[Metric]:
    weights = ", ".join(f"{severity} {points}" for severity, points in WEIGHTS.items())
    own = sum(secret.place == "product" for secret in scan.secrets)
    return [
        Metric(name="suspected secrets in the product", value=own),
        Metric(name="suspected secrets elsewhere", value=len(scan.secrets) - own),
        Metric(
            name="different values",
            value=len({secret.fingerprint for secret in scan.secrets}),
            note="the same value in several places counts once",
        ),
        Metric(name="left out as no secret", value=scan.dropped.total(), note="by reason in the table"),
        Metric(name="excused by a comment", value=scan.allowed, note="lines with `pragma: allowlist secret`"),
        Metric(name="points a finding costs", value=weights, note="the score is 100 less these, at least 0"),
    ]


def _tables(scan: Scan) -> list[Table]:
    kinds = Counter((secret.kind, secret.place, secret.severity) for secret in scan.secrets)
    found = [[kind, place, severity, count] for (kind, place, severity), count in sorted(kinds.items())]
    dropped = [[reason, count] for reason, count in scan.dropped.most_common()]
    tables = [
        Table(title="Suspected secrets", columns=["kind", "where", "severity", "places"], rows=list(found)),
        Table(title="Hits left out", columns=["reason", "hits"], rows=list(dropped)),
    ]
    return [table for table in tables if table.rows]


def _notes(scan: Scan) -> list[str]:
    notes = [
        "Only the tree of the audited commit was searched, not the history before it.",
        "No value was tried against its provider: whether a secret still works is not known.",
        *scan.walk.notes(),
    ]
    if scan.unsearched["long"]:
        long = f"{scan.unsearched['long']:,} lines above {LONGEST_LINE:,} characters"
        notes.append(f"{long} were not searched.")
    if scan.unsearched["crowded"]:
        crowded = f"{scan.unsearched['crowded']:,} lines with more than {CROWDED} telling words"
        notes.append(f"{crowded} were searched for the formats of providers only.")
    return notes


def _slug(kind: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", kind.lower()).strip("-")


def _counted(number: int, thing: str) -> str:
    return f"{number:,} {thing}{'' if number == 1 else 's'}"

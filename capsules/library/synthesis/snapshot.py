"""What one audit leaves behind for the next: scores and finding ids, a few hundred kilobytes at most."""

import hashlib
import json
import re
from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict

from capsules.library.synthesis.result import AreaScore, FindingLine, TrendPoint
from capsules.repository.analysis import MOST_FINDINGS, Analysis, Finding

MOST_BYTES = 400_000
MOST_TREND = 50
_SCP = re.compile(r"^(?:[^@/\s]+@)?(?P<host>[\w.-]{2,}):(?P<path>(?!//)[^\\].*)$")


class AreaSnapshot(BaseModel):
    """What one area looked like."""

    model_config = ConfigDict(extra="ignore")

    score: int | None
    complete: bool
    """Whether every finding of the area is in the snapshot, so that a missing one means: resolved."""
    tools: dict[str, str] = {}


class Snapshot(BaseModel):
    """One audit, as the next one of the same repository remembers it."""

    model_config = ConfigDict(extra="ignore")

    project: str | None = None
    commit: str
    at: datetime
    score: int | None
    areas: dict[str, AreaSnapshot]
    findings: list[FindingLine]


class History(BaseModel):
    """The last two audits and the scores of those before."""

    model_config = ConfigDict(extra="ignore")

    latest: Snapshot | None = None
    before: Snapshot | None = None
    trend: list[TrendPoint] = []

    def seen_by(self, project: str | None) -> Self:
        """The history without what this very project left in an earlier attempt."""
        if project is None or self.latest is None or self.latest.project != project:
            return self
        return self.model_copy(update={"latest": self.before, "before": None, "trend": self.trend[:-1]})

    def with_audit(self, audit: Snapshot) -> Self:
        """The history after this audit."""
        point = TrendPoint(at=audit.at, commit=audit.commit, score=audit.score)
        trend = [*self.trend, point][-MOST_TREND:]
        return self.model_copy(update={"latest": audit, "before": self.latest, "trend": trend})


def take_snapshot(
    analyses: dict[str, Analysis], areas: list[AreaScore], *, audit: TrendPoint, project: str | None
) -> Snapshot:
    """The audit as compact as the next one needs it, the worst findings first where it must be cut."""
    listed = sorted(areas, key=lambda area: -area.weight)
    lines: list[FindingLine] = []
    kept: dict[str, AreaSnapshot] = {}
    room = MOST_BYTES
    for area in listed:
        analysis = analyses[area.capsule]
        fitting = list(_fitting((shorten(found, area.capsule) for found in analysis.findings), room))
        room -= sum(size for _, size in fitting)
        lines += [line for line, _ in fitting]
        whole = len(analysis.findings) == len(fitting) and is_complete(analysis)
        kept[area.capsule] = AreaSnapshot(score=area.score, complete=whole, tools=analysis.tools)
    return Snapshot(
        project=project, commit=audit.commit, at=audit.at, score=audit.score, areas=kept, findings=lines
    )


def _fitting(lines: Iterable[FindingLine], room: int) -> Iterator[tuple[FindingLine, int]]:
    for line in lines:
        size = len(json.dumps(line.model_dump())) + 1
        if size > room:
            return
        room -= size
        yield line, size


def shorten(finding: Finding, capsule: str) -> FindingLine:
    title, path = finding.title[:90], finding.path[:120] if finding.path else None
    return FindingLine(id=finding.id, capsule=capsule, severity=finding.severity, title=title, path=path)


def is_complete(analysis: Analysis) -> bool:
    return len(analysis.findings) < MOST_FINDINGS


def subject_of(source: str) -> str:
    """The same for every spelling of one repository: with or without user, `.git`, scheme or final slash."""
    return hashlib.sha256(canonical_source(source).encode()).hexdigest()[:24]


def canonical_source(source: str) -> str:
    """`host/path` for what lies on a host, the absolute path for what lies here."""
    text = source.strip()
    address = urlsplit(text) if "://" in text else None
    scp = None if address else _SCP.match(text)
    if address and address.scheme != "file":
        text = f"{(address.hostname or '').lower()}/{address.path.strip('/')}"
    elif scp and not Path(text).exists():
        text = f"{scp['host'].lower()}/{scp['path'].strip('/')}"
    else:
        text = str(Path(address.path if address else text).absolute())
    return text.removesuffix("/.git").removesuffix(".git").rstrip("/")
